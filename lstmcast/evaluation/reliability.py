"""Does a stated range hold as often as it says, given how few days there are to tell?"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.diagnostics import TERCILES
from lstmcast.evaluation.scores import RANGES
from lstmcast.evaluation.significance import FEWEST_DAYS, long_run_variance, newey_west_lags

OVERALL = "overall"

TOLERANCE = {OVERALL: 0.015, **dict.fromkeys(TERCILES, 0.03)}
"""Deviations that nobody need care about, even where there are days enough to see them."""

_LUCK = 2.8
"""Standard errors that luck explains: of 16 looks at ranges that are exactly right, on all days and
in the thirds, it leaves one in one evaluation of twenty or fewer (`benchmarks/luck.py`)."""


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
    days = rows["origin"].to_numpy()
    stated = nominal / 100
    # Few outcomes may by luck show less spread than there is, at worst none: the error is at least
    # that of a range that holds what it states, each day's outcomes being one observation.
    variance = max(
        _variance(weights * (inside - found), days, newey_west_lags(horizon)),
        _variance(weights * (inside - stated), days, lags=0),
        stated * (1 - stated) * float((weights**2).sum()),
    )
    error = float(np.sqrt(variance) / weights.sum())
    count = len(np.unique(days))
    holds = abs(found - stated) <= max(TOLERANCE[where], _LUCK * error)
    return RangeCheck(nominal, where, count, found, error, holds if count >= FEWEST_DAYS else None)


def _variance(terms: FloatArray, days: NDArray[np.generic], lags: int) -> float:
    """Variance of a sum of terms that depend on each other within a day, and over some days."""
    daily = np.array(pd.Series(terms, index=days).groupby(level=0, sort=True).sum())
    return len(daily) * long_run_variance(daily, lags)
