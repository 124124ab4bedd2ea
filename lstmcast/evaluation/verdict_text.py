"""The verdict in words: a headline for everybody, and a line on each question behind it.

Each line states its figures once; tables and `metrics.json` have the others.
"""

from collections.abc import Sequence

import numpy as np

from lstmcast.baselines.context import LINEAR, PRETRAINED
from lstmcast.evaluation.ablation import Ablation
from lstmcast.evaluation.finding import SIGNIFICANT, Finding, deflated
from lstmcast.evaluation.phrases import (
    ahead,
    coverages,
    deviations,
    directions,
    p_value,
    side,
    too_short,
)
from lstmcast.evaluation.point import SHIFTS
from lstmcast.evaluation.significance import Test, holm
from lstmcast.evaluation.verdict_inputs import VerdictInputs

LABELS = {
    "too_good": "Too good to be true",
    "price": "Price",
    "direction": "Direction",
    "range": "Range",
    "further_ahead": "Further ahead",
    "lstm_adds": "What the {} adds",
    "search": "Search",
    "next": "Next",
}
"""What each line of a verdict is about, in the order in which they are printed."""


def headline(
    e: VerdictInputs,
    point: Finding,
    distribution: Finding,
    *,
    calibrated: bool | None,
    doubts: Sequence[str] = (),
) -> str:
    """The answer to "should I believe it?" in one line."""
    if doubts:
        return (
            f"Too good to be true ({e.days} test days): look for a leak with `lstmcast audit` "
            "before you believe it."
        )
    price = {
        Finding.better: "its price forecast beats the last close",
        Finding.level: "its price forecast is no better than the last close",
        Finding.worse: "its price forecast is worse than the last close",
        Finding.unknown: "there are too few days to judge its price forecast",
    }[point]
    if not e.ranges:
        return f"It states no ranges, and {price} ({e.days} test days)."
    if calibrated is None:
        return f"{price[0].upper()}{price[1:]} ({e.days} test days)."
    rival = f"the best baseline ({e.best[1]})" if e.best else ""
    ranges = {
        Finding.better: f"Its ranges are well calibrated and better than those of {rival}",
        Finding.level: f"Its ranges are well calibrated, but no better than those of {rival}",
        Finding.worse: f"Its ranges are well calibrated, but those of {rival} are better",
        Finding.unknown: "Its ranges are well calibrated",
    }[distribution]
    if not calibrated:
        ranges = f"Do not rely on its ranges: {directions(e.nearest_ranges)}"
    return f"{ranges}; {price} ({e.days} test days)."


def inconclusive(e: VerdictInputs) -> str:
    """All that can be said of a test period that concludes nothing."""
    if e.nothing_moved:
        return (
            f"The close never moved in the test period ({e.days} days): neither the price forecast "
            "nor the ranges can be judged."
        )
    return too_short(e.days)


def inconclusive_next(e: VerdictInputs) -> str:
    """What to do about it."""
    if e.nothing_moved:
        return "check the prices with `lstmcast data check`, or forecast another symbol."
    return "fetch a longer history, or end training and validation earlier (`split`)."


def lines(
    e: VerdictInputs,
    point: Finding,
    distribution: Finding,
    walk: Finding,
    *,
    copies: bool,
    calibrated: bool | None,
    doubts: Sequence[str] = (),
) -> dict[str, str]:
    """A line on each question, by the keys of `LABELS`; questions without an answer are left out.

    Args:
        e: what was found.
        point: of the price against the last close.
        distribution: of the ranges against the best baseline.
        walk: of the ranges against the random walk.
        copies: the median fits the last close better than the close that came.
        calibrated: coverage at the shortest horizon, on all days and in each tercile.
        doubts: what is too good to be true, in words.
    """
    found = {
        "too_good": "; ".join(doubts),
        "price": " ".join(part for part in (_price(e, point), _copy(e, point, copies)) if part),
        "direction": _direction(e),
        "range": _range(e, distribution, walk),
        "further_ahead": _further_ahead(e),
        "lstm_adds": _adds(e),
        "search": _search(e),
        "next": _next(e, distribution, calibrated=calibrated, doubted=bool(doubts)),
    }
    return {key: text if text.endswith(".") else f"{text}." for key, text in found.items() if text}


