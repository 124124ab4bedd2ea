"""The verdict in words: a headline for everybody, and a line on each question behind it.

Each line states its figures once; tables and `metrics.json` have the others.
"""

from collections.abc import Sequence

from lstmcast.evaluation.finding import Finding
from lstmcast.evaluation.phrases import (
    directions,
    too_short,
)
from lstmcast.evaluation.verdict_inputs import VerdictInputs
from lstmcast.evaluation.verdict_price import copy_line, direction_line, price_line
from lstmcast.evaluation.verdict_range import ablation_line, further_ahead_line, range_line

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
        "price": " ".join(
            part for part in (price_line(e, point), copy_line(e, point, copies)) if part
        ),
        "direction": direction_line(e),
        "range": range_line(e, distribution, walk),
        "further_ahead": further_ahead_line(e),
        "lstm_adds": ablation_line(e),
        "search": _search(e),
        "next": _next(e, distribution, calibrated=calibrated, doubted=bool(doubts)),
    }
    return {key: text if text.endswith(".") else f"{text}." for key, text in found.items() if text}


def _search(e: VerdictInputs) -> str:
    """That the model is the best of many, and what that asks of a claim."""
    if e.trials == 1:
        return ""
    return (
        f"chosen from {e.trials:,} configurations by validation score; it counts as better only "
        "where the p-value is below 5 % after Sidak's correction for as many."
    )


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
            "use the ranges (`lstmcast forecast`); `lstmcast backtest` shows whether the gain "
            "holds in other years."
        )
    more = " To gain more from the LSTM, train on more symbols." if e.symbols == 1 else ""
    return f"use the ranges, not the median (`lstmcast forecast`).{more}"
