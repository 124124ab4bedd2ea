"""Conditions for scripts: `--fail-if "coverage_80<0.7"`.

    coverage_50|80|90|95 [@HORIZON] < or > SHARE

It holds where the outcomes refute the opposite beyond sampling error: "coverage_80<0.7" where they
cannot come of ranges that contain 70 % or more. The test (`lstmcast.ledger.monitor`) allows for
being looked at every day: of ranges that do contain it, a share of 5 % at most ever fails, however
long it is watched. The horizon is the shortest by default.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.errors import ConditionError, UsageError
from lstmcast.ledger.grading import COUNTED, WAITING
from lstmcast.ledger.monitor import ALPHA, Outcomes, bet_against
from lstmcast.ledger.schema import MODEL
from lstmcast.predictions import RANGES, inside_ranges

NAMES = tuple(f"coverage_{nominal}" for nominal in RANGES)

_PATTERN = re.compile(r"\s*(\w+)\s*(?:@\s*(\d+)\s*)?([<>]=?)\s*([\w.+-]+)\s*")
_EXAMPLE = 'write it as "coverage_80<0.7" or "coverage_95@5<0.9"'


@dataclass(frozen=True)
class Condition:
    """A condition that is understood.

    Args:
        text: as it was given.
        nominal: the range, in %.
        horizon: sessions ahead; None for the shortest.
        sign: `<` or `>`.
        limit: coverage, between 0 and 1.
    """

    text: str
    nominal: int
    horizon: int | None
    sign: str
    limit: float


@dataclass(frozen=True)
class ConditionResult:
    """What the outcomes say of a condition.

    Args:
        condition: as it was given.
        horizon: sessions ahead.
        rows: outcomes.
        days: sessions on which they were forecast.
        coverage: share of the outcomes inside; None without any.
        evidence: what a capital of 1 has become at most that was bet against the opposite.
        needed: evidence from which on the condition holds.
        since: the day on which it began to hold, or None.
    """

    condition: str
    horizon: int | None
    rows: int
    days: int
    coverage: float | None
    evidence: float
    needed: float
    since: pd.Timestamp | None

    @property
    def holds(self) -> bool:
        """Whether it holds beyond sampling error."""
        return self.since is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        since = None if self.since is None else f"{self.since:%Y-%m-%d}"
        return {
            "condition": self.condition, "horizon": self.horizon, "holds": self.holds,
            "rows": self.rows, "days": self.days, "coverage": self.coverage,
            "evidence": self.evidence, "needed": self.needed, "since": since,
        }  # fmt: skip


def parse_conditions(conditions: Sequence[str]) -> list[Condition]:
    """Read conditions.

    Raises:
        UsageError: if one is not understood.
    """
    return [_parse(text) for text in conditions]


def _parse(text: str) -> Condition:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise UsageError(f"`--fail-if` {text!r} is not a condition", _EXAMPLE)
    name, at, sign, wanted = match.groups()
    if name not in NAMES:
        raise UsageError(
            f"`--fail-if` names `{name}`, which cannot be watched",
            f"choose from {', '.join(NAMES)}",
        )
    if at is not None and int(at) < 1:
        raise UsageError(f"`--fail-if` {text!r} asks for horizon {at}", "horizons begin with 1")
    try:
        limit = float(wanted)
    except ValueError:
        limit = math.nan
    if not 0 < limit < 1:
        raise UsageError(
            f"`--fail-if` {text!r} compares with {wanted}",
            "give a share between 0 and 1, such as 0.7 for 70 %",
        )
    return Condition(
        text.strip(), int(name.removeprefix("coverage_")), None if at is None else int(at),
        sign[0], limit,
    )  # fmt: skip


def outcomes_of(graded: pd.DataFrame, nominal: int, horizon: int, markets: int) -> Outcomes:
    """The model's forecasts of one horizon whose outcome came or is awaited.

    Args:
        graded: of `grade`.
        nominal: the range, in %.
        horizon: sessions ahead.
        markets: how many markets the symbols close with.
    """
    chosen = (graded["forecaster"] == MODEL) & (graded["horizon"] == horizon)
    chosen &= graded["state"].isin([COUNTED, WAITING]) & graded[RANGES[nominal][0]].notna()
    rows = graded[chosen]
    came = rows["return_actual"].notna().to_numpy()
    return Outcomes(
        origin=rows["origin"].to_numpy().astype("datetime64[s]"),
        known=np.where(
            came, rows["date"].to_numpy().astype("datetime64[s]"), np.datetime64("NaT", "s")
        ),
        inside=np.where(came, inside_ranges(rows)[f"inside_{nominal}"], np.nan),
        horizon=horizon,
        markets=markets,
    )


def check_coverage_conditions(
    graded: pd.DataFrame, conditions: Sequence[Condition], markets: int
) -> list[ConditionResult]:
    """What the outcomes say of each condition.

    Args:
        graded: of `grade`, with live forecasts alone or replayed ones alone.
        conditions: understood.
        markets: how many markets the symbols close with.

    Raises:
        UsageError: if one asks for a horizon that was not forecast.
    """
    there = sorted(int(h) for h in graded["horizon"].unique())
    return [_look(graded, one, there, markets) for one in conditions]


def _look(
    graded: pd.DataFrame, condition: Condition, there: Sequence[int], markets: int
) -> ConditionResult:
    if not there:
        return ConditionResult(condition.text, condition.horizon, 0, 0, None, 1.0, 1 / ALPHA, None)
    horizon = condition.horizon or there[0]
    if horizon not in there:
        raise UsageError(
            f"`--fail-if` {condition.text!r} asks for horizon {horizon}",
            f"the forecasts have {there[0]} to {there[-1]}",
        )
    outcomes = outcomes_of(graded, condition.nominal, horizon, markets)
    evidence = bet_against(
        outcomes, "at least" if condition.sign == "<" else "at most", condition.limit
    )
    known = outcomes.inside[np.isfinite(outcomes.inside)]
    days = np.unique(outcomes.origin[np.isfinite(outcomes.inside)])
    return ConditionResult(
        condition.text,
        horizon,
        len(known),
        len(days),
        float(known.mean()) if len(known) else None,
        evidence.largest,
        1 / ALPHA,
        evidence.alarm(),
    )


def refuse(findings: Sequence[ConditionResult]) -> None:
    """Fail where a condition holds.

    Raises:
        ConditionError: naming those that do, with their figures.
    """
    lines = [
        f"`{found.condition}` since {found.since:%Y-%m-%d}: {found.coverage:.1%} of {found.rows} "
        f"outcomes on {found.days} days were inside (evidence {found.evidence:.3g}, "
        f"{found.needed:.3g} are enough)"
        for found in findings
        if found.since is not None and found.coverage is not None
    ]
    if lines:
        raise ConditionError(
            "; ".join(lines),
            "train anew, and begin to watch afresh with `--since DATE` or `--run NAME`",
        )