def _price(e: VerdictInputs, point: Finding) -> str:
    gain, p = 100 * (1 - e.error_ratio), _p(e.point, e)
    if point is Finding.better:
        return f"beats the last close: error of the return {gain:.2f} % smaller ({p})."
    if point is Finding.worse:
        larger = (
            f"{e.error_ratio:.1f} times as large"
            if e.error_ratio >= 2
            else f"{100 * (e.error_ratio - 1):.2f} % larger"
        )
        return f"worse than the last close: error of the return {larger} ({p}). {_why_worse(e)}"
    return (
        f"no measurable difference from the last close (error of the return {abs(gain):.2f} % "
        f"{'smaller' if gain >= 0 else 'larger'}, {p})."
    )


def _why_worse(e: VerdictInputs) -> str:
    """Where the error comes from: a shifted level, or a path that lags or moves by itself."""
    bias = float(np.mean([part.bias for part in e.copies.values()]))
    off = float(np.mean([part.off for part in e.copies.values()]))
    moves = float(np.mean([part.typical_move for part in e.copies.values()]))
    words = (
        f"Its prices are {100 * off:.1f} % away from the last close, where a typical move is "
        f"{100 * moves:.1f} %"
    )
    if abs(bias) > moves / 4:
        words += f", and {100 * abs(bias):.1f} % too {'low' if bias < 0 else 'high'} on average"
    delays = [part.best_shift for part in e.copies.values()]
    if np.median(delays) > e.horizon:
        most = "at least " if np.median(delays) >= SHIFTS - 1 else ""
        words += f"; they lag the price by {most}{np.median(delays):.0f} sessions"
    return words + "."


def _copy(e: VerdictInputs, point: Finding, copies: bool) -> str:
    if not copies or point is Finding.better:
        return ""
    if e.ranges:
        return "Its median follows the last close, as an honest price forecast mostly does."
    late = "one session" if e.horizon == 1 else f"{e.horizon} sessions"
    return (
        f"It copies the last close: it fits the price {late} late best, so it looks right on a "
        "chart and carries no information."
    )


def _direction(e: VerdictInputs) -> str:
    """Whether the sign of the median knows more than chance."""
    said = {part.up_said for part in e.copies.values()}
    if not any(np.isfinite(share) for share in said):
        return "its median is the last close itself, so it names no direction." if said else ""
    if said in ({1.0}, {0.0}):
        where = "above" if said == {1.0} else "below"
        return f"its median is always {where} the last close, so it carries no information."
    tested = {name: p.direction_p for name, p in e.copies.items() if np.isfinite(p.direction_p)}
    if not tested:
        return ""
    parts = [e.copies[name] for name in tested]
    hit, chance = (
        100 * float(np.mean([getattr(part, name) for part in parts]))
        for name in ("hit_rate", "expected_hit_rate")
    )
    known = sum(p < SIGNIFICANT for p in holm(tested).values())
    rates = f"right on {hit:.1f} % of the moves, where chance gives {chance:.1f} %"
    if len(tested) > 1:
        return f"{rates}; significant for {known} of {len(tested)} symbols (5 %, Holm-corrected)."
    p = p_value(next(iter(tested.values())))
    return f"{rates} ({p})." if known else f"{rates}: no measurable difference ({p})."


def _range(e: VerdictInputs, distribution: Finding, walk: Finding) -> str:
    if not e.ranges:
        return "it states none, so it does not say how far the price may move."
    parts = (_calibration(e), _skill(e, distribution, walk), _symbols(e, distribution))
    return " ".join(part for part in parts if part)


def _calibration(e: VerdictInputs) -> str:
    nearest = e.nearest_ranges
    if any(check.calibrated is False for check in nearest):
        return f"{deviations(nearest)}."
    judged = {check.subset for check in nearest if check.calibrated is not None}
    if not judged:
        return f"{coverages(nearest)}."
    missing = [name for name in ("low", "high") if f"{name}_volatility" not in judged]
    if not missing:
        return f"{coverages(nearest)}: well calibrated, at low and at high volatility."
    few = f"too few days of {' and '.join(missing)} volatility to judge those"
    return f"{coverages(nearest)}: well calibrated ({few})."


