"""Which rows a model forecast, and what it takes to judge their ranges: a small part of the table.

It is gone through once, symbol by symbol, so that a table of any size is on disk but for one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.predictions import RANGES, inside_ranges

_INSIDE = [f"inside_{nominal}" for nominal in RANGES]


@dataclass(frozen=True)
class SymbolRows:
    """What is kept of one symbol.

    Args:
        first, last: first origin and last date that was forecast.
        moved: whether its close ever did.
        origins, dates: `(rows,)`.
        horizons: `(rows,)`.
        inside: `(rows, ranges)` whether each range contained the outcome: 1, 0 or NaN, which a
            float16 holds exactly.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    moved: bool
    origins: NDArray[np.datetime64]
    dates: NDArray[np.datetime64]
    horizons: NDArray[np.int32]
    inside: NDArray[np.float16]

    @classmethod
    def of(cls, table: pd.DataFrame) -> "SymbolRows":
        """What is kept of a symbol's prediction rows."""
        inside = inside_ranges(table)
        return cls(
            table["origin"].min(),
            table["date"].max(),
            bool((table["return_actual"] != 0).any()),
            table["origin"].to_numpy(),
            table["date"].to_numpy(),
            table["horizon"].to_numpy(dtype=np.int32),
            np.column_stack([inside[name] for name in _INSIDE]).astype(np.float16),
        )


class Places(NamedTuple):
    """Where a symbol's rows are added up.

    Args:
        place: `(rows,)` of each its place among the dates of all horizons.
        weight: `(rows,)`.
        portions: the rows in such portions that none holds a place twice.
    """

    place: NDArray[np.intp]
    weight: FloatArray
    portions: list[NDArray[np.intp] | slice]


@dataclass(frozen=True)
class ModelRows:
    """The rows of all symbols that are evaluated, in their order."""

    symbols: Mapping[str, SymbolRows]

    @classmethod
    def of(cls, tables: Mapping[str, pd.DataFrame]) -> "ModelRows":
        """Go through the model's prediction rows, by symbol."""
        return cls({symbol: SymbolRows.of(tables[symbol]) for symbol in tables})

    def without(self, symbols: list[str]) -> "ModelRows":
        """The rows of the others."""
        return ModelRows({name: r for name, r in self.symbols.items() if name not in set(symbols)})

    @property
    def days(self) -> int:
        """Origins at the shortest horizon, of any symbol."""
        found = [rows.origins[rows.horizons == self.horizons[0]] for rows in self.symbols.values()]
        return len(np.unique(np.concatenate(found)))

    @cached_property
    def horizons(self) -> tuple[int, ...]:
        """Sessions ahead, in increasing order."""
        found = {int(h) for rows in self.symbols.values() for h in np.unique(rows.horizons)}
        return tuple(sorted(found))

    @cached_property
    def dates(self) -> dict[int, NDArray[np.datetime64]]:
        """By horizon, the dates that were forecast."""
        return {
            h: np.unique(
                np.concatenate([rows.dates[rows.horizons == h] for rows in self.symbols.values()])
            )
            for h in self.horizons
        }

    @cached_property
    def _offsets(self) -> dict[int, int]:
        """By horizon, where its dates begin among those of all horizons."""
        sizes = [len(self.dates[h]) for h in self.horizons]
        return dict(zip(self.horizons, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))

    @cached_property
    def _with_horizon(self) -> dict[int, int]:
        """By horizon, how many symbols have rows of it."""
        return {
            h: sum(bool((rows.horizons == h).any()) for rows in self.symbols.values())
            for h in self.horizons
        }

    def places(self, symbol: str) -> Places:
        """Where a symbol's rows are added up. Each forecaster asks for it in turn.

        Where symbols have other days than one another, those of a symbol with few count more on
        the days that it has: the mean over days is then the mean over symbols of each one's mean,
        which is what `Scores` states, and the tests speak of the same number.
        """
        if symbol not in self._latest:
            self._latest.clear()
            self._latest[symbol] = self._places(symbol)
        return self._latest[symbol]

    @cached_property
    def _latest(self) -> dict[str, Places]:
        return {}

    def _places(self, symbol: str) -> Places:
        rows = self.symbols[symbol]
        place = np.empty(len(rows.horizons), dtype=np.intp)
        weight = np.empty(len(rows.horizons))
        for h in np.unique(rows.horizons):
            own = rows.horizons == h
            place[own] = self._offsets[int(h)] + self.dates[int(h)].searchsorted(rows.dates[own])
            count = self._with_horizon[int(h)]
            weight[own] = len(self.dates[int(h)]) / (count * float(own.sum()))
        return Places(place, weight, list(_each_once(place)))

    def by_horizon(self, values: FloatArray) -> dict[int, FloatArray]:
        """Cut values `(dates of all horizons, ...)` into those of each horizon."""
        cuts = [self._offsets[h] for h in self.horizons[1:]]
        return dict(zip(self.horizons, np.split(values, cuts), strict=True))

    @property
    def cells(self) -> int:
        """Dates of all horizons together."""
        return sum(map(len, self.dates.values()))

    def covered(self, horizon: int) -> pd.DataFrame:
        """`symbol`, `origin` and `inside_50` .. `inside_95` of the rows of one horizon."""
        parts = []
        for symbol, rows in self.symbols.items():
            own = rows.horizons == horizon
            inside = dict(zip(_INSIDE, rows.inside[own].T.astype(np.float64), strict=True))
            parts.append(pd.DataFrame({"symbol": symbol, "origin": rows.origins[own], **inside}))
        return pd.concat(parts, ignore_index=True)


def _each_once(place: NDArray[np.intp]) -> Iterator[NDArray[np.intp] | slice]:
    """The rows in such portions that none holds a place twice: mostly all at once."""
    if len(np.unique(place)) == len(place):
        yield slice(None)
        return
    turn = pd.Series(place).groupby(place).cumcount().to_numpy()
    for k in range(int(turn.max()) + 1):
        yield np.flatnonzero(turn == k)
