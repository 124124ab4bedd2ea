"""A verdict in words: one line for everybody, and the figures behind it for those who ask."""

from collections.abc import Sequence

import numpy as np

from lstmcast.evaluation.coverage import OVERALL, CoverageCheck
from lstmcast.evaluation.direction import too_few
from lstmcast.evaluation.evidence import Evidence, Finding, allowed_for
from lstmcast.evaluation.point import SHIFTS
from lstmcast.evaluation.significance import Test


def in_short(
    e: Evidence,
    point: Finding,
    distribution: Finding,
    *,
    hold: bool | None,
    doubts: Sequence[str] = (),
) -> str:
    """The answer to "should I believe it?" in one line."""
    if doubts:
        return (
            f"In short: too good to be true ({e.days} days): look for a leak with `lstmcast audit` "
            "before you believe it."
        )
    price = {
        Finding.better: "its price is better than the last close",
        Finding.level: "its price does not beat the last close",
        Finding.worse: "its price is worse than the last close",
        Finding.unknown: "of its price nothing can be concluded",
    }[point]
    if not e.ranges or hold is None:
        return f"In short: {price}" + (", and it states no range." if not e.ranges else ".")
    rival = e.best[1] if e.best else ""
    if hold:
        ranges = {
            Finding.better: f"its ranges hold, and are better than those of {rival}",
            Finding.level: f"its ranges hold, and do not beat those of {rival}",
            Finding.worse: f"its ranges hold, but those of {rival} are better",
            Finding.unknown: "its ranges hold",
        }[distribution]
    else:
        ranges = f"do not rely on its ranges, which are {_directions(e.nearest_ranges)}"
    return f"In short: {ranges}; {price} ({e.days} days)."


def inconclusive(e: Evidence) -> str:
    """All that can be said of a test range that concludes nothing."""
    if e.nothing_moved:
        return (
            f"The close never moved in the test period ({e.days} days): nothing can be concluded, "
            "neither of the price nor of the ranges."
        )
    return too_short(e.days)


def too_short(days: int) -> str:
    """That so many days are too few, and what chance alone makes of them."""
    return f"The test range has {days} days, {too_few(days)}."


