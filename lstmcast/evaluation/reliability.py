"""Does a stated range hold as often as it says, given how few days there are to tell?"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.diagnostics import TERCILES
from lstmcast.evaluation.scores import RANGES
from lstmcast.evaluation.significance import FEWEST_DAYS, long_run_variance, newey_west_lags

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
        days: sessions that had such a row.
        found: share of outcomes inside.
        error: standard error of that share, by day and with Newey-West.
        holds: the deviation is within 1.5 points (3 in a third) or within what luck explains; None
            below 60 days.
    """

    nominal: int
    where: str
    days: int
    found: float
    error: float
    holds: bool | None

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
    # Each symbol counts alike over all days, so that the thirds add up to what holds overall.
    weights = 1 / rows.groupby("symbol")["symbol"].transform("size").to_numpy(dtype=np.float64)
    everywhere = np.ones(len(rows), dtype=bool)
    parts = {OVERALL: everywhere, **{name: thirds == k for k, name in enumerate(TERCILES)}}
    return tuple(
        _check(rows[part], weights[part], where, nominal, horizon)
        for where, part in parts.items()
        for nominal in RANGES
        if part.any()
    )


def _check(
    rows: pd.DataFrame, weights: FloatArray, where: str, nominal: int, horizon: int
) -> RangeCheck:
    inside = rows[f"inside_{nominal}"].to_numpy(dtype=np.float64)
    found = float(np.average(inside, weights=weights))
    # Outcomes of one day share its news: they are one observation, weighted by their number.
    surprise = pd.Series(weights * (inside - found), index=rows["origin"].to_numpy())
    daily = np.array(surprise.groupby(level=0, sort=True).sum(), dtype=np.float64)
    variance = long_run_variance(daily, newey_west_lags(horizon))
    error = float(np.sqrt(len(daily) * variance) / weights.sum())
    gap = abs(found - nominal / 100)
    holds = gap <= max(TOLERANCE[where], _LUCK * error) if len(daily) >= FEWEST_DAYS else None
    return RangeCheck(nominal, where, len(daily), found, error, holds)
