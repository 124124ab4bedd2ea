"""The closing words of an evaluation: is the forecast worth more than a standard?

A claim needs a p-value below 5 %; anything else is called level, and a test range too short to tell
gets no claim at all.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from lstmcast.evaluation.comparison import Comparison
from lstmcast.evaluation.direction import too_few
from lstmcast.evaluation.point import SHIFTS, PointReport
from lstmcast.evaluation.reliability import OVERALL, RangeCheck
from lstmcast.evaluation.significance import Test

SIGNIFICANT = 0.05


class Finding(StrEnum):
    """What a comparison found."""

    better = "better"
    level = "level"
    worse = "worse"
    unknown = "unknown"
    """Too few days, or nothing stated that could be compared."""


@dataclass(frozen=True)
class Evidence:
    """What a verdict is drawn from, all at one horizon.

    Args:
        horizon: sessions ahead.
        days: origins with a forecast.
        rmse_ratio: error of the median price relative to the last close.
        point: test of the median return against no change.
        copies: the point reports of each symbol.
        best: name and label of the baseline with the lowest CRPS, None without one.
        against_best, against_walk: comparisons of the distribution; None for a point forecast.
        baselines: how many baselines there are.
        symbols_better, symbols: on how many symbols alone the model beats the best baseline.
        ranges: how the stated ranges held, at `horizon` and further; empty for a point forecast.
    """

    horizon: int
    days: int
    rmse_ratio: float
    point: Test
    copies: dict[str, PointReport]
    best: tuple[str, str] | None
    against_best: Comparison | None
    against_walk: Comparison | None
    baselines: int
    symbols_better: int
    symbols: int
    ranges: tuple[RangeCheck, ...]

    @property
    def nearest_ranges(self) -> tuple[RangeCheck, ...]:
        """Those at the horizon of the verdict."""
        return tuple(check for check in self.ranges if check.horizon == self.horizon)


@dataclass(frozen=True)
class Verdict:
    """The findings, the figures that they rest on, and the same in words."""

    horizon: int
    days: int
    point: Finding
    point_gain: float | None
    """1 - RMSE of the median price / that of the last close: above 0 the model is closer."""
    point_p: float | None
    distribution: Finding
    """Against the best baseline."""
    best_baseline: str | None
    distribution_gain: float | None
    """1 - CRPS / that of the best baseline: above 0 the model's distribution is better."""
    distribution_p: float | None
    against_random_walk: Finding
    copies: bool | None
    """The median fits the last close better than the close that came, for most symbols."""
    ranges_hold: bool | None
    """At the horizon of the verdict, on all days and in each third: no miss beyond luck."""
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            key: str(value) if isinstance(value, Finding) else value
            for key, value in asdict(self).items()
        }


def judge(evidence: Evidence) -> Verdict:
    """Draw the verdict from the evidence."""
    e = evidence
    point = finding(e.point)
    best = e.against_best
    distribution = finding(best.crps if best else None)
    walk = finding(e.against_walk.crps if e.against_walk else None)
    tested = np.isfinite(e.point.p_value)
    copies = np.mean([part.copies for part in e.copies.values()]) > 0.5 if tested else None
    judged = [check.holds for check in e.nearest_ranges if check.holds is not None]
    hold = all(judged) if judged and tested else None
    return Verdict(
        horizon=e.horizon,
        days=e.days,
        point=point,
        point_gain=1 - e.rmse_ratio if np.isfinite(e.rmse_ratio) else None,
        point_p=e.point.p_value if tested else None,
        distribution=distribution,
        best_baseline=e.best[0] if e.best else None,
        distribution_gain=best.skill if best else None,
        distribution_p=best.crps.p_value if best and best.crps and tested else None,
        against_random_walk=walk,
        copies=None if copies is None else bool(copies),
        ranges_hold=hold,
        text=_text(e, point, distribution, walk, copies=bool(copies)) if tested else _too_short(e),
    )


def finding(test: Test | None) -> Finding:
    """Read a test of the model's loss minus another's."""
    if test is None or not np.isfinite(test.p_value):
        return Finding.unknown
    if test.p_value >= SIGNIFICANT:
        return Finding.level
    return Finding.better if test.mean < 0 else Finding.worse


def _too_short(e: Evidence) -> str:
    return f"The test range has {e.days} days, {too_few(e.days)}."


