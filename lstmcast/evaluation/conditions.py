"""Conditions for scripts: `--fail-unless "crps<garch"`.

    SCORE[@HORIZON] OPERATOR VALUE

A score is a field of `Scores` (`crps`, `log_score`, `rmse_ratio`, `coverage_80`, ...), or `p`, the
p-value of the model's CRPS against the best baseline, which is 1 where the model is not the better
one: a script that asks for `p<0.05` asks for skill. The horizon is the shortest by default. The
value is a number, a baseline's name, or `best`, the best of the baselines in that score. Over too
few days to conclude anything no condition holds, but one on `rows`.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import fields

from lstmcast.baselines import BASELINES
from lstmcast.errors import ConditionError, UsageError
from lstmcast.evaluation.report import MODEL, Report, best_baseline
from lstmcast.evaluation.scores import Scores
from lstmcast.evaluation.significance import enough

_PATTERN = re.compile(r"\s*(\w+)(?:@(\d+))?\s*(<=|>=|<|>)\s*([\w.+-]+)\s*")

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_P = "p"
_NO_BEST = ("rows", "rmse", "up_share")


def check_conditions(report: Report, conditions: Sequence[str]) -> None:
    """Check every condition.

    Raises:
        UsageError: if one is not understood.
        ConditionError: naming those that do not hold, with both numbers.
    """
    broken = [line for text in conditions if (line := _check(report, text)) is not None]
    if broken:
        raise ConditionError("; ".join(broken), "`lstmcast evaluate --json` shows every score")


def _check(report: Report, text: str) -> str | None:
    """None if the condition holds, else the line that says why not."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise UsageError(
            f"`--fail-unless` {text!r} is not a condition", 'write it as "crps<garch" or "p<0.05"'
        )
    name, at, sign, wanted = match.groups()
    horizon = report.horizons[0] if at is None else int(at)
    if horizon not in report.horizons:
        raise UsageError(
            f"`--fail-unless` {text!r} asks for horizon {horizon}",
            f"the run has 1 to {report.horizons[-1]}",
        )
    found = _model_value(report, name, horizon)
    limit = _limit(report, name, horizon, wanted)
    if _OPERATORS[sign](found, limit):
        return None
    if math.isnan(found):
        return f"`{text.strip()}` does not hold: the run states no `{name}`, or too few days say so"
    return f"`{text.strip()}` does not hold: {found:.6g} against {limit:.6g}"


def _model_value(report: Report, name: str, horizon: int) -> float:
    known = [field.name for field in fields(Scores)]
    tested = enough(report.point_tests[horizon].days, horizon)
    if name in (_P, *known) and name != "rows" and not tested:
        return float("nan")
    if name == _P:
        best = best_baseline(report.forecasters, horizon)
        found = report.comparisons[best][horizon] if best else None
        if found is None or found.crps is None or found.skill is None:
            return float("nan")
        return found.crps.p_value if found.skill > 0 else 1.0
    if name not in known:
        raise UsageError(
            f"`--fail-unless` names `{name}`, which is not a score",
            f"choose from {', '.join((_P, *known))}",
        )
    return float(getattr(report.forecasters[MODEL].pooled[horizon], name))


def _limit(report: Report, name: str, horizon: int, wanted: str) -> float:
    standards = {key: part for key, part in report.forecasters.items() if key != MODEL}
    if name != _P and wanted in standards:
        return float(getattr(standards[wanted].pooled[horizon], name))
    if name != _P and wanted == "best":
        if name in _NO_BEST or name.startswith("coverage"):
            raise UsageError(
                f"`--fail-unless` asks for the best `{name}`, of which more or less is not better",
                "compare with a number",
            )
        values = [float(getattr(part.pooled[horizon], name)) for part in standards.values()]
        known = [value for value in values if value == value]  # noqa: PLR0124 - not NaN
        highest_is_best = name in {"r2_zero", "hit_rate"}
        return (max if highest_is_best else min)(known, default=float("nan"))
    if name != _P and wanted in BASELINES:
        raise UsageError(
            f"`--fail-unless` compares with `{wanted}`, which is not among these baselines",
            f"here are {', '.join(standards)}; the notes say which were left out, and why",
        )
    try:
        return float(wanted)
    except ValueError:
        raise UsageError(
            f"`--fail-unless` compares with `{wanted}`, which is neither a number nor a baseline",
            f"the baselines here are {', '.join(standards)}, or `best`",
        ) from None
