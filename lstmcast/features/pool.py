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


def average(
    tables: Mapping[str, pd.DataFrame], markets: Mapping[str, str], members: Collection[str]
) -> None:
    """Put means over the members that are known at each close into the `pool_` columns of tables.

    Args:
        tables: by symbol, features with its own values in those columns. They are written to, so
            that there are never two copies of all; nothing else may share their memory.
        markets: who closes together, as `lstmcast.prices.closing.market` says of each symbol.
        members: symbols that count; all where none of them is there.
    """
    first = next(iter(tables.values())).columns
    wanted = pd.Index([str(name) for name in first if str(name).startswith(PREFIX)])
    chosen = [symbol for symbol in tables if symbol in members] or list(tables)
    if wanted.empty or len(tables) == 1:
        return
    known = first.get_indexer(wanted)

    def places(table: pd.DataFrame) -> NDArray[np.intp]:
        same = table.columns.equals(first)
        found: NDArray[np.intp] = known if same else table.columns.get_indexer(wanted)
        return found

    def sums_of(market: str) -> "_Sums":
        own = [symbol for symbol in chosen if markets[symbol] == market]
        columns = (tables[symbol].to_numpy().T[places(tables[symbol])] for symbol in own)
        return _Sums.of([sessions[symbol] for symbol in own], columns, len(wanted))

    sessions = _sessions(tables)
    sums = {
        market: sums_of(market) for market in dict.fromkeys(markets[symbol] for symbol in chosen)
    }
    # Symbols with the same sessions that close together know the same.
    alike: dict[tuple[str, int], list[str]] = {}
    for symbol in tables:
        alike.setdefault((markets[symbol], id(sessions[symbol])), []).append(symbol)
    for (market, _), symbols in alike.items():
        days = sessions[symbols[0]]
        total, count = np.zeros((len(wanted), len(days))), np.zeros(len(days))
        for other, part in sums.items():
            part.add(total, count, days, same=other == market)
        mean = total / np.maximum(count, 1)
        for symbol in symbols:
            at, values = places(tables[symbol]), _writable(tables[symbol])
            values[at] = np.where(count > 0, mean, values[at])


def _sessions(tables: Mapping[str, pd.DataFrame]) -> dict[str, NDArray[np.datetime64]]:
    """The sessions of each table, the same array where they are the same."""
    found: dict[bytes, NDArray[np.datetime64]] = {}
    arrays = {symbol: table.index.to_numpy() for symbol, table in tables.items()}
    return {symbol: found.setdefault(days.tobytes(), days) for symbol, days in arrays.items()}


def _writable(table: pd.DataFrame) -> FloatArray:
    """The memory of a table, `(columns, rows)`; pandas shows it as read-only."""
    values: FloatArray = table.to_numpy().T
    values.flags.writeable = True
    return values


@dataclass(frozen=True)
class _Sums:
    """The members of one market: sums of their columns by day, and how many they are.

    Args:
        days: `(days,)`, on which any of them traded.
        total: `(columns, days)`.
        count: `(days,)`.
    """

    days: NDArray[np.datetime64]
    total: FloatArray
    count: FloatArray

    @classmethod
    def of(
        cls, sessions: list[NDArray[np.datetime64]], columns: Iterable[FloatArray], width: int
    ) -> "_Sums":
        """The sums of several symbols' columns, `(width, sessions)` each."""
        unlike = {id(dates): dates for dates in sessions}
        days = np.unique(np.concatenate([*unlike.values()]))
        rows_of = {key: _rows(days, dates) for key, dates in unlike.items()}
        total = np.zeros((width, len(days)))
        count, lost = np.zeros(len(days)), np.zeros_like(total)
        for dates, values in zip(sessions, columns, strict=True):
            rows = rows_of[id(dates)]
            before = total[:, rows]
            # What rounding takes is given back with the next value (Kahan 1965).
            added = values - lost[:, rows]
            after = before + added
            lost[:, rows] = after - before - added
            total[:, rows] = after
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
        total[:, known] += self.total[:, place[known]]
        count[known] += self.count[place[known]]


def _rows(days: NDArray[np.datetime64], dates: NDArray[np.datetime64]) -> slice | NDArray[np.intp]:
    """Where some of the days are: a slice, which NumPy takes without a copy, where it is one."""
    rows = days.searchsorted(dates)
    first, stop = int(rows[0]), int(rows[-1]) + 1
    return slice(first, stop) if stop - first == len(rows) else rows
