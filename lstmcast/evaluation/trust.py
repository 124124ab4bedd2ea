"""The trust line of a forecast: coverage of its ranges on the test days, or on recent ones.

The part of the verdict of `evaluate` that the forecasts alone give in a moment: no baseline is
fitted. Volatility terciles need the bars; without bars only all days together are judged.
What it takes to judge is imported where that is done: trust that is kept from before needs none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast.evaluation.coverage_check import OVERALL, CoverageCheck

if TYPE_CHECKING:
    from lstmcast.evaluation.model_rows import ModelRows

TEST, RECENT = "{} test days", "the last {} sessions"
"""The days that forecasts are judged by: a run's test period, or the most recent ones."""

SHOWN = 80
"""The range, in %, whose coverage the one line states."""


@dataclass(frozen=True)
class Doubt:
    """A reason not to rely on a forecast: a word for programs, and a line for people."""

    code: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """Plain values."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True)
class Trust:
    """The coverage of the ranges on the days of a test, or on the most recent ones.

    Args:
        horizon: the shortest that was forecast, in sessions.
        days: test days with a forecast.
        symbols: those of the test.
        conclusive: the days are enough, and the price moved.
        ranges: the coverage of each range; empty for a point forecast.
        line: the same in one line.
        doubts: reasons not to rely on it.
    """

    horizon: int
    days: int
    symbols: tuple[str, ...]
    conclusive: bool
    ranges: tuple[CoverageCheck, ...]
    line: str
    doubts: tuple[Doubt, ...]

    @property
    def ranges_hold(self) -> bool | None:
        """At the shortest horizon, on all days and in each tercile; None if undecided."""
        known = [
            c.calibrated
            for c in self.ranges
            if c.horizon == self.horizon and c.calibrated is not None
        ]
        return all(known) if known and self.conclusive else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; coverage is a share by the nominal coverage in %."""
        nearest = [c for c in self.ranges if c.horizon == self.horizon and c.subset == OVERALL]
        return {
            "horizon": self.horizon,
            "test_days": self.days,
            "conclusive": self.conclusive,
            "ranges_hold": self.ranges_hold,
            "coverage": {str(check.nominal): check.coverage for check in nearest},
            "line": self.line,
        }


def trust_in(
    rows: "ModelRows",
    bars: Mapping[str, pd.DataFrame],
    longest: int | None = None,
    period: str = TEST,
) -> Trust:
    """Judge ranges by forecasts that came true: a run's of its test part, or others.

    Args:
        rows: what is kept of the prediction rows, of at least one symbol.
        bars: adjusted bars by symbol; of symbols and days that are not there nothing is needed.
        longest: horizon up to which ranges are judged; all that there are if None.
        period: how to call so many days, `TEST` or `RECENT`.
    """
    from lstmcast.evaluation.coverage import check_covered
    from lstmcast.evaluation.significance import enough_days

    still = [symbol for symbol, own in rows.symbols.items() if not own.moved]
    moved = len(still) < len(rows.symbols)
    counted = rows.without(still) if moved else rows
    horizons = [h for h in counted.horizons if longest is None or h <= longest]
    days = len(counted.dates[horizons[0]])
    checks = _checks(counted.covered(horizons[0]), bars, horizons[0])
    checks += check_covered(counted.covered, horizons[1:]) if checks else ()
    return Trust(
        horizon=horizons[0],
        days=days,
        symbols=tuple(rows.symbols),
        conclusive=enough_days(days, horizons[0]) and moved,
        ranges=checks,
        line=_line(checks, period.format(days), horizons[0], len(counted.symbols))
        if moved
        else f"on {period.format(days)} the close never moved",
        doubts=_doubts(checks, days, horizons[0], period, moved=moved),
    )


def _checks(
    nearest: pd.DataFrame, bars: Mapping[str, pd.DataFrame], horizon: int
) -> tuple[CoverageCheck, ...]:
    """Check the ranges of the shortest horizon; nothing for a point forecast."""
    from lstmcast.evaluation.coverage import check_coverage, check_covered
    from lstmcast.evaluation.terciles import volatility_terciles

    if nearest["inside_90"].isna().all():
        return ()
    known = all(
        str(symbol) in bars and rows["origin"].isin(bars[str(symbol)].index).all()
        for symbol, rows in nearest.groupby("symbol")
    )
    if not known:
        return check_covered(lambda _: nearest, [horizon])
    terciles = volatility_terciles(nearest, bars)
    return check_coverage(nearest.assign(horizon=horizon), terciles, horizon)


def _line(checks: tuple[CoverageCheck, ...], days: str, horizon: int, symbols: int) -> str:
    shown = [c for c in checks if (c.horizon, c.nominal, c.subset) == (horizon, SHOWN, OVERALL)]
    if not shown:
        return f"on {days} it stated no ranges"
    from lstmcast.evaluation.phrases import ahead

    further = "" if horizon == 1 else f" {ahead(horizon)}"
    share = f"{100 * shown[0].coverage:.1f} %"
    whose = f" (mean of {symbols} symbols)" if symbols > 1 else ""
    return f"on {days} the {SHOWN} % range{further} contained {share}{whose}"


def _doubts(
    checks: tuple[CoverageCheck, ...], days: int, horizon: int, period: str, *, moved: bool
) -> tuple[Doubt, ...]:
    from lstmcast.evaluation.phrases import ahead, deviations, too_short
    from lstmcast.evaluation.significance import enough_days

    these = period.format(days) if period == RECENT else f"the {period.format(days)}"
    if not moved:
        message = f"the close never moved on {these}, so its ranges cannot be judged"
        return (Doubt("never_moved", message),)
    if not enough_days(days, horizon):
        return (Doubt("test_too_short", too_short(days).removesuffix(".")),)
    broken = [check for check in checks if check.calibrated is False]
    if not broken:
        return ()
    first = min(check.horizon for check in broken)
    words = deviations([check for check in broken if check.horizon == first])
    where = these if period == RECENT else "the test days"
    message = f"do not rely on its ranges: {ahead(first)} {words} on {where}"
    return (Doubt("ranges_failed", message),)
