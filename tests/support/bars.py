"""Made-up daily bars for tests that need a frame, not a market."""

import numpy as np
import pandas as pd

from lstmcast.prices.calendar import sessions_between
from lstmcast.prices.history import PriceHistory


def make_frame(
    sessions: int = 300, last: str = "2024-06-28", calendar: str = "XNYS", seed: int = 5
) -> pd.DataFrame:
    """Return plausible bars with every column of the contract, ending at the session `last`."""
    end = pd.Timestamp(last)
    first = end - pd.Timedelta(days=2 * sessions + 30)
    days = sessions_between(calendar, first, end).days[-sessions:]
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0.0003, 0.012, sessions)))
    opened = close * np.exp(random.normal(0, 0.003, sessions))
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    return pd.DataFrame(
        {
            "open": opened,
            "high": top * (1 + abs(random.normal(0, 0.003, sessions))),
            "low": bottom * (1 - abs(random.normal(0, 0.003, sessions))),
            "close": close,
            "adj_close": close,
            "volume": random.integers(1_000_000, 9_000_000, sessions).astype("float64"),
            "dividends": 0.0,
            "splits": 0.0,
        },
        index=days,
    )


def make_history(symbol: str = "AAPL", source: str = "csv", sessions: int = 300) -> PriceHistory:
    """Return a validated history of made-up bars."""
    return PriceHistory.from_frame(make_frame(sessions), symbol=symbol, source=source)
