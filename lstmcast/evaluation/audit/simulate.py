"""Simulated bars whose truth is known: a pure random walk, and a GARCH with its volatility."""

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.prices.history import PriceHistory

ROWS = 2500
_STEPS = 20
DAILY = 0.015
DF = 6.0


def random_walk(seed: int, rows: int = ROWS) -> PriceHistory:
    """Independent days of constant volatility."""
    return _history(np.full(rows, DAILY), np.random.default_rng(seed))


def garch(seed: int, rows: int = ROWS) -> tuple[PriceHistory, FloatArray]:
    """A GARCH(1,1) and the volatility of each of its sessions, `(rows,)`.

    Persistence 0.95 and a strong answer to shocks: low and high volatility are far apart, and a
    plain moving average is too slow to follow them well.
    """
    generator = np.random.default_rng(seed)
    alpha, beta = 0.2, 0.75
    variance = DAILY**2
    omega = (1 - alpha - beta) * variance
    volatility = np.empty(rows)
    shocks = generator.standard_t(DF, size=rows) * np.sqrt((DF - 2) / DF)
    for t in range(rows):
        volatility[t] = np.sqrt(variance)
        variance = omega + (alpha * shocks[t] ** 2 + beta) * variance
    return _history(volatility, generator, shocks), volatility


def _history(
    volatility: FloatArray, generator: np.random.Generator, shocks: FloatArray | None = None
) -> PriceHistory:
    """Bars that follow given volatilities and standardised daily shocks, with a path within a day.

    The path is a Brownian bridge to the day's close, so that the range tells of the volatility.
    """
    rows = len(volatility)
    if shocks is None:
        shocks = generator.standard_t(DF, size=rows) * np.sqrt((DF - 2) / DF)
    daily = volatility * shocks
    steps = generator.normal(size=(rows, _STEPS)) * (volatility / np.sqrt(_STEPS))[:, None]
    path = np.cumsum(steps, axis=1)
    share = np.arange(1, _STEPS + 1) / _STEPS
    path += share * (daily - path[:, -1])[:, None]
    close = 50.0 * np.exp(np.cumsum(daily))
    opening = np.concatenate([[50.0], close[:-1]])
    frame = pd.DataFrame(
        {
            "open": opening,
            "high": opening * np.exp(np.maximum(path.max(axis=1), 0.0)),
            "low": opening * np.exp(np.minimum(path.min(axis=1), 0.0)),
            "close": close,
            "adj_close": close,
            "volume": np.round(1e6 * np.exp(generator.normal(scale=0.3, size=rows))) + 1,
        },
        index=pd.bdate_range("2010-01-04", periods=rows, name="date"),
    )
    return PriceHistory.from_frame(frame, symbol="SIMULATED", source="simulation")
