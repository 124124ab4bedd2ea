"""Stylised facts of daily bars as numbers: how far simulated markets look like real ones.

`measure` gives a row for each series, `measure_neighbours` a row for each group of series. A prior
is wide enough where the real values of each fact lie among the simulated ones (`covered`).

Facts describe a whole series, so later bars count as much as earlier ones: nothing here may become
a feature.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lstmcast.features.ranges import PARKINSON

LAGS = (1, 5, 22, 66, 250)
"""Sessions: the next one, a week, a month, a quarter, a year."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

MONTH = 22
WEEK = 5
TREND = 251
"""Sessions of the centred mean that is taken off log volume."""

QUARTER = 63
AROUND_QUARTER = (QUARTER - 12, QUARTER + 12)
"""Lags that the reports of two quarters are not apart, and other causes of memory are."""

LARGEST_MOVE = 6.0
"""Times the usual move, beyond which a move counts as this, so that one crash does not decide."""

FACTS: dict[str, str] = {
    "volatility": "root mean square return of a session, in percent",
    "kurtosis": "kurtosis of returns (3 for a normal distribution)",
    **{f"memory_{lag}": f"autocorrelation of absolute returns, lag {lag}" for lag in LAGS},
    "quarter": "autocorrelation of weeks' largest moves a quarter apart, less that 12 sessions off",
    "leverage": "rank correlation of the return with absolute returns of the next 5 sessions",
    "volatility_spread": "standard deviation of log volatility, over blocks of 22 sessions",
    "return_memory": "autocorrelation of returns, lag 1",
    "unchanged": "share of closes that equal the one before",
    "range_to_return": "mean Parkinson volatility over root mean square return",
    "range_spread": "standard deviation of the log range",
    **{f"range_memory_{lag}": f"autocorrelation of the log range, lag {lag}" for lag in LAGS},
    "range_leverage": "rank correlation of the return with ranges of the next 5 sessions",
    "overnight": "overnight share of variance",
    "volume": "rank correlation of volume, less its trend, with absolute returns",
}
"""Facts of one series and what they are; those of ranges, opens or volume are NaN without them."""

NEIGHBOUR_FACTS: dict[str, str] = {
    "return_correlation": "mean correlation of two series' returns",
    "volatility_correlation": "mean correlation of their log volatilities, blocks of 22 sessions",
}
"""Facts of a group of series."""


