"""Conditions for scripts: `--fail-unless "crps<garch"`.

    SCORE[@HORIZON] OPERATOR VALUE

A score is a field of `Scores` (`crps`, `log_score`, `rmse_ratio`, `coverage_80`, ...), or `p`, the
p-value of the model's CRPS against the best baseline, as that of the best of the configurations
that the model was chosen from, which is 1 where the model is not the better one: a script that asks
for `p<0.05` asks for skill. The horizon is the shortest by default. The value is a number, a
baseline's name, or `best`, the best of the baselines in that score. Over too few days to conclude
anything no condition holds, but one on `rows`.
"""

import contextlib
import math
import operator
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields

from lstmcast.baselines import BASELINES
from lstmcast.errors import ConditionError, UsageError
from lstmcast.evaluation.report import MODEL, Report, best_baseline
from lstmcast.evaluation.scores import Scores
from lstmcast.evaluation.significance import sidak

_PATTERN = re.compile(r"\s*(\w+)(?:@(\d+))?\s*(<=|>=|<|>)\s*([\w.+-]+)\s*")

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_P = "p"
_BEST = "best"
_SCORES = (_P, *(field.name for field in fields(Scores)))
_NO_BEST = ("rows", "rmse", "up_share")


@dataclass(frozen=True)
class Condition:
    """A condition that is understood.

    Args:
        text: as it was given.
        score: a field of `Scores`, or `p`.
        horizon: sessions ahead; None for the shortest of the report.
        sign: one of `<`, `<=`, `>`, `>=`.
        limit: a number, a baseline's name, or `best`.
    """

    text: str
    score: str
    horizon: int | None
    sign: str
    limit: float | str


def parse_conditions(
    conditions: Sequence[str],
    baselines: Collection[str] = tuple(BASELINES),
    longest: int | None = None,
) -> list[Condition]:
    """Read conditions, which takes no forecasts: call it before the work that they judge.

    Args:
        conditions: as they were given.
        baselines: names of those that will be scored.
        longest: the furthest horizon that will be; None where it is not known.

    Raises:
        UsageError: if one is not understood, or compares with what there will not be.
    """
    return [_parse(text, baselines, longest) for text in conditions]


def check_conditions(report: Report, conditions: Sequence[str]) -> None:
    """Check every condition.

    Raises:
        UsageError: if one is not understood.
        ConditionError: naming those that do not hold, with both numbers.
    """
    there = [name for name in report.forecasters if name != MODEL]
    parsed = parse_conditions(conditions, there, report.horizons[-1])
    broken = [line for one in parsed if (line := _check(report, one)) is not None]
    if broken:
        raise ConditionError("; ".join(broken), "`lstmcast evaluate --json` shows every score")


def _parse(text: str, baselines: Collection[str], longest: int | None) -> Condition:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise UsageError(
            f"`--fail-unless` {text!r} is not a condition", 'write it as "crps<garch" or "p<0.05"'
        )
    name, at, sign, wanted = match.groups()
    horizon = None if at is None else int(at)
    if horizon is not None and (horizon < 1 or (longest is not None and horizon > longest)):
        raise UsageError(
            f"`--fail-unless` {text!r} asks for horizon {horizon}",
            "the run has 1 or more" if longest is None else f"the run has 1 to {longest}",
        )
    if name not in _SCORES:
        raise UsageError(
            f"`--fail-unless` names `{name}`, which is not a score",
            f"choose from {', '.join(_SCORES)}",
        )
    return Condition(text.strip(), name, horizon, sign, _limit(name, wanted, baselines))


def _limit(name: str, wanted: str, baselines: Collection[str]) -> float | str:
    """What a score is compared with: a number, or the name of what states it."""
    if name != _P and wanted in baselines:
        return wanted
    if name != _P and wanted == _BEST:
        if name in _NO_BEST or name.startswith("coverage"):
            raise UsageError(
                f"`--fail-unless` asks for the best `{name}`, of which more or less is not better",
                "compare with a number",
            )
        return _BEST
    if name != _P and wanted in BASELINES:
        raise UsageError(
            f"`--fail-unless` compares with `{wanted}`, which is not among these baselines",
            f"here are {', '.join(baselines)}; the notes say which were left out, and why",
        )
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(wanted)):
            return number
    raise UsageError(
        f"`--fail-unless` compares with `{wanted}`, which is neither a number nor a baseline",
        f"the baselines here are {', '.join(baselines)}, or `best`",
    )


def _check(report: Report, condition: Condition) -> str | None:
    """None if the condition holds, else the line that says why not."""
    name = condition.score
    horizon = report.horizons[0] if condition.horizon is None else condition.horizon
    if horizon not in report.horizons:
        raise UsageError(
            f"`--fail-unless` {condition.text!r} asks for horizon {horizon}",
            f"the run has {', '.join(map(str, report.horizons))}",
        )
    found = _model_value(report, name, horizon)
    limit = _value(report, name, horizon, condition.limit)
    if _OPERATORS[condition.sign](found, limit):
        return None
    if math.isnan(found):
        return (
            f"`{condition.text}` does not hold: the run states no `{name}`, "
            "or nothing can be concluded"
        )
    return f"`{condition.text}` does not hold: {found:.6g} against {limit:.6g}"


def _model_value(report: Report, name: str, horizon: int) -> float:
    if name != "rows" and not math.isfinite(report.point_tests[horizon].p_value):
        return float("nan")
    if name == _P:
        best = best_baseline(report.forecasters, horizon)
        found = report.comparisons[best][horizon] if best else None
        if found is None or found.crps is None or found.skill is None:
            return float("nan")
        return sidak(found.crps.p_value, report.verdict.trials) if found.skill > 0 else 1.0
    return float(getattr(report.forecasters[MODEL].pooled[horizon], name))


def _value(report: Report, name: str, horizon: int, limit: float | str) -> float:
    """The number that a score is compared with."""
    if not isinstance(limit, str):
        return limit
    baselines = {key: part for key, part in report.forecasters.items() if key != MODEL}
    if limit != _BEST:
        return float(getattr(baselines[limit].pooled[horizon], name))
    values = [float(getattr(part.pooled[horizon], name)) for part in baselines.values()]
    known = [value for value in values if not math.isnan(value)]
    highest_is_best = name in {"r2_zero", "hit_rate"}
    return (max if highest_is_best else min)(known, default=float("nan"))
