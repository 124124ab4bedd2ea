"""The inputs of a group of networks, built in one place for every explanation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.distributions import FloatArray
from lstmcast.features import groups_named
from lstmcast.features.available import completed
from lstmcast.features.bars import Bars
from lstmcast.nn import Network
from lstmcast.prices.history import PriceHistory
from lstmcast.training.group import Group

CONTEXT = "context"
"""Group name of columns that come from context series."""


@dataclass(frozen=True)
class Inputs:
    """One symbol as networks read it.

    Args:
        symbol: its name.
        dates: `(rows,)` sessions.
        columns: `(features,)` names.
        features: scaled inputs.
        scale: EWMA volatility of each session, in the target's unit.
        closes: `(rows,)` adjusted closes.
        returns: `(rows,)` what came true one session later, in the target's unit; NaN where it is
            not known.
        number: of the symbol in training.
        window: rows that a network reads up to each origin; None where its state is carried along
            from the first row.
    """

    symbol: str
    dates: pd.DatetimeIndex
    columns: tuple[str, ...]
    features: Float[Tensor, "rows features"]
    scale: Float[Tensor, " rows"]
    closes: FloatArray
    returns: FloatArray
    number: Int[Tensor, " 1"]
    window: int | None = None

    def __len__(self) -> int:
        return len(self.dates)


def inputs_of(group: Group, histories: Sequence[PriceHistory]) -> dict[str, Inputs]:
    """What the networks of a group read of each history, by symbol.

    Raises:
        DataError: if a history is too short or lacks a column.
        RunError: if the feature groups have other columns now than in training.
    """
    panel = group.inputs(histories)
    known = list(group.scaling.scalers)
    training = group.experiment.training
    return {
        block.symbol: Inputs(
            symbol=block.symbol,
            dates=dates,
            columns=group.scaling.columns,
            features=torch.from_numpy(panel.features[block.rows]),
            scale=torch.from_numpy(panel.scale[block.rows]),
            closes=panel.closes[block.rows],
            returns=group.scaling.target(block.symbol).encode(panel.closes[block.rows], 1)[:, 0],
            number=torch.tensor(
                [known.index(block.symbol) if block.symbol in known else len(known)]
            ),
            window=None if training.supervision == "every" else training.lookback,
        )
        for block, dates in zip(panel.blocks, panel.dates, strict=True)
    }


def networks_of(group: Group, origin: pd.Timestamp) -> Sequence[Network]:
    """The networks that forecast from an origin: after validation, those trained on it as well."""
    later = origin > pd.Timestamp(group.experiment.dates.validation_end)
    return group.refitted if later and group.refitted else group.networks


def column_groups(history: PriceHistory, names: Sequence[str]) -> dict[str, str]:
    """The feature group of each column; columns that none of them makes belong to the context.

    Args:
        history: any history that has what the groups need.
        names: of the feature groups.
    """
    bars = Bars(completed(history.adjusted()))
    return {
        str(column): group.name
        for group in groups_named(names)
        for column in pd.DataFrame(group.compute(bars)).columns
    }


def validation_rows(
    inputs: Inputs, train_end: pd.Timestamp, validation_end: pd.Timestamp
) -> NDArray[np.intp]:
    """Origins of the validation part whose next close lies in it, with the rows that they need."""
    later = inputs.dates[1:]
    inside = (inputs.dates[:-1] > train_end) & (later <= validation_end)
    rows = np.flatnonzero(inside & np.isfinite(inputs.returns[:-1]))
    return rows[rows >= (inputs.window or 1) - 1]