def measure(bars: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Measure `FACTS` of each series.

    Args:
        bars: tables `(sessions, series)` of `close` and, as far as they are known, `open`, `high`,
            `low` and `dollar_volume` (or `volume`), all of one shape, on one scale over splits.

    Returns:
        A row for each series, a column for each fact; NaN where the series lacks what the fact
        needs, or is too short for it.
    """
    close = bars["close"].astype(np.float64)
    found = pd.DataFrame(np.nan, index=close.columns, columns=list(FACTS))
    returns = _log_returns(close)
    _of_returns(found, returns)
    if {"high", "low"} <= bars.keys():
        _of_ranges(found, returns, bars["high"], bars["low"])
    if "open" in bars:
        night = 100 * _log(bars["open"] / close.shift())
        overnight, day = night.var(), (returns - night).var()
        found["overnight"] = overnight / (overnight + day)
    if volume := [bars[name] for name in ("dollar_volume", "volume") if name in bars]:
        traded = _log(volume[0].clip(lower=1.0))
        trend = traded.rolling(TREND, center=True, min_periods=TREND // 2).mean()
        found["volume"] = _rank_correlation(traded - trend, returns.abs())
    return found


def measure_neighbours(close: pd.DataFrame) -> pd.Series:
    """Measure `NEIGHBOUR_FACTS` of series that trade on the same sessions.

    Args:
        close: `(sessions, series)`, at least two series; sessions that one of them lacks are left
            out.
    """
    returns = _log_returns(close.astype(np.float64).dropna())
    tables = (returns.dropna(), _log_volatility_of_blocks(returns).dropna())
    return pd.Series(
        dict(zip(NEIGHBOUR_FACTS, (_mean_correlation(t) for t in tables), strict=True))
    )


def covered(simulated: pd.DataFrame, real: pd.DataFrame) -> pd.DataFrame:
    """Whether real values lie between the outer quantiles of simulated ones.

    Args:
        simulated: a row for each series or group, a column for each fact.
        real: the same of real series.

    Returns:
        A table of the real one's shape: True inside, False outside, missing where the real series
        lacks the fact.
    """
    low, high = simulated.quantile(QUANTILES[0]), simulated.quantile(QUANTILES[-1])
    inside = (real >= low) & (real <= high)
    return inside.astype("boolean").mask(real.isna())


def quantiles(simulated: pd.DataFrame) -> pd.DataFrame:
    """Quantiles over series: a row for each fact, a column for each of `QUANTILES`."""
    return simulated.quantile(list(QUANTILES)).T


def autocorrelations(values: pd.DataFrame, lags: Sequence[int]) -> dict[int, pd.Series]:
    """Autocorrelation of each column at each lag, with the mean and variance of the whole column.

    NaN for columns without variance, and for lags beyond half of the table.
    """
    centred = (values - values.mean()).to_numpy(dtype=np.float64)
    known = np.isfinite(centred)
    centred = np.where(known, centred, 0.0)
    total = (centred**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    found = {}
    for lag in lags:
        pairs = (known[lag:] & known[:-lag]).sum(axis=0)
        enough = (total > 0) & (pairs > lag)
        product = (centred[lag:] * centred[:-lag]).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(enough, product / pairs / total, np.nan)
        found[lag] = pd.Series(share, index=values.columns)
    return found


def _of_returns(found: pd.DataFrame, returns: pd.DataFrame) -> None:
    mean_square = (returns**2).mean()
    found["volatility"] = mean_square**0.5
    centred = returns - returns.mean()
    found["kurtosis"] = (centred**4).mean() / ((centred**2).mean() ** 2)
    size = returns.abs()
    for lag, share in autocorrelations(size, LAGS).items():
        found[f"memory_{lag}"] = share
    usual = size.rolling(2 * QUARTER + 1, center=True, min_periods=QUARTER).mean()
    unusual = (size / usual.where(usual > 0)).clip(upper=LARGEST_MOVE)
    # Reports come a few days early or late.
    largest = autocorrelations(unusual.rolling(WEEK).max(), (QUARTER, *AROUND_QUARTER))
    found["quarter"] = largest[QUARTER] - sum(largest[k] for k in AROUND_QUARTER) / 2
    found["leverage"] = _rank_correlation(returns, size.rolling(WEEK).mean().shift(-WEEK))
    found["volatility_spread"] = _log_volatility_of_blocks(returns).std()
    found["return_memory"] = autocorrelations(returns, (1,))[1]
    found["unchanged"] = (returns == 0).sum() / returns.notna().sum()


def _of_ranges(
    found: pd.DataFrame, returns: pd.DataFrame, high: pd.DataFrame, low: pd.DataFrame
) -> None:
    width = 100 * _log(high / low)
    found["range_to_return"] = width.mean() / PARKINSON / found["volatility"]
    # A session without a range says nothing of its log.
    log_range = _log(width.where(width > 0))
    found["range_spread"] = log_range.std()
    for lag, share in autocorrelations(log_range, LAGS).items():
        found[f"range_memory_{lag}"] = share
    found["range_leverage"] = _rank_correlation(returns, width.rolling(WEEK).mean().shift(-WEEK))


def _log_returns(close: pd.DataFrame) -> pd.DataFrame:
    """In percent; the first row is NaN."""
    return 100 * _log(close).diff()


def _log(values: pd.DataFrame) -> pd.DataFrame:
    """Natural logarithm of each cell."""
    logs: pd.DataFrame = np.log(values.astype(np.float64))  # type: ignore[assignment] # an array to mypy
    return logs


def _rank_correlation(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Spearman's correlation of each column with its namesake, over sessions that have both."""
    known = first.notna() & second.notna()
    return first.where(known).rank().corrwith(second.where(known).rank())


def _log_volatility_of_blocks(returns: pd.DataFrame) -> pd.DataFrame:
    """Log root mean square return of each block of a month; blocks without a move are left out."""
    block = np.arange(len(returns)) // MONTH
    mean_square = (returns**2).groupby(block).mean()
    return 0.5 * _log(mean_square.where(mean_square > 0))


def _mean_correlation(values: pd.DataFrame) -> float:
    matrix = values.corr().to_numpy()
    return float(np.nanmean(matrix[np.triu_indices_from(matrix, 1)]))