def _skill(e: VerdictInputs, distribution: Finding, walk: Finding) -> str:
    best = e.against_best
    if best is None or best.crps is None or best.skill is None or e.best is None:
        return ""
    among = f"the best of {e.baselines} baselines" if e.baselines > 1 else "the only baseline"
    gain, p = 100 * best.skill, _p(best.crps, e)
    unsure = ", no measurable difference" if distribution is Finding.level else ""
    words = f"CRPS {abs(gain):.2f} % {side(gain)} than that of {e.best[1]} ({among}; {p}{unsure})"
    if e.best[0] == "random_walk" or e.against_walk is None or e.against_walk.skill is None:
        return f"{words}."
    against = 100 * e.against_walk.skill
    unsure = " (no measurable difference)" if walk is Finding.level else ""
    return f"{words} and {abs(against):.2f} % {side(against)} than the random walk's{unsure}."


def _symbols(e: VerdictInputs, distribution: Finding) -> str:
    if e.symbols < 2 or distribution is Finding.unknown or e.best is None:
        return ""
    return (
        f"Taken singly, {e.symbols_better} of {e.symbols} symbols "
        f"{'is' if e.symbols_better == 1 else 'are'} significantly better (5 %, Holm-corrected)."
    )


def _further_ahead(e: VerdictInputs) -> str:
    """Coverage at the horizons beyond the verdict's; nothing where there is none to judge."""
    further = [check for check in e.ranges if check.horizon > e.horizon]
    known = [check for check in further if check.calibrated is not None]
    if not known:
        return ""
    broken = sorted({check.horizon for check in known if not check.calibrated})
    if not broken:
        farthest = max(check.horizon for check in known)
        shown = coverages([check for check in known if check.horizon == farthest])
        return (
            f"{ahead(farthest)} {shown}. Misses at longer horizons are within sampling error: "
            "overlapping forecasts carry less information."
        )
    first = [check for check in known if check.horizon == broken[0]]
    others = len(broken) - 1
    more = f"; ranges fail at {others} more horizon{'s' if others > 1 else ''}" if others else ""
    return f"{ahead(broken[0])} {deviations(first)}{more}."


def _adds(e: VerdictInputs) -> str:
    """The model against the linear model, and against the pretrained networks without a fit."""
    told = {name: part for name, part in e.adds.items() if part.found is not Finding.unknown}
    parts = [_addition(e, name, part) for name, part in told.items()]
    return "; ".join(parts)


def _addition(e: VerdictInputs, name: str, part: Ablation) -> str:
    rival = {
        LINEAR: "the linear model of the same inputs",
        PRETRAINED: "the pretrained networks without fitting",
    }[name]
    effect = {
        Finding.better: f"better than {rival}",
        Finding.level: f"nothing measurable over {rival}",
        Finding.worse: f"worse than {rival}",
    }[part.found]
    if e.best and e.best[0] == name and part.decisive == "crps":
        return f"{effect}, the baseline above"  # whose figures stand there
    if part.decisive == "crps":
        share = 100 * part.skill
        figures = f"CRPS {abs(share):.2f} % {side(share)}, {_p(part.crps, e)}"
    else:
        test = part.log_score
        figures = f"log score {abs(test.mean):.4f} {side(-test.mean)}, {_p(test, e)}"
    return f"{effect} ({figures})"


def _search(e: VerdictInputs) -> str:
    """That the model is the best of many, and what that asks of a claim."""
    if e.trials == 1:
        return ""
    return (
        f"chosen from {e.trials:,} configurations by their validation scores; it is called better "
        "only where it is so as the best of as many (Sidak)."
    )


def _p(test: Test, e: VerdictInputs) -> str:
    """A p-value, and that of the best of many trials where it makes a difference."""
    plain = p_value(test.p_value)
    if e.trials == 1 or test.mean >= 0:
        return plain
    return f"{plain}, as the best of {e.trials:,} {p_value(deflated(test, e.trials))}"


def _next(
    e: VerdictInputs, distribution: Finding, *, calibrated: bool | None, doubted: bool
) -> str:
    """What a person does with this answer."""
    if doubted:
        return (
            "run `lstmcast audit`. An input may know the future (a column dated one day early, "
            "say), or prices bounce between bid and ask."
        )
    if not e.ranges:
        return "train with `--set model.head=student_t` for ranges: a price alone says little."
    if calibrated is False:
        return (
            "see where ranges fail with `lstmcast plot --kind ranges`; train on more symbols or a "
            "longer history."
        )
    if distribution is Finding.better:
        return (
            "use the ranges (`lstmcast forecast`); `lstmcast backtest` tells whether the gain "
            "holds in other years."
        )
    more = " To gain more from the LSTM, train on more symbols." if e.symbols == 1 else ""
    return f"use the ranges, not the median (`lstmcast forecast`).{more}"
