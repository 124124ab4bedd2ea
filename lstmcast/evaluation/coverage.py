"""Empirical coverage: does an 80 % range contain 80 % of the closes, given how few days there are?

On all days, on days of low, medium and high volatility, year by year, and further ahead. Each share
comes with its standard error, because a hundred days say little about 5 % of misses.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.coverage_check import OVERALL, CoverageCheck
from lstmcast.evaluation.significance import MIN_DAYS, long_run_variance, newey_west_lags
from lstmcast.evaluation.terciles import TERCILES
from lstmcast.predictions import QUANTILES, RANGES

TOLERANCE, SUBSET_TOLERANCE = 0.015, 0.03
"""Deviations too small to matter, over all days and over a subset of them, even where there are
enough days to measure them."""

CRITICAL_ERRORS = 2.8
"""Deviations up to this many standard errors are within sampling error. Of 16 looks at ranges that
are exactly right, on all days and in the terciles, it rejects one in one evaluation of twenty or
fewer (`benchmarks/sampling_error.py`)."""


def subset_label(subset: str) -> str:
    """How tables and charts call a subset: `high_volatility` is "high volatility"."""
    return "all days" if subset == OVERALL else subset.replace("_", " ")


def check_coverage(
    losses: pd.DataFrame, terciles: "pd.Series[int]", horizon: int
) -> tuple[CoverageCheck, ...]:
    """Check every range overall and in each volatility tercile; nothing for a point forecast.

    Args:
        losses: `symbol`, `origin`, `horizon` and `inside_50` .. `inside_95`, as of `row_losses`.
        terciles: volatility tercile of each row, in the same order.
        horizon: sessions ahead.
    """
    chosen = (losses["horizon"] == horizon).to_numpy()
    tercile = terciles.to_numpy()[chosen]
    everywhere = np.ones(len(tercile), dtype=bool)
    subsets = {OVERALL: everywhere, **{name: tercile == k for k, name in enumerate(TERCILES)}}
    return _check_subsets(losses[chosen], subsets, horizon)


def check_coverage_by_year(losses: pd.DataFrame, horizon: int) -> tuple[CoverageCheck, ...]:
    """Check every range in each year of the date that was forecast; nothing for a point forecast.

    Args:
        losses: of `row_losses`.
        horizon: sessions ahead.
    """
    rows = losses[losses["horizon"] == horizon]
    years = rows["date"].dt.year.to_numpy()
    return _check_subsets(rows, {str(year): years == year for year in np.unique(years)}, horizon)


def check_covered(
    covered: Callable[[int], pd.DataFrame], horizons: Sequence[int]
) -> tuple[CoverageCheck, ...]:
    """Check every range over all rows at each horizon; nothing for a point forecast.

    Args:
        covered: gives the rows of a horizon: `symbol`, `origin` and `inside_50` .. `inside_95`.
        horizons: sessions ahead.
    """
    checks: list[CoverageCheck] = []
    for horizon in horizons:
        rows = covered(horizon)
        if rows["inside_90"].isna().all():
            return ()
        checks += _check_subsets(rows, {OVERALL: np.ones(len(rows), dtype=bool)}, horizon)
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

    The probability integral transform in 20 bins: calibrated forecasts have 5 % in each.

    Args:
        table: prediction rows that state ranges.
        horizon: sessions ahead.
    """
    rows = table[table["horizon"] == horizon]
    steps = rows[list(QUANTILES[1:-1])].to_numpy(dtype=np.float64)
    actual = rows["return_actual"].to_numpy(dtype=np.float64)
    bins = (actual[:, None] > steps).sum(axis=1)
    weights = symbol_weights(rows)
    _, day = np.unique(rows["origin"].to_numpy(), return_inverse=True)
    count = steps.shape[1] + 1
    return [_share(bins == k, weights, day, 1 / count, horizon) for k in range(count)]


def _check_subsets(
    rows: pd.DataFrame, subsets: Mapping[str, NDArray[np.bool_]], horizon: int
) -> tuple[CoverageCheck, ...]:
    """Check every range in subsets of the rows: `symbol`, `origin`, `inside_50` .. `inside_95`."""
    if rows["inside_50"].isna().any():
        return ()
    weights, days = symbol_weights(rows), rows["origin"].to_numpy()
    checks = []
    for subset, chosen in subsets.items():
        if not chosen.any():
            continue
        unique, day = np.unique(days[chosen], return_inverse=True)
        count = len(unique)
        tolerance = TOLERANCE if subset == OVERALL else SUBSET_TOLERANCE
        for nominal in RANGES:
            inside_range = rows[f"inside_{nominal}"].to_numpy()[chosen]
            found, error = _share(inside_range, weights[chosen], day, nominal / 100, horizon)
            close = abs(found - nominal / 100) <= max(tolerance, CRITICAL_ERRORS * error)
            calibrated = close if count >= MIN_DAYS else None
            checks.append(CoverageCheck(horizon, nominal, subset, count, found, error, calibrated))
    return tuple(checks)


def symbol_weights(rows: pd.DataFrame) -> FloatArray:
    """A weight for each row: symbols count alike over all days, so that subsets add up."""
    symbol, _ = pd.factorize(rows["symbol"])
    weights: FloatArray = 1 / np.bincount(symbol)[symbol]
    return weights


def empirical_coverage(
    inside: FloatArray, weights: FloatArray, chosen: NDArray[np.bool_] | None = None
) -> float:
    """Weighted share of the rows whose outcome lies inside a range.

    Args:
        inside: `(rows,)` 1 or 0.
        weights: `(rows,)` of `symbol_weights`.
        chosen: `(rows,)` the subset that counts; all if None.
    """
    if chosen is None:
        return float(np.average(inside, weights=weights))
    return float(np.average(inside[chosen], weights=weights[chosen]))


def _share(
    indicator: NDArray[np.generic],
    weights: FloatArray,
    day: NDArray[np.intp],
    stated: float,
    horizon: int,
) -> tuple[float, float]:
    """Share of the rows where an indicator is 1, and its standard error.

    A small sample may show less spread than there is, at worst none: the error is at least that of
    an indicator with the stated probability, each day's outcomes being one observation. `day` is
    the number of each row's day, none left out.
    """
    values = indicator.astype(np.float64)
    found = empirical_coverage(values, weights)
    variance = max(
        _variance(weights * (values - found), day, newey_west_lags(horizon)),
        overlap(horizon) * _variance(weights * (values - stated), day, lags=0),
        overlap(horizon) * stated * (1 - stated) * float((weights**2).sum()),
    )
    return found, float(np.sqrt(variance) / weights.sum())


def _variance(terms: FloatArray, day: NDArray[np.intp], lags: int) -> float:
    """Variance of a sum of terms that depend on each other within a day, and over some days."""
    daily = np.bincount(day, terms).astype(np.float64, copy=False)
    return len(daily) * long_run_variance(daily, lags)
