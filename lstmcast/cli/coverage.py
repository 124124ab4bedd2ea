"""How tables print a coverage: marked where it deviates, in parentheses where days are too few."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstmcast.evaluation.coverage_check import CoverageCheck


def coverage_cell(check: "CoverageCheck") -> str:
    """`77.6%`; `71.0%*` if that is beyond sampling error; `(73.2%)` over too few days to judge."""
    share = f"{check.coverage:.1%}"
    if check.calibrated is None:
        return f"({share})"
    return share if check.calibrated else f"{share}*"


def coverage_notes(checks: "Iterable[CoverageCheck]") -> str:
    """What the marks mean, of those that occur: lines that follow a caption."""
    found = {check.calibrated for check in checks}
    notes = {
        False: "*: deviates from the nominal coverage by more than sampling error",
        None: "(in parentheses): fewer than 60 days, too few to judge",
    }
    return "".join(f"\n{note}" for value, note in notes.items() if value in found)
