"""Symbols as unlike as a pool may hold: other exchanges, weeks, first and last days, a hole.

Every test of several symbols should use some of these: two histories with the same sessions hide
whatever assumes that all have them.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from lstmcast.prices.history import PriceHistory
from support.histories import as_history, simulated_bars

FIRST = pd.Timestamp("2012-01-02")
NEW_YORK, TOKYO = "America/New_York", "Asia/Tokyo"


def on_days(
    days: pd.DatetimeIndex, symbol: str, seed: int, timezone: str | None = None
) -> PriceHistory:
    """A simulated history on given days."""
    bars = simulated_bars(seed, len(days)).set_axis(days.rename("date"))
    return replace(as_history(bars, symbol), timezone=timezone)


def weekdays(rows: int, holidays: int = 0, first: pd.Timestamp = FIRST) -> pd.DatetimeIndex:
    """Weekdays with a holiday every two months, on another day of them for each number."""
    days = pd.bdate_range(first, periods=rows)
    return pd.DatetimeIndex(days[np.arange(rows) % 43 != 7 + holidays])


def new_york(symbol: str = "AAA", rows: int = 420) -> PriceHistory:
    """A stock that others are unlike."""
    return on_days(weekdays(rows), symbol, 1, NEW_YORK)


def tokyo(symbol: str = "7203.T", rows: int = 420) -> PriceHistory:
    """A stock with other holidays that closes before New York opens."""
    return on_days(weekdays(rows, 5), symbol, 2, TOKYO)


def coin(symbol: str = "BTC-USD", rows: int = 420) -> PriceHistory:
    """A coin that trades seven days a week, over the days of so many weekdays."""
    days = pd.date_range(FIRST, weekdays(rows)[-1] + pd.Timedelta(days=2))
    return on_days(days, symbol, 3, "UTC")


def late(symbol: str = "LATE", rows: int = 420) -> PriceHistory:
    """A stock that was listed after half of the days."""
    return on_days(weekdays(rows)[rows // 2 :], symbol, 4, NEW_YORK)


def ended(symbol: str = "ENDED", rows: int = 420) -> PriceHistory:
    """A stock that was delisted: without the last third of the sessions."""
    return on_days(weekdays(rows)[: -rows // 3], symbol, 5, NEW_YORK)


def a_day_short(symbol: str = "SHORT", rows: int = 420) -> PriceHistory:
    """A stock whose last session has not been fetched yet."""
    return on_days(weekdays(rows)[:-1], symbol, 6, NEW_YORK)


def with_a_hole(symbol: str = "HOLE", rows: int = 420) -> PriceHistory:
    """A stock that was halted for a month in the middle."""
    days = weekdays(rows)
    return on_days(days[(np.arange(len(days)) // 21) != len(days) // 42], symbol, 7, NEW_YORK)


def unlike_pool(rows: int = 420) -> list[PriceHistory]:
    """All of them, the plain one first."""
    makers = (new_york, tokyo, coin, late, ended, a_day_short, with_a_hole)
    return [make(rows=rows) for make in makers]
