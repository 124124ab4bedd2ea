"""Simulated bars with a known truth, and prediction tables over them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lstmcast.distributions import Distribution, PointForecast, StudentTMixture
from lstmcast.predictions import Actuals, tabulate

Bars = pd.DataFrame


def bars_from_returns(returns: np.ndarray, first: str = "2010-01-04", start: float = 50.0) -> Bars:
    """Daily bars whose close follows `returns` (log, fractions); the first close is `start`."""
    log_close = np.log(start) + np.concatenate([[0.0], np.cumsum(returns)])
    close = np.exp(log_close)
    opening = np.concatenate([close[:1], close[:-1]])
    spread = 1 + 0.4 * np.concatenate([[0.01], np.abs(returns)]) + 0.001
    index = pd.bdate_range(first, periods=len(close), name="date")
    frame = pd.DataFrame({"open": opening, "close": close}, index=index)
    frame["high"] = np.maximum(opening, close) * spread
    frame["low"] = np.minimum(opening, close) / spread
    frame["volume"] = 1e6
    frame["dollar_volume"] = 1e6 * close
    return frame[["open", "high", "low", "close", "volume", "dollar_volume"]]


def random_walk(seed: int, rows: int = 1500, scale: float = 0.01, df: float = 5.0) -> Bars:
    """Independent Student-t returns of constant scale."""
    draws = np.random.default_rng(seed).standard_t(df, size=rows)
    return bars_from_returns(scale * draws)


def garch_returns(
    seed: int,
    rows: int = 1500,
    *,
    omega: float = 2e-6,
    alpha: float = 0.1,
    gamma: float = 0.0,
    beta: float = 0.88,
    df: float = 8.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns and true volatilities of a (GJR-)GARCH(1,1) with standardised Student-t shocks."""
    shocks = np.random.default_rng(seed).standard_t(df, size=rows) * np.sqrt((df - 2) / df)
    variance = omega / (1 - alpha - gamma / 2 - beta)
    returns, volatility = np.empty(rows), np.empty(rows)
    for t in range(rows):
        volatility[t] = np.sqrt(variance)
        returns[t] = volatility[t] * shocks[t]
        square = returns[t] ** 2
        variance = omega + (alpha + gamma * (returns[t] < 0)) * square + beta * variance
    return returns, volatility


def predict(
    bars: Mapping[str, Bars], first: int, distribution: "Mapping[str, Distribution]"
) -> pd.DataFrame:
    """Prediction table of each symbol's forecasts for the origins from row `first` on."""
    parts = []
    for symbol, frame in bars.items():
        origins = np.arange(first, len(frame) - 1)
        closes = frame["close"].to_numpy(dtype=np.float64)
        actuals = Actuals(symbol, pd.DatetimeIndex(frame.index), closes)
        parts.append(tabulate(actuals, origins, distribution[symbol]))
    return pd.concat(parts, ignore_index=True)


def constant_t(
    rows: int, horizons: int = 1, *, df: float = 5.0, loc: float = 0.0, scale: float = 0.01
) -> StudentTMixture:
    """The same Student-t for every row, its scale growing with the root of the horizon."""
    shape = (1, rows, horizons)
    growth = np.sqrt(np.arange(1, horizons + 1))
    return StudentTMixture(
        df=np.full(shape, df), loc=np.full(shape, loc), scale=np.full(shape, scale) * growth
    )


def points(rows: int, horizons: int = 1, value: float = 0.0) -> PointForecast:
    """The same number for every row."""
    return PointForecast(np.full((rows, horizons), value))
