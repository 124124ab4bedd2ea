"""The part of a prediction table that an evaluation keeps after scoring: about a tenth of it.

Ten forecasters of a hundred symbols state 21 quantiles at ten horizons on every test session: some
gigabytes. A report needs the scores of each symbol, a few losses of each row, and the whole rows of
the shortest horizon alone. So each symbol's table is scored where it is made, in a worker process
where there are many symbols, and dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.comparison import daily_means
from lstmcast.evaluation.scores import ByHorizon, pooled, row_losses, score_losses
from lstmcast.predictions import is_point

KEPT = ["crps", "log_score", "square", "walk_square"]
"""Losses of each row that a report needs: for the tests, which take the means of days."""


@dataclass(frozen=True)
class SymbolScores:
    """One symbol's rows of one forecaster, scored.

    Args:
        scores: by horizon.
        losses: `(rows, 4)`, the columns of `KEPT`, in the order of the table.
        nearest: the prediction rows of the shortest horizon, with the table's index.
    """

    scores: ByHorizon
    losses: FloatArray
    nearest: pd.DataFrame


def score_symbol(table: pd.DataFrame) -> SymbolScores:
    """Score the prediction rows of one symbol."""
    losses = row_losses(table)
    scores, _ = score_losses(losses)
    nearest = table[table["horizon"] == table["horizon"].min()]
    return SymbolScores(scores, losses[KEPT].to_numpy(), nearest.copy())


@dataclass(frozen=True)
class ForecasterScores:
    """All rows of one forecaster, scored.

    Args:
        symbols: scores by symbol and horizon.
        daily: means over symbols of the columns of `KEPT`, by horizon and date.
        nearest: the prediction rows of the shortest horizon, in the order of the model's.
    """

    symbols: dict[str, ByHorizon]
    daily: dict[int, pd.DataFrame]
    nearest: pd.DataFrame

    @property
    def pooled(self) -> ByHorizon:
        """Scores by horizon, the mean over symbols."""
        horizons = sorted({horizon for scores in self.symbols.values() for horizon in scores})
        return {
            horizon: pooled([part[horizon] for part in self.symbols.values() if horizon in part])
            for horizon in horizons
        }

    @property
    def is_point(self) -> bool:
        """Whether the forecaster states single numbers and no ranges."""
        return is_point(self.nearest)


def pool_symbols(parts: Mapping[str, SymbolScores], model: pd.DataFrame) -> ForecasterScores:
    """Put the symbols of one forecaster together.

    Args:
        parts: of each symbol; their tables have the index and order of the model's.
        model: the model's prediction table of all symbols, with an index without repetition.
    """
    losses = np.full((len(model), len(KEPT)), np.nan)
    for symbol, places in model.groupby("symbol").indices.items():
        losses[places] = parts[str(symbol)].losses
    rows = {name: losses[:, k] for k, name in enumerate(KEPT)}
    keys = {name: model[name].to_numpy() for name in ("symbol", "horizon", "date")}
    nearest = pd.concat([part.nearest for part in parts.values()])
    return ForecasterScores(
        symbols={name: parts[name].scores for name in sorted(parts)},
        daily=daily_means(pd.DataFrame({**keys, **rows})),
        nearest=nearest.loc[model.index[model["horizon"] == model["horizon"].min()]],
    )