def full_text(
    e: Evidence,
    point: Finding,
    distribution: Finding,
    walk: Finding,
    *,
    copies: bool,
    doubts: Sequence[str] = (),
) -> str:
    """Every finding with its figures."""
    sentences = [
        _doubt_words(doubts),
        _price_words(e, point),
        _copy_words(e, point, copies=copies),
        _direction_words(e),
        _distribution_words(e, distribution, walk),
        _symbol_words(e, distribution),
        e.adds,
        _range_words(e),
        _trial_words(e),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _doubt_words(doubts: Sequence[str]) -> str:
    if not doubts:
        return ""
    return (
        f"Too good to be true: {'; '.join(doubts)}. Something that is read may know the future (a "
        "column that is dated a day early, say), or the prices bounce between bid and ask; "
        "`lstmcast audit` looks for leaks."
    )


def _price_words(e: Evidence, point: Finding) -> str:
    gain = 100 * (1 - e.error_ratio)
    evidence = f"{_p_of(e.point, e)}, {e.days} days"
    if point is Finding.better:
        return (
            f"Price: the median beats the last close, error of the return {gain:.2f} % smaller "
            f"({evidence})."
        )
    if point is Finding.worse:
        return (
            "Price: it loses to the random walk. It is worse than yesterday's price, with an "
            f"error of the return {_times(e.error_ratio)} ({evidence}).{_why_worse(e)}"
        )
    side = "smaller" if gain >= 0 else "larger"
    return (
        "Price: it does not beat the random walk. No difference from the last close can be told "
        f"(error of the return {abs(gain):.2f} % {side}, {evidence})."
    )


def _direction_words(e: Evidence) -> str:
    """That a sign which never changes tells nothing, however often it is right."""
    said = {part.up_said for part in e.copies.values()}
    if said == {1.0}:
        return "It always says up: its direction tells nothing."
    return "It always says down: its direction tells nothing." if said == {0.0} else ""


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
    evidence = f"CRPS {abs(gain):.2f} % {side}{interval}, {_p_of(best.crps, e)}"
    among = f"the best of {e.baselines} baselines" if e.baselines > 1 else "the only one compared"
    rival = f"{e.best[1]}, {among}"
    words = {
        Finding.better: f"Range: it beats {rival} ({evidence})",
        Finding.worse: f"Range: it loses to {rival} ({evidence})",
        Finding.level: f"Range: no difference from {rival} can be told ({evidence})",
        Finding.unknown: "",
    }[distribution]
    if e.best[0] != "random_walk" and e.against_walk and e.against_walk.skill is not None:
        against = 100 * e.against_walk.skill
        words += {
            Finding.better: f", and beats the random walk by {against:.2f} %",
            Finding.worse: f", and loses to the random walk by {-against:.2f} %",
            Finding.level: ", and no difference from the random walk can be told",
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
    broken = [check for check in nearest if check.calibrated is False]
    further = _further_words(e)
    if broken:
        return f"{ahead(e.horizon).capitalize()} its ranges are {faults(broken)}.{further}"
    seen = {check.subset for check in nearest if check.calibrated is not None}
    missing = " and ".join(
        name.replace("_", "-") for name in ("low_volatility", "high_volatility") if name not in seen
    )
    times = ", at low and at high volatility" if not missing else ""
    few = f"; there are too few {missing} days to speak of those" if missing else ""
    return (
        f"{ahead(e.horizon).capitalize()} its ranges hold{times}, as far as {e.days} days can "
        f"tell ({_held(nearest)}){few}.{further}"
    )


def _further_words(e: Evidence) -> str:
    """Whether ranges hold at the horizons beyond the verdict's; nothing where there is none."""
    further = [check for check in e.ranges if check.horizon > e.horizon]
    known = [check for check in further if check.calibrated is not None]
    if not known:
        return ""
    broken = [check for check in known if not check.calibrated]
    farthest = max(check.horizon for check in known)
    if not broken:
        held = _held([check for check in known if check.horizon == farthest])
        return (
            f" {ahead(farthest).capitalize()} {held}: forecasts that overlap tell less, and no "
            "miss further ahead is beyond luck."
        )
    horizons = sorted({check.horizon for check in broken})
    first = [check for check in broken if check.horizon == horizons[0]]
    others = len(horizons) - 1
    more = f", and at {others} more of the horizons" if others else ""
    return f" {ahead(horizons[0]).capitalize()} they are {faults(first)}{more}."


def _trial_words(e: Evidence) -> str:
    """That the model is the best of many, and what that asks of a claim."""
    if e.trials == 1:
        return ""
    return (
        f"It was chosen from {e.trials:,} configurations by their validation scores; to be called "
        "better it must be so as the best of as many (Sidak)."
    )


def _held(checks: Sequence[CoverageCheck]) -> str:
    return ", ".join(
        f"{check.nominal} % held {100 * check.coverage:.1f} %"
        for check in checks
        if check.subset == OVERALL
    )


def _by_direction(checks: Sequence[CoverageCheck]) -> dict[str, list[CoverageCheck]]:
    """The ranges that do not hold: those that are too narrow, and those that are too wide."""
    broken = [check for check in checks if check.calibrated is False]
    narrow = [check for check in broken if check.coverage < check.nominal / 100]
    wide = [check for check in broken if check.coverage >= check.nominal / 100]
    return {
        word: part for word, part in (("too narrow", narrow), ("too wide", wide)) if len(part) > 0
    }


def _directions(checks: Sequence[CoverageCheck]) -> str:
    """Which way ranges fail, and in which times where it is not on all days."""
    parts = []
    for word, broken in _by_direction(checks).items():
        where = list(dict.fromkeys(check.subset for check in broken))
        times = (
            ""
            if OVERALL in where
            else " on " + " and ".join(name.replace("_", "-") for name in where) + " days"
        )
        parts.append(word + times)
    return " and ".join(parts)


def faults(checks: Sequence[CoverageCheck]) -> str:
    """Which way ranges fail, with at most four of each."""
    parts = []
    for word, broken in _by_direction(checks).items():
        named = ", ".join(
            f"{check.nominal} % held {100 * check.coverage:.1f} %"
            + ("" if check.subset == OVERALL else f" on {check.subset.replace('_', '-')} days")
            for check in broken[:4]
        )
        parts.append(f"{word} ({named})")
    return " and ".join(parts)


def ahead(horizon: int) -> str:
    """How far a forecast reaches."""
    return "one session ahead" if horizon == 1 else f"{horizon} sessions ahead"


def _p_of(test: Test, e: Evidence) -> str:
    """A p-value, and what it is for the best of many where that makes a difference."""
    if e.trials == 1 or test.mean >= 0:
        return _p(test.p_value)
    return f"{_p(test.p_value)}, as the best of {e.trials:,} {_p(allowed_for(test, e.trials))}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
