"""Does a stated range hold as often as it says, given how few days there are to tell?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.diagnostics import TERCILES
from lstmcast.evaluation.scores import RANGES, inside
from lstmcast.evaluation.significance import FEWEST_DAYS, long_run_variance, newey_west_lags
from lstmcast.predictions import QUANTILES, is_point

OVERALL = "overall"

TOLERANCE, PART_TOLERANCE = 0.015, 0.03
"""Deviations that nobody need care about, over all days and in a part of them, even where there are
days enough to see them."""

LUCK = 2.8
"""Standard errors that luck explains: of 16 looks at ranges that are exactly right, on all days and
in the thirds, it leaves one in one evaluation of twenty or fewer (`benchmarks/luck.py`)."""


@dataclass(frozen=True)
class RangeCheck:
    """One range over all rows, or over a part of them.

    Args:
        horizon: sessions ahead.
        nominal: coverage that the range states, in %.
        where: `overall`, `calm`, `middle` or `restless`, or a year.
        days: sessions that had such a row.
        found: share of outcomes inside.
        error: standard error of that share, by day and with Newey-West.
        holds: the deviation is within 1.5 points (3 in a part) or within what luck explains; None
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
    thirds = terciles.to_numpy()[chosen]
    everywhere = np.ones(len(thirds), dtype=bool)
    parts = {OVERALL: everywhere, **{name: thirds == k for k, name in enumerate(TERCILES)}}
    return _check_parts(losses[chosen], parts, horizon)


def check_years(losses: pd.DataFrame, horizon: int) -> tuple[RangeCheck, ...]:
    """Check every range in each year of the date that was forecast; nothing for a point forecast.

    Args:
        losses: of `row_losses`.
        horizon: sessions ahead.
    """
    rows = losses[losses["horizon"] == horizon]
    years = rows["date"].dt.year.to_numpy()
    return _check_parts(rows, {str(year): years == year for year in np.unique(years)}, horizon)


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
        held = rows[["symbol", "origin"]].assign(**inside(rows))
        checks += _check_parts(held, {OVERALL: np.ones(len(rows), dtype=bool)}, horizon)
    return tuple(checks)


def overlap(horizon: int) -> float:
    """How many times less certain a coverage is for forecasts that overlap: at most `2 h / 3`.

    Returns over h sessions that begin k < h apart have a correlation of 1 - k/h. Whether a Gaussian
    return is within a range around 0 then has one of at most its square: the indicator is even, and
    its expansion in Hermite polynomials begins with the second.
    """
    apart = np.arange(1, horizon)
    return float(1 + 2 * ((1 - apart / horizon) ** 2).sum())


def pit_shares(table: pd.DataFrame, horizon: int) -> list[tuple[float, float]]:
    """Share of the outcomes between each two of the stated 5 % steps, and its standard error.

    The probability integral transform in 20 bins: with ranges that hold, each has 5 %.

    Args:
        table: prediction rows that state ranges.
        horizon: sessions ahead.
    """
    rows = table[table["horizon"] == horizon]
    steps = rows[list(QUANTILES[1:-1])].to_numpy(dtype=np.float64)
    actual = rows["return_actual"].to_numpy(dtype=np.float64)
    bins = (actual[:, None] > steps).sum(axis=1)
    weights, days = _weights(rows), rows["origin"].to_numpy()
    count = steps.shape[1] + 1
    return [_share(bins == k, weights, days, 1 / count, horizon) for k in range(count)]


def _check_parts(
    rows: pd.DataFrame, parts: Mapping[str, NDArray[np.bool_]], horizon: int
) -> tuple[RangeCheck, ...]:
    """Check every range in parts of the rows: `symbol`, `origin`, `inside_50` .. `inside_95`."""
    if rows["inside_50"].isna().any():
        return ()
    weights, days = _weights(rows), rows["origin"].to_numpy()
    checks = []
    for where, part in parts.items():
        if not part.any():
            continue
        count = len(np.unique(days[part]))
        tolerance = TOLERANCE if where == OVERALL else PART_TOLERANCE
        for nominal in RANGES:
            held, stated = rows[f"inside_{nominal}"].to_numpy()[part], nominal / 100
            found, error = _share(held, weights[part], days[part], stated, horizon)
            holds = abs(found - stated) <= max(tolerance, LUCK * error)
            known = count >= FEWEST_DAYS
            checks.append(
                RangeCheck(horizon, nominal, where, count, found, error, holds if known else None)
            )
    return tuple(checks)


def _weights(rows: pd.DataFrame) -> FloatArray:
    """Each symbol counts alike over all days, so that parts of them add up to the whole."""
    sizes: FloatArray = rows.groupby("symbol")["symbol"].transform("size").to_numpy(np.float64)
    return 1 / sizes


def _share(
    held: NDArray[np.generic],
    weights: FloatArray,
    days: NDArray[np.generic],
    stated: float,
    horizon: int,
) -> tuple[float, float]:
    """Share of the rows of which something held, and its standard error.

    Few outcomes may by luck show less spread than there is, at worst none: the error is at least
    that of what holds as often as stated, each day's outcomes being one observation.
    """
    values = held.astype(np.float64)
    found = float(np.average(values, weights=weights))
    variance = max(
        _variance(weights * (values - found), days, newey_west_lags(horizon)),
        overlap(horizon) * _variance(weights * (values - stated), days, lags=0),
        overlap(horizon) * stated * (1 - stated) * float((weights**2).sum()),
    )
    return found, float(np.sqrt(variance) / weights.sum())


def _variance(terms: FloatArray, days: NDArray[np.generic], lags: int) -> float:
    """Variance of a sum of terms that depend on each other within a day, and over some days."""
    daily = np.array(pd.Series(terms, index=days).groupby(level=0, sort=True).sum())
    return len(daily) * long_run_variance(daily, lags)
