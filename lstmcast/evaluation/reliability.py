"""Does a stated range hold as often as it says, given how few days there are to tell?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.diagnostics import TERCILES
from lstmcast.evaluation.scores import RANGES, inside
from lstmcast.evaluation.significance import FEWEST_DAYS, long_run_variance, newey_west_lags
from lstmcast.predictions import is_point

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
        horizon: sessions ahead.
        nominal: coverage that the range states, in %.
        where: `overall`, `calm`, `middle` or `restless`.
        days: sessions that had such a row.
        found: share of outcomes inside.
        error: standard error of that share, by day and with Newey-West.
        holds: the deviation is within 1.5 points (3 in a third) or within what luck explains; None
            below 60 days.
    """

    horizon: int
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


def check_further(table: pd.DataFrame, horizons: Sequence[int]) -> tuple[RangeCheck, ...]:
    """Check every range over all rows at further horizons; nothing for a point forecast.

    Args:
        table: prediction rows, horizons beside `horizons` among them.
        horizons: sessions ahead.
    """
    checks: list[RangeCheck] = []
    for horizon in horizons:
        rows = table[table["horizon"] == horizon]
        if is_point(rows):
            return ()
        weights = 1 / rows.groupby("symbol")["symbol"].transform("size").to_numpy(dtype=np.float64)
        held = rows[["origin"]].assign(**inside(rows))
        checks += [_check(held, weights, OVERALL, nominal, horizon) for nominal in RANGES]
    return tuple(checks)


def overlap(horizon: int) -> float:
    """How many times less certain a coverage is for forecasts that overlap: at most `2 h / 3`.

    Returns over h sessions that begin k < h apart have a correlation of 1 - k/h. Whether a Gaussian
    return is within a range around 0 then has one of at most its square: the indicator is even, and
    its expansion in Hermite polynomials begins with the second.
    """
    apart = np.arange(1, horizon)
    return float(1 + 2 * ((1 - apart / horizon) ** 2).sum())


def _check(
    rows: pd.DataFrame, weights: FloatArray, where: str, nominal: int, horizon: int
) -> RangeCheck:
    held = rows[f"inside_{nominal}"].to_numpy(dtype=np.float64)
    found = float(np.average(held, weights=weights))
    days = rows["origin"].to_numpy()
    stated = nominal / 100
    # Few outcomes may by luck show less spread than there is, at worst none: the error is at least
    # that of a range that holds what it states, each day's outcomes being one observation.
    variance = max(
        _variance(weights * (held - found), days, newey_west_lags(horizon)),
        overlap(horizon) * _variance(weights * (held - stated), days, lags=0),
        overlap(horizon) * stated * (1 - stated) * float((weights**2).sum()),
    )
    error = float(np.sqrt(variance) / weights.sum())
    count = len(np.unique(days))
    holds = abs(found - stated) <= max(TOLERANCE[where], _LUCK * error)
    known = count >= FEWEST_DAYS
    return RangeCheck(horizon, nominal, where, count, found, error, holds if known else None)


def _variance(terms: FloatArray, days: NDArray[np.generic], lags: int) -> float:
    """Variance of a sum of terms that depend on each other within a day, and over some days."""
    daily = np.array(pd.Series(terms, index=days).groupby(level=0, sort=True).sum())
    return len(daily) * long_run_variance(daily, lags)
