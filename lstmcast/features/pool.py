"""Groups `pool` and `pool_range`: what the symbols of a run do together.

Stocks share a market. How restless all of them are says more about tomorrow's width of each than
its own noisy history does, and the mean over a few symbols measures it well. Each symbol states its
own columns; `averaged` puts the mean over the pool in their place.

Only what is known at a symbol's close counts: symbols that close together with it on the same day,
others on the day before (`lstmcast.prices.closing`). A mean leaves
out a symbol that did not trade or was not listed yet.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.features.bars import Bars, Column
from lstmcast.features.ranges import ranges
from lstmcast.features.returns import returns

FROM_RETURNS = ("return", "volatility_3", "volatility_11", "imbalance_5", "imbalance_20")
FROM_RANGES = ("parkinson_1", "parkinson_5", "parkinson_22")

STALE = np.timedelta64(10, "D")
"""A market's columns are not carried further than this."""

PREFIX = "pool_"


def pool(bars: Bars) -> dict[str, Column]:
    """Mean over the run's symbols of the return, volatilities and imbalance of group `returns`."""
    columns = returns(bars)
    return {PREFIX + name: columns[name] for name in FROM_RETURNS}


def pool_range(bars: Bars) -> dict[str, Column]:
    """Mean over the run's symbols of the Parkinson range over 1, 5 and 22 sessions."""
    columns = ranges(bars)
    return {PREFIX + name: columns[name] for name in FROM_RANGES}


def averaged(
    tables: Mapping[str, pd.DataFrame],
    markets: Mapping[str, str],
    members: Collection[str],
) -> dict[str, pd.DataFrame]:
    """Tables whose `pool_` columns are means over the members that are known at each close.

    Args:
        tables: by symbol, features with its own values in those columns.
        markets: who closes together, as `lstmcast.prices.closing.market` says of each symbol.
        members: symbols that count; all where none of them is there.
    """
    columns = [str(name) for name in next(iter(tables.values())) if str(name).startswith(PREFIX)]
    chosen = [symbol for symbol in tables if symbol in members] or list(tables)
    if not columns or len(tables) == 1:
        return dict(tables)
    sums = {
        market: _Sums.of(
            [tables[symbol][columns] for symbol in chosen if markets[symbol] == market]
        )
        for market in dict.fromkeys(markets[symbol] for symbol in chosen)
    }
    found = {}
    for symbol, table in tables.items():
        sessions = table.index.to_numpy()
        total, count = np.zeros((len(table), len(columns))), np.zeros(len(table))
        for market, part in sums.items():
            part.add(total, count, sessions, same=market == markets[symbol])
        means = np.where(
            count[:, None] > 0, total / np.maximum(count, 1)[:, None], table[columns].to_numpy()
        )
        found[symbol] = table.copy()
        found[symbol].loc[:, columns] = means
    return found


@dataclass(frozen=True)
class _Sums:
    """The members of one market: sums of their columns by day, and how many they are."""

    days: NDArray[np.datetime64]
    total: FloatArray
    count: FloatArray

    @classmethod
    def of(cls, tables: list[pd.DataFrame]) -> "_Sums":
        by_day = pd.concat(tables).groupby(level=0)
        total = by_day.sum()
        return cls(
            total.index.to_numpy(),
            total.to_numpy(dtype=np.float64),
            np.asarray(by_day.size(), dtype=np.float64),
        )

    def add(
        self,
        total: FloatArray,
        count: FloatArray,
        sessions: NDArray[np.datetime64],
        *,
        same: bool,
    ) -> None:
        """Add what is known at the close of each session, in place."""
        place = self.days.searchsorted(sessions, side="right" if same else "left") - 1
        known = (place >= 0) & (sessions - self.days[place] <= STALE)
        total[known] += self.total[place[known]]
        count[known] += self.count[place[known]]
