"""The matrix that a network reads of each symbol: the groups' columns, cut off and checked.

Symbols are computed a few dozen at a time, as tables of sessions by symbols in which each begins in
the first row and ends in blanks: what features know is what came before, so the blanks change
nothing, and pandas is called once for all of them. Groups that cannot take tables are computed
symbol by symbol.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn, cast

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.errors import ConfigError, DataError
from lstmcast.features.available import completed_columns
from lstmcast.features.bars import Bars
from lstmcast.features.context import context_features
from lstmcast.features.pool import average
from lstmcast.features.registry import CLIP, FeatureGroup, begins_at, groups_named
from lstmcast.prices.closing import market
from lstmcast.prices.findings import count
from lstmcast.prices.history import PriceHistory
from lstmcast.shelf import let_go

STACKED = 150_000
"""Cells of a table at most: a megabyte a column stays in the processor's cache."""

_Part = tuple[str, FloatArray, bool]
"""A column of a symbol: its name, a value a session, whether values can be clipped."""


@dataclass(frozen=True)
class FeatureMatrix:
    """What may be known of a symbol at the close of each session.

    Args:
        table: index `date`, a float64 column per feature, no NaN.
        scale: the slow volatility of each session, a fraction, on the same index.
        closes: adjusted close, on the same index.
    """

    table: pd.DataFrame
    scale: pd.Series
    closes: pd.Series


def build_matrices(
    histories: Sequence[PriceHistory], names: Sequence[str], members: Collection[str] = ()
) -> dict[str, FeatureMatrix]:
    """The groups' columns of several symbols, those of pooled groups averaged over them.

    Args:
        histories: one per symbol.
        names: of the groups.
        members: symbols that pooled groups average over; all where none of them is there.

    Raises:
        ConfigError, DataError: as `build_features`.
    """
    found: dict[str, FeatureMatrix] = {}
    for some in _portions(histories):
        matrices = _build(some, names)
        found.update(zip((history.symbol for history in some), matrices, strict=True))
        let_go()  # of bars on disk
    markets = {history.symbol: market(history) for history in histories}
    average({symbol: matrix.table for symbol, matrix in found.items()}, markets, members)
    return found


def build_features(history: PriceHistory, names: Sequence[str]) -> FeatureMatrix:
    """Compute the groups' columns, and those of the context, for every session after the warm-up.

    The warm-up begins where the history has every column that the groups need.
    The columns of a pooled group are the symbol's own: see `build_matrices`.

    Raises:
        ConfigError: if a group does not exist.
        DataError: if the source lacks a column that a group needs, or there are too few sessions.
    """
    return _build([history], names)[0]


def _portions(histories: Sequence[PriceHistory]) -> Iterator[list[PriceHistory]]:
    """The histories in their order, as many at a time as make a table of moderate size."""
    some: list[PriceHistory] = []
    for history in histories:
        longest = max([len(history), *(len(other) for other in some)])
        if some and longest * (len(some) + 1) > STACKED:
            yield some
            some = []
        some.append(history)
    if some:
        yield some


def _build(histories: Sequence[PriceHistory], names: Sequence[str]) -> list[FeatureMatrix]:
    """The matrices of some histories, each by itself, in memory of its own."""
    groups = groups_named(names)
    begins = [_begin(history, names, groups) for history in histories]
    adjusted = [completed_columns(history) for history in histories]
    stacked = _stacked(adjusted)
    together = [_columns(group, stacked) if group.stacked else None for group in groups]
    scale = np.asarray(stacked.scale)
    found = []
    for number, (history, own, begin) in enumerate(zip(histories, adjusted, begins, strict=True)):
        rows = len(history)
        parts: list[_Part] = []
        for group, columns in zip(groups, together, strict=True):
            if columns is None:
                parts += _alone(group, Bars(pd.DataFrame(own, history.bars.index)))
            else:
                parts += [
                    (name, values[:rows, number], group.scale_free)
                    for name, values in columns.items()
                ]
        if history.context is not None:
            context = context_features(history)
            parts += [(str(name), context[name].to_numpy(), True) for name in context]
        index = history.bars.index[begin:]
        found.append(
            FeatureMatrix(
                table=_table(history, names, parts, index),
                scale=pd.Series(scale[begin:rows, number].copy(), index),
                closes=pd.Series(own["close"][begin:].copy(), index, name="close"),
            )
        )
    return found