def _text(
    e: Evidence, point: Finding, distribution: Finding, walk: Finding, *, copies: bool
) -> str:
    sentences = [
        _price_words(e, point),
        _copy_words(e, point, copies=copies),
        _distribution_words(e, distribution, walk),
        _symbol_words(e, distribution),
        _range_words(e),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _price_words(e: Evidence, point: Finding) -> str:
    gain = 100 * (1 - e.rmse_ratio)
    evidence = f"{_p(e.point.p_value)}, {e.days} days"
    if point is Finding.better:
        return f"Price: the median beats the last close, error {gain:.2f} % smaller ({evidence})."
    if point is Finding.worse:
        return (
            "Price: it loses to the random walk. It is worse than yesterday's price, with an "
            f"error {_times(e.rmse_ratio)} ({evidence}).{_why_worse(e)}"
        )
    side = "smaller" if gain >= 0 else "larger"
    return (
        f"Price: it does not beat the random walk. The median is as good as the last close and no "
        f"better (error {abs(gain):.2f} % {side}, {evidence})."
    )


def _times(ratio: float) -> str:
    """How much larger, in the words that fit the size."""
    return f"{ratio:.1f} times as large" if ratio >= 2 else f"{100 * (ratio - 1):.2f} % larger"


def _why_worse(e: Evidence) -> str:
    """Where the error comes from: a shifted level, or a path that lags or moves by itself."""
    bias = float(np.mean([part.bias for part in e.copies.values()]))
    off = float(np.mean([part.off for part in e.copies.values()]))
    moves = float(np.mean([part.typical_move for part in e.copies.values()]))
    side = "low" if bias < 0 else "high"
    words = (
        f" Why: it states prices {100 * off:.1f} % away from the last close, where a typical "
        f"move is {100 * moves:.1f} %"
    )
    if abs(bias) > moves / 4:
        words += f", and {100 * abs(bias):.1f} % too {side} on average"
    delays = [part.best_shift for part in e.copies.values()]
    if np.median(delays) > e.horizon:
        most = "at least " if np.median(delays) >= SHIFTS - 1 else ""
        words += f"; its path follows the price {most}{np.median(delays):.0f} sessions late"
    return words + "."


def _copy_words(e: Evidence, point: Finding, *, copies: bool) -> str:
    if not copies or point is Finding.better:
        return ""
    late = "one session" if e.horizon == 1 else f"{e.horizon} sessions"
    if e.ranges:
        return (
            f"The median repeats the last close (it fits the price {late} late best), as an honest "
            "forecast of a price mostly does: read the range, not the line."
        )
    return (
        f"It copies: it fits the price {late} late best, so the line looks right on a chart and "
        "says nothing."
    )


def _distribution_words(e: Evidence, distribution: Finding, walk: Finding) -> str:
    best = e.against_best
    if best is None or best.crps is None or best.skill is None or e.best is None:
        return "Range: it states none, so it cannot say how far the price may move."
    gain = 100 * best.skill
    side = "lower" if gain >= 0 else "higher"
    interval = ""
    if best.low is not None and best.high is not None:
        # By how much lower, or by how much higher: as the number before it.
        ends = (best.low, best.high) if gain >= 0 else (-best.high, -best.low)
        interval = f", 95 % interval {100 * ends[0]:.2f} to {100 * ends[1]:.2f} %"
    evidence = f"CRPS {abs(gain):.2f} % {side}{interval}, {_p(best.crps.p_value)}"
    rival = f"{e.best[1]}, the best of {e.baselines} baselines" if e.baselines > 1 else e.best[1]
    words = {
        Finding.better: f"Range: it beats {rival} ({evidence})",
        Finding.worse: f"Range: it loses to {rival} ({evidence})",
        Finding.level: f"Range: it is level with {rival} ({evidence})",
        Finding.unknown: "",
    }[distribution]
    if e.best[0] != "random_walk" and e.against_walk and e.against_walk.skill is not None:
        against = 100 * e.against_walk.skill
        words += {
            Finding.better: f", and beats the random walk by {against:.2f} %",
            Finding.worse: f", and loses to the random walk by {-against:.2f} %",
            Finding.level: ", and is level with the random walk",
            Finding.unknown: "",
        }[walk]
    return words + "."


def _symbol_words(e: Evidence, distribution: Finding) -> str:
    if e.symbols < 2 or distribution is Finding.unknown or e.best is None:
        return ""
    return (
        f"Alone, {e.symbols_better} of {e.symbols} symbols beat {e.best[1]} "
        "(5 % over all of them, Holm)."
    )


def _range_words(e: Evidence) -> str:
    if not e.ranges:
        return ""
    nearest = e.nearest_ranges
    broken = [check for check in nearest if check.holds is False]
    further = _further_words(e)
    if broken:
        return f"{_ahead(e.horizon).capitalize()} its ranges are {_side(broken)}.{further}"
    seen = {check.where for check in nearest if check.holds is not None}
    missing = " and ".join(name for name in ("calm", "restless") if name not in seen)
    times = ", in calm and in restless times" if not missing else ""
    few = f"; there are too few {missing} days to speak of those" if missing else ""
    return (
        f"{_ahead(e.horizon).capitalize()} its ranges hold{times}, as far as {e.days} days can "
        f"tell ({_held(nearest)}){few}.{further}"
    )


def _further_words(e: Evidence) -> str:
    """Whether ranges hold at the horizons beyond the verdict's; nothing where there is none."""
    further = [check for check in e.ranges if check.horizon > e.horizon]
    known = [check for check in further if check.holds is not None]
    if not known:
        return ""
    broken = [check for check in known if not check.holds]
    farthest = max(check.horizon for check in known)
    if not broken:
        held = _held([check for check in known if check.horizon == farthest])
        return (
            f" {_ahead(farthest).capitalize()} {held}: forecasts that overlap tell less, and no "
            "miss further ahead is beyond luck."
        )
    horizons = sorted({check.horizon for check in broken})
    first = [check for check in broken if check.horizon == horizons[0]]
    others = len(horizons) - 1
    more = f", and at {others} more of the horizons" if others else ""
    return f" {_ahead(horizons[0]).capitalize()} they are {_side(first)}{more}."


def _held(checks: Sequence[RangeCheck]) -> str:
    return ", ".join(
        f"{check.nominal} % held {100 * check.found:.1f} %"
        for check in checks
        if check.where == OVERALL
    )


def _side(broken: Sequence[RangeCheck]) -> str:
    narrow = np.mean([check.found < check.nominal / 100 for check in broken]) > 0.5
    named = ", ".join(
        f"{check.nominal} % held {100 * check.found:.1f} %"
        + ("" if check.where == OVERALL else f" in {check.where} times")
        for check in broken[:4]
    )
    return f"too {'narrow' if narrow else 'wide'} ({named})"


def _ahead(horizon: int) -> str:
    return "one session ahead" if horizon == 1 else f"{horizon} sessions ahead"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
