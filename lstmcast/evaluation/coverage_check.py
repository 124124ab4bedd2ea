"""The empirical coverage of one range, as a record.

Apart from `evaluation.coverage`, which measures it: to show what was measured before, nothing of
what it takes to measure is loaded.
"""

from dataclasses import asdict, dataclass
from typing import Any

OVERALL = "overall"
"""The subset of all rows."""


@dataclass(frozen=True)
class CoverageCheck:
    """The empirical coverage of one range over all rows, or over a subset of them.

    Args:
        horizon: sessions ahead.
        nominal: coverage that the range states, in %.
        subset: `overall`, `low_volatility`, `medium_volatility`, `high_volatility`, or a year.
        days: sessions that had such a row.
        coverage: share of outcomes inside the range.
        standard_error: of that share, by day and with Newey-West.
        calibrated: the coverage is within 1.5 points of the nominal one (3 in a subset), or within
            sampling error; None below 60 days.
    """

    horizon: int
    nominal: int
    subset: str
    days: int
    coverage: float
    standard_error: float
    calibrated: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
