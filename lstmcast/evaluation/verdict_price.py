"""The verdict's words on the price: the median against the last close, and its direction."""

import numpy as np

from lstmcast.evaluation.finding import SIGNIFICANT, Finding
from lstmcast.evaluation.phrases import (
    p_value,
    stated_p,
)
from lstmcast.evaluation.point import SHIFTS
from lstmcast.evaluation.significance import holm
from lstmcast.evaluation.verdict_inputs import VerdictInputs


def price_line(e: VerdictInputs, point: Finding) -> str:
    """Error of the median return against that of no change."""
    gain, p = 100 * (1 - e.error_ratio), stated_p(e.point, e.trials)
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
        f"Its prices are {100 * off:.1f} % away from the last close (a typical move is "
        f"{100 * moves:.1f} %)"
    )
    if abs(bias) > moves / 4:
        words += f", and {100 * abs(bias):.1f} % too {'low' if bias < 0 else 'high'} on average"
    delays = [part.best_shift for part in e.copies.values()]
    if np.median(delays) > e.horizon:
        most = "at least " if np.median(delays) >= SHIFTS - 1 else ""
        words += f"; they lag the price by {most}{np.median(delays):.0f} sessions"
    return words + "."


def copy_line(e: VerdictInputs, point: Finding, copies: bool) -> str:
    """That the median repeats the last close, where it does."""
    if not copies or point is Finding.better:
        return ""
    if e.ranges:
        usual = "Its median follows the last close, as an honest price forecast mostly does."
        return usual if point is Finding.level else ""
    late = "one session" if e.horizon == 1 else f"{e.horizon} sessions"
    return (
        f"It copies the last close: it fits the price best when shifted by {late}, so it looks "
        "right on a chart but carries no information."
    )


def direction_line(e: VerdictInputs) -> str:
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
    if len(tested) < len(e.copies):
        rates = (
            f"for the {len(tested)} of {len(e.copies)} symbols whose median changes sides, {rates}"
        )
    if len(tested) > 1:
        return f"{rates}; significant for {known} of {len(tested)} symbols (5 %, Holm-corrected)."
    p = p_value(next(iter(tested.values())))
    return f"{rates} ({p})." if known else f"{rates}: no measurable difference ({p})."
