"""Does a stated range hold as often as it says, given how few days there are to tell?"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.evaluation.diagnostics import TERCILES
from lstmcast.evaluation.scores import RANGES
from lstmcast.evaluation.significance import long_run_variance, newey_west_lags

OVERALL = "overall"

TOLERANCE = {OVERALL: 0.015, **dict.fromkeys(TERCILES, 0.03)}
"""Deviations that nobody need care about, even where there are days enough to see them."""

_LUCK = 2.64
"""Standard errors that luck explains: 5 % two-sided over six looks, about as many as the nested
ranges and the thirds amount to."""


@dataclass(frozen=True)
class RangeCheck:
    """One range over all rows, or over one volatility third.

    Args:
        nominal: coverage that the range states, in %.
        where: `overall`, `calm`, `middle` or `restless`.
        found: share of outcomes inside.
        error: standard error of that share, by day and with Newey-West.
        holds: the deviation is within 1.5 points (3 in a third) or within what luck explains.
    """

    nominal: int
    where: str
    found: float
    error: float
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def check_ranges(
    losses: pd.DataFrame, terciles: "pd.Series[int]", horizon: int
) -> tuple[RangeCheck, ...]:
    """Check every range overall and in each volatility third; nothing for a point forecast.

    Args:
        losses: of `row_losses`.
        terciles: volatility third of each row, in the same order.
        horizon: sessions ahead.
    """
    chosen = (losses["horizon"] == horizon).to_numpy()
    rows, thirds = losses[chosen], terciles.to_numpy()[chosen]
    if rows["inside_50"].isna().any():
        return ()
    parts = {OVERALL: rows, **{name: rows[thirds == k] for k, name in enumerate(TERCILES)}}
    return tuple(
        _check(part, where, nominal, horizon)
        for where, part in parts.items()
        for nominal in RANGES
        if len(part)
    )


def _check(rows: pd.DataFrame, where: str, nominal: int, horizon: int) -> RangeCheck:
    column = f"inside_{nominal}"
    found = float(rows.groupby("symbol")[column].mean().mean())
    daily = rows.groupby("origin", sort=True)[column].mean().to_numpy(dtype=np.float64)
    variance = long_run_variance(daily, newey_west_lags(horizon))
    error = float(np.sqrt(variance / len(daily)))
    gap = abs(found - nominal / 100)
    return RangeCheck(nominal, where, found, error, gap <= max(TOLERANCE[where], _LUCK * error))
