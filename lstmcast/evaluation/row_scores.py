"""The part of a prediction table that an evaluation keeps after scoring: about a tenth of it.

Ten forecasters of a hundred symbols state 21 quantiles at ten horizons on every test session: some
gigabytes. A report needs the scores of each symbol, a few losses of each row, and the whole rows of
the shortest horizon alone. So each symbol's table is scored where it is made, in a worker process
where there are many symbols, and dropped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.model_rows import ModelRows
from lstmcast.evaluation.scores import ByHorizon, loss_columns, pooled, scores_by_horizon
from lstmcast.predictions import is_point
from lstmcast.shelf import Shelf

KEPT = ["crps", "log_score", "square", "walk_square"]
"""Losses of each row that a report needs: for the tests, which take the means of days."""


@dataclass(frozen=True)
class SymbolScores:
    """One symbol's rows of one forecaster, scored.

    Args:
        scores: by horizon.
        losses: `(rows, 4)`, the columns of `KEPT`, in the order of the table.
        nearest: the prediction rows of the shortest horizon, with the table's index, or the name
            under which they are kept.
        is_point: whether the rows state single numbers and no ranges.
    """

    scores: ByHorizon
    losses: FloatArray
    nearest: pd.DataFrame | str
    is_point: bool


def score_symbol(table: pd.DataFrame, keep: Shelf[pd.DataFrame] | None = None) -> SymbolScores:
    """Score the prediction rows of one symbol.

    Args:
        table: the rows.
        keep: where those of the shortest horizon are kept, by whatever process scores them.
    """
    horizons, losses = table["horizon"].to_numpy(), loss_columns(table)
    nearest = table[horizons == horizons.min()]
    name = uuid4().hex
    if keep is not None:
        keep.put(name, nearest)
    return SymbolScores(
        scores_by_horizon(losses, horizons),
        np.column_stack([losses[column] for column in KEPT]),
        nearest if keep is None else name,
        is_point(nearest),
    )


@dataclass(frozen=True)
class ForecasterScores:
    """All rows of one forecaster, scored.

    Args:
        symbols: scores by symbol and horizon.
        daily: means over symbols of the columns of `KEPT`, by horizon and date.
        parts: by symbol, the prediction rows of the shortest horizon.
        is_point: whether the forecaster states single numbers and no ranges.
    """

    symbols: dict[str, ByHorizon]
    daily: dict[int, pd.DataFrame]
    parts: Mapping[str, pd.DataFrame]
    is_point: bool

    @property
    def nearest(self) -> pd.DataFrame:
        """The prediction rows of the shortest horizon, in the order of the model's."""
        return in_one_table(self.parts)

    @property
    def pooled(self) -> ByHorizon:
        """Scores by horizon, the mean over symbols."""
        horizons = sorted({horizon for scores in self.symbols.values() for horizon in scores})
        return {
            horizon: pooled([part[horizon] for part in self.symbols.values() if horizon in part])
            for horizon in horizons
        }


def in_one_table(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all symbols, in the order of their index."""
    return pd.concat([parts[symbol] for symbol in parts]).sort_index()


@dataclass(frozen=True)
class _Kept(Mapping[str, pd.DataFrame]):
    """Rows by symbol, which are kept under other names."""

    shelf: Shelf[pd.DataFrame]
    names: dict[str, str]

    def __getitem__(self, symbol: str) -> pd.DataFrame:
        return self.shelf[self.names[symbol]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class ScorePool:
    """Puts the symbols of one forecaster together, as they come.

    Args:
        model: the model's rows.
        parts: keeps the rows of the shortest horizon; other pools may share it.
    """

    def __init__(self, model: ModelRows, parts: Shelf[pd.DataFrame]) -> None:
        self._model = model
        self._parts = parts
        self._names: dict[str, str] = {}
        self._scores: dict[str, ByHorizon] = {}
        self._total = np.zeros((model.cells, len(KEPT)))
        self._lost = np.zeros_like(self._total)
        self._is_point = True

    def add(self, symbol: str, part: SymbolScores) -> None:
        """Add a symbol's rows, which are in the order of the model's."""
        self._scores[symbol] = part.scores
        if isinstance(part.nearest, str):
            self._names[symbol] = part.nearest
            self._parts.note(part.nearest)
        else:
            self._names[symbol] = uuid4().hex
            self._parts.put(self._names[symbol], part.nearest)
        self._is_point = self._is_point and part.is_point
        place, weight, portions = self._model.places(symbol)
        weighed = part.losses * weight[:, None]
        with np.errstate(invalid="ignore"):
            for rows in portions:
                at = place[rows]
                before = self._total[at]
                # What rounding takes is given back with the next value (Kahan 1965), as by pandas.
                added = weighed[rows] - self._lost[at]
                self._total[at] = after = before + added
                lost = after - before - added
                self._lost[at] = np.where(np.isnan(lost), 0.0, lost)

    def scores(self) -> ForecasterScores:
        """What all symbols together make."""
        days = self._model.by_horizon(self._total)
        daily = {
            h: pd.DataFrame(days[h], pd.Index(self._model.dates[h], name="date"), KEPT)
            for h in self._model.horizons
        }
        scores = {name: self._scores[name] for name in sorted(self._scores)}
        return ForecasterScores(scores, daily, _Kept(self._parts, self._names), self._is_point)


def pool_symbols(parts: Mapping[str, SymbolScores], rows: ModelRows) -> ForecasterScores:
    """Put the symbols of one forecaster together.

    Args:
        parts: of each symbol; their tables have the index and order of the model's.
        rows: the model's.
    """
    pool = ScorePool(rows, Shelf())
    for symbol in rows.symbols:
        pool.add(symbol, parts[symbol])
    return pool.scores()
