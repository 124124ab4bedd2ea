"""What a check has to say about a price history, in a form that is shown, stored and tested."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["note", "warning", "suspect"]
"""`note`: done, for the record. `warning`: look at it. `suspect`: not stored unless accepted."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check noticed.

    Args:
        check: the check's short name, such as `missing_sessions`.
        level: how much it matters.
        message: one line for a reader, no full stop.
        dates: the sessions concerned, ISO dates in order.
    """

    check: str
    level: Level
    message: str
    dates: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain types for JSON."""
        return {**asdict(self), "dates": list(self.dates)}


def count(number: int, what: str) -> str:
    """Return a number with its noun: `1 row`, `2 rows`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def list_dates(dates: Iterable[str], most: int = 3) -> str:
    """Return dates as prose: the first few, then how many more there are."""
    every = list(dates)
    shown = ", ".join(every[:most])
    return shown if len(every) <= most else f"{shown} and {len(every) - most} more"
