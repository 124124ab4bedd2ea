"""The verdict's words on the ranges: coverage, skill, longer horizons, and what the LSTM adds."""

from lstmcast.baselines.context import LINEAR, PRETRAINED
from lstmcast.evaluation.ablation import Ablation
from lstmcast.evaluation.finding import Finding
from lstmcast.evaluation.phrases import (
    ahead,
    coverages,
    deviations,
    side,
    stated_p,
)
from lstmcast.evaluation.verdict_inputs import VerdictInputs


def range_line(e: VerdictInputs, distribution: Finding, walk: Finding) -> str:
    """Coverage at the shortest horizon, and skill against the baselines."""
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
    gain, p = 100 * best.skill, stated_p(best.crps, e.trials)
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


def further_ahead_line(e: VerdictInputs) -> str:
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


def ablation_line(e: VerdictInputs) -> str:
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
        figures = f"CRPS {abs(share):.2f} % {side(share)}, {stated_p(part.crps, e.trials)}"
    else:
        test = part.log_score
        figures = f"log score {abs(test.mean):.4f} {side(-test.mean)}, {stated_p(test, e.trials)}"
    return f"{effect} ({figures})"
