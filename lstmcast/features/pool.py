"""Groups `pool` and `pool_range`: what the symbols of a run do together.

Stocks share a market. How restless all of them are says more about tomorrow's width of each than
its own noisy history does, and the mean over a few symbols measures it well. Each symbol states its
own columns; `averaged` puts the mean over the pool in their place.

Only what is known at a symbol's close counts: symbols that close together with it on the same day,
others on the day before (`lstmcast.prices.closing`). A mean leaves
out a symbol that did not trade or was not listed yet.
"""

from collections.abc import Collection, Iterable, Mapping
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
    columns = bars.once(returns)
    return {PREFIX + name: columns[name] for name in FROM_RETURNS}


def pool_range(bars: Bars) -> dict[str, Column]:
    """Mean over the run's symbols of the Parkinson range over 1, 5 and 22 sessions."""
    columns = bars.once(ranges)
    return {PREFIX + name: columns[name] for name in FROM_RANGES}


def averaged(
    tables: dict[str, pd.DataFrame],
    markets: Mapping[str, str],
    members: Collection[str],
) -> dict[str, pd.DataFrame]:
    """Tables whose `pool_` columns are means over the members that are known at each close.

    Args:
        tables: by symbol, features with its own values in those columns; it is emptied on the way,
            so that there are never two copies of all.
        markets: who closes together, as `lstmcast.prices.closing.market` says of each symbol.
        members: symbols that count; all where none of them is there.
    """
    first = next(iter(tables.values())).columns
    columns = [str(name) for name in first if str(name).startswith(PREFIX)]
    chosen = [symbol for symbol in tables if symbol in members] or list(tables)
    if not columns or len(tables) == 1:
        return dict(tables)
    wanted = pd.Index(columns)
    known = first.get_indexer(wanted)

    def places(table: pd.DataFrame) -> NDArray[np.intp]:
        same = table.columns.equals(first)
        found: NDArray[np.intp] = known if same else table.columns.get_indexer(wanted)
        return found

    def sums_of(market: str) -> "_Sums":
        own = [tables[symbol] for symbol in chosen if markets[symbol] == market]
        sessions = [table.index.to_numpy() for table in own]
        return _Sums.of(
            sessions, (table.to_numpy()[:, places(table)] for table in own), len(columns)
        )

    sums = {
        market: sums_of(market) for market in dict.fromkeys(markets[symbol] for symbol in chosen)
    }
    found = {}
    for symbol in [*tables]:
        table = tables.pop(symbol)
        sessions = table.index.to_numpy()
        total, count = np.zeros((len(table), len(columns))), np.zeros(len(table))
        for market, part in sums.items():
            part.add(total, count, sessions, same=market == markets[symbol])
        at, values = places(table), table.to_numpy(copy=True)
        values[:, at] = np.where(
            count[:, None] > 0, total / np.maximum(count, 1)[:, None], values[:, at]
        )
        found[symbol] = pd.DataFrame(values, table.index, table.columns, copy=False)
    return found


@dataclass(frozen=True)
class _Sums:
    """The members of one market: sums of their columns by day, and how many they are."""

    days: NDArray[np.datetime64]
    total: FloatArray
    count: FloatArray

    @classmethod
    def of(
        cls, sessions: list[NDArray[np.datetime64]], columns: Iterable[FloatArray], width: int
    ) -> "_Sums":
        """The sums of several symbols' columns, `(sessions, width)` each."""
        days = np.unique(np.concatenate(sessions))
        total = np.zeros((len(days), width))
        count, lost = np.zeros(len(days)), np.zeros_like(total)
        for dates, values in zip(sessions, columns, strict=True):
            rows = days.searchsorted(dates)
            before = total[rows]
            # What rounding takes is given back with the next value (Kahan 1965).
            added = values - lost[rows]
            total[rows] = after = before + added
            lost[rows] = after - before - added
            count[rows] += 1
        return cls(days, total, count)

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
