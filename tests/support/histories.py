"""Simulated price histories: GARCH returns with gaps, ranges and volume, from a seed."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd

from lstmcast.prices.history import PriceHistory
from support.simulated import garch_returns

FIRST = "2001-01-02"
PRICES = ["open", "high", "low", "close", "adj_close"]


def simulated_bars(
    seed: int, rows: int, *, first: str = FIRST, price: float = 50.0
) -> pd.DataFrame:
    """Daily bars with clusters of volatility, whose range and volume tell of it.

    More rows go on where fewer end: the first ones are the same.
    """
    random = np.random.default_rng(seed).spawn(3)
    returns, volatility = garch_returns(seed, rows, df=6.0)
    close = price * np.exp(np.cumsum(returns))
    gap = 0.4 * volatility * random[0].standard_normal(rows)
    opening = np.append(price, close[:-1]) * np.exp(gap)
    reach = volatility * np.abs(random[1].standard_normal((rows, 2)).T)
    return pd.DataFrame(
        {
            "open": opening,
            "high": np.maximum(opening, close) * np.exp(reach[0]),
            "low": np.minimum(opening, close) * np.exp(-reach[1]),
            "close": close,
            "adj_close": close,
            "volume": np.round(1e8 * volatility * np.exp(0.3 * random[2].standard_normal(rows))),
        },
        index=pd.bdate_range(first, periods=rows, name="date"),
    )


def as_history(
    bars: pd.DataFrame, symbol: str = "AAA", *, source: str = "csv", currency: str = "USD"
) -> PriceHistory:
    """Bars as the checked history that a source would give."""
    return PriceHistory.from_frame(
        bars,
        symbol=symbol,
        source=source,
        currency=currency,
        fetched_at="2026-01-05T00:00:00+00:00",
    )


def simulated(
    seed: int = 1,
    rows: int = 420,
    *,
    symbol: str = "AAA",
    first: str = FIRST,
    price: float = 50.0,
) -> PriceHistory:
    """A simulated history, the same for the same arguments."""
    made = _simulated(seed, rows, symbol, first, price)
    return replace(made, bars=made.bars.copy())


@lru_cache(maxsize=64)
def _simulated(seed: int, rows: int, symbol: str, first: str, price: float) -> PriceHistory:
    return as_history(simulated_bars(seed, rows, first=first, price=price), symbol)


def altered_after(history: PriceHistory, session: pd.Timestamp, seed: int) -> PriceHistory:
    """The same history up to and including `session`, and quite another one afterwards."""
    bars = history.bars.copy()
    later = np.asarray(bars.index > session)
    random = np.random.default_rng(seed)
    factor = np.exp(np.cumsum(random.normal(0.01, 0.2, later.sum())))
    bars.loc[later, PRICES] = bars.loc[later, PRICES].mul(factor, axis=0)
    bars.loc[later, "volume"] = random.integers(0, 10_000_000, later.sum()).astype(float)
    return replace(history, bars=bars)


def cut_after(history: PriceHistory, session: pd.Timestamp) -> PriceHistory:
    """The history as it was known at the close of `session`."""
    return replace(history, bars=history.bars.loc[:session])


def sessions_of(histories: Sequence[PriceHistory]) -> list[pd.DatetimeIndex]:
    """The sessions of each history."""
    return [pd.DatetimeIndex(history.bars.index) for history in histories]
