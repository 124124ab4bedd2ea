"""Plausibility: results better than honest forecasts of daily prices reach, which suggest a leak.

A feature that knows tomorrow makes the best result of all, and nothing in the scores says that it
is one. What says so is its size. Out of sample, an R2 of stock returns of 1 % is what the
literature argues about: Campbell and Thompson (2008, Predicting excess stock returns out of sample)
and Gu, Kelly and Xiu (2020, Empirical asset pricing via machine learning) find 0.2 to 1 % a month,
and a day holds less; that is an error 0.5 % smaller than no change's at the most. Signs are right
on 50 to 55 % of days. In CRPS this program's own runs are 0.6 to 3 % better than the best baseline
(`docs/experiments.md`). The bounds lie beyond, but not far: the heads keep medians near zero, which
damps a leak. So the correlation of the moves is looked at as well, which no damping changes: an R2
of 1 % is one of 0.1. With a p-value below 0.1 % on top, chance does not pass the bounds; where the
best of many symbols is looked at, it is adjusted for their number (Holm 1979).
"""

from collections.abc import Callable

from lstmcast.evaluation.point import PointReport
from lstmcast.evaluation.significance import holm
from lstmcast.evaluation.verdict_inputs import VerdictInputs

PLAUSIBLE_PRICE_GAIN, SUSPICIOUS_PRICE_GAIN = 0.005, 0.01
"""1 - error of the median return over that of no change: what is reached, what is believed."""

PLAUSIBLE_RANGE_GAIN, SUSPICIOUS_RANGE_GAIN = 0.03, 0.10
"""The same of the CRPS against the best baseline."""

PLAUSIBLE_SIGNS, SUSPICIOUS_SIGNS = 0.05, 0.08
"""Share of moves whose sign was right, beyond what a blind forecast would score."""

PLAUSIBLE_CORRELATION, SUSPICIOUS_CORRELATION = 0.1, 0.2
"""Correlation of the move that came with the median's."""

SUSPICION_P_VALUE = 0.001
"""P-value below which alone a result is suspected: chance makes large gains of few days."""


def too_good(e: VerdictInputs) -> tuple[str, ...]:
    """What is better than can be believed, each in words with what honest forecasts reach."""
    found = []
    price = 1 - e.error_ratio
    if e.point.p_value < SUSPICION_P_VALUE and price > SUSPICIOUS_PRICE_GAIN:
        found.append(
            _words("the error of the return", price, PLAUSIBLE_PRICE_GAIN, "that of the last close")
        )
    best = e.against_best
    gain = best.skill if best and best.crps and best.crps.p_value < SUSPICION_P_VALUE else None
    if gain is not None and e.best and gain > SUSPICIOUS_RANGE_GAIN:
        found.append(_words("the CRPS", gain, PLAUSIBLE_RANGE_GAIN, f"that of {e.best[1]}"))
    surer = [
        part.hit_rate - part.expected_hit_rate for part in _sure(e, lambda part: part.direction_p)
    ]
    if surer and max(surer) > SUSPICIOUS_SIGNS:
        found.append(
            f"the sign is right {100 * max(surer):.0f} points more often than by chance (honest "
            f"forecasts reach {100 * PLAUSIBLE_SIGNS:.0f})"
        )
    related = [part.move_correlation for part in _sure(e, lambda part: part.slope_p)]
    if related and max(related) > SUSPICIOUS_CORRELATION:
        found.append(
            f"actual returns have a correlation of {max(related):.2f} with the median's (honest "
            f"forecasts reach {PLAUSIBLE_CORRELATION:g})"
        )
    return tuple(found)


def _sure(e: VerdictInputs, p_value: Callable[[PointReport], float]) -> list[PointReport]:
    """The symbols of which chance alone makes no such result, however many there are."""
    adjusted = holm({symbol: p_value(part) for symbol, part in e.copies.items()})
    return [e.copies[symbol] for symbol, p in adjusted.items() if p < SUSPICION_P_VALUE]


def _words(what: str, gain: float, honest: float, whose: str) -> str:
    return (
        f"{what} is {100 * gain:.1f} % smaller than {whose} (honest forecasts reach "
        f"{100 * honest:g} %)"
    )