def _begin(history: PriceHistory, names: Sequence[str], groups: Sequence[FeatureGroup]) -> int:
    """The first row with features, after a check that there is one."""
    begin = begins_at(history, names)
    warm_up = max(group.warm_up for group in groups)
    if len(history) <= warm_up:
        raise DataError(
            f"{history.symbol} has {count(len(history), 'session')}, features need more than"
            f" {warm_up}",
            "fetch a longer history, widen `data.start` to `data.end` where they are set, or choose"
            " another symbol",
        )
    if len(history) <= begin:
        left = len(history) - begin + warm_up
        raise DataError(
            f"{history.symbol} has what `features` {', '.join(names)} need from"
            f" {history.bars.index[-left]:%Y-%m-%d} on, {left} sessions, and features need more"
            f" than {warm_up}",
            "choose other `features`, or fetch the symbol from a source that has more",
        )
    return begin


def _stacked(adjusted: Sequence[Mapping[str, FloatArray]]) -> Bars:
    """Bars of which each column is a table, sessions by symbols, blank after a symbol's last."""
    rows = max(len(one["close"]) for one in adjusted)
    tables = {}
    for name in adjusted[0]:
        values = np.full((len(adjusted), rows), np.nan)
        for place, one in zip(values, adjusted, strict=True):
            place[: len(one[name])] = one[name]
        tables[name] = pd.DataFrame(values.T, copy=False)
    # A dictionary of tables answers what a table of series does.
    return Bars(cast("pd.DataFrame", tables))


def _columns(group: FeatureGroup, stacked: Bars) -> dict[str, FloatArray]:
    """A group's columns, each `(sessions, symbols)`."""
    return {
        str(name): np.asarray(values, dtype=np.float64)
        for name, values in dict(stacked.once(group.compute)).items()
    }


def _alone(group: FeatureGroup, bars: Bars) -> list[_Part]:
    """A group's columns of one symbol."""
    table = pd.DataFrame(group.compute(bars)).astype(np.float64)
    table = table.reindex(bars.adjusted.index)
    return [
        (str(name), table.iloc[:, k].to_numpy(), group.scale_free) for k, name in enumerate(table)
    ]


def _table(
    history: PriceHistory, names: Sequence[str], parts: Sequence[_Part], sessions: pd.Index
) -> pd.DataFrame:
    """The last sessions of the columns, side by side, without a gap."""
    columns = _index(tuple(name for name, _, _ in parts))
    if not columns.is_unique:
        raise ConfigError(
            f"`features` {', '.join(names)} have two columns named "
            f"`{columns[columns.duplicated()][0]}`",
            "leave one of the groups out, or rename the column of your own",
        )
    values = np.empty((len(parts), len(sessions)))
    for place, (_, column, scale_free) in zip(values, parts, strict=True):
        own = column[-len(sessions) :]
        if scale_free:
            np.clip(own, -CLIP, CLIP, out=place)
        else:
            place[:] = own
    table = pd.DataFrame(values.T, sessions, columns, copy=False)
    if np.isnan(values.min()):
        _refuse_gap(history, table)
    return table


@lru_cache(maxsize=16)
def _index(names: tuple[str, ...]) -> pd.Index:
    """Names as an index: the same for all symbols, and slow to make."""
    return pd.Index(names)


def _refuse_gap(history: PriceHistory, table: pd.DataFrame) -> NoReturn:
    gaps = np.isnan(table.to_numpy())
    column = table.columns[gaps.any(axis=0)][0]
    when = table.index[gaps.any(axis=1)][0]
    raise DataError(
        f"feature `{column}` of {history.symbol} has no value on {when:%Y-%m-%d}",
        "look at the bars of that session, or leave the feature's group out of `features`",
    )
