"""The feature groups by name, and the matrix that a network reads.

A group is one function in one file and one line here: adjusted bars in, a table of causal columns
out. Columns are measured in units of the symbol's own volatility, so that one network can read
many symbols; values beyond `CLIP` of those units are cut off. Groups of other packages come from
the entry point group `lstmcast.features`; a built-in name cannot be taken over.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd

from lstmcast.errors import ConfigError, DataError
from lstmcast.features.available import completed, first_row, require_some
from lstmcast.features.bars import Bars, Column
from lstmcast.features.calendar import calendar
from lstmcast.features.context import context_features
from lstmcast.features.indicators import indicators, indicators_bars
from lstmcast.features.news import news
from lstmcast.features.pool import averaged, pool, pool_range
from lstmcast.features.price import price
from lstmcast.features.ranges import ranges
from lstmcast.features.returns import returns
from lstmcast.features.volume import volume
from lstmcast.plugins import announced, load
from lstmcast.prices.closing import market
from lstmcast.prices.history import PriceHistory

WARM_UP = 22
"""First sessions without features: means over a month need one; longer means use what there is."""

LONG_WARM_UP = 66
"""The same where a column may need a quarter: TA-Lib's indicators, series of context, and groups of
other packages that say nothing else."""

CLIP = 8.0

ENTRY_POINTS = "lstmcast.features"


@dataclass(frozen=True)
class FeatureGroup:
    """A named set of input columns.

    Args:
        name: as written under `features:`.
        needs: columns that the source must have.
        compute: adjusted bars to columns with the same index, causal row by row: a table, or a
            series for each name.
        by_default: part of the default set, where the source has the columns.
        scale_free: in units of the symbol's own volatility, so that values can be clipped.
        pooled: a mean over the symbols of a run; part of the default set where there are several.
        warm_up: first sessions, from where the columns that it needs begin, without features.
    """

    name: str
    needs: tuple[str, ...]
    compute: Callable[[Bars], pd.DataFrame | dict[str, Column]]
    by_default: bool = True
    scale_free: bool = True
    pooled: bool = False
    warm_up: int = LONG_WARM_UP


GROUPS: dict[str, FeatureGroup] = {
    group.name: group
    for group in (
        FeatureGroup("returns", ("close",), returns, warm_up=WARM_UP),
        FeatureGroup("range", ("open", "high", "low", "close"), ranges, warm_up=WARM_UP),
        FeatureGroup("volume", ("close", "volume"), volume, warm_up=WARM_UP),
        FeatureGroup("news", ("close",), news, warm_up=WARM_UP),
        FeatureGroup("pool", ("close",), pool, pooled=True, warm_up=WARM_UP),
        FeatureGroup(
            "pool_range", ("open", "high", "low", "close"), pool_range, pooled=True, warm_up=WARM_UP
        ),
        FeatureGroup("calendar", ("close",), calendar, by_default=False, warm_up=WARM_UP),
        FeatureGroup("indicators", ("close",), indicators, by_default=False),
        FeatureGroup(
            "indicators_bars",
            ("high", "low", "close", "volume"),
            indicators_bars,
            by_default=False,
        ),
        FeatureGroup(
            "price", ("close",), price, by_default=False, scale_free=False, warm_up=WARM_UP
        ),
    )
}


def groups_named(names: Iterable[str]) -> list[FeatureGroup]:
    """Look groups up by name.

    Raises:
        ConfigError: if a name is unknown, the list is empty, or a group's package fails to load.
    """
    wanted = list(names)
    others = {} if GROUPS.keys() >= set(wanted) else announced(ENTRY_POINTS)
    known = {**GROUPS, **{name: point for name, point in others.items() if name not in GROUPS}}
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        found = ", ".join(unknown) or "nothing"
        raise ConfigError(
            f"`features` names {found}, which is not a feature group",
            f"the groups are {', '.join(known)}",
        )
    return [GROUPS[name] if name in GROUPS else _loaded(others[name]) for name in wanted]


def _loaded(point: EntryPoint) -> FeatureGroup:
    """A group of another package, by the name under which it is announced."""
    group = load(point, "features", ConfigError)
    if not isinstance(group, FeatureGroup):
        raise ConfigError(
            f"`features` {point.name!r} is {point.value!r}, a {type(group).__name__}",
            "the entry point of a feature group names a `lstmcast.features.FeatureGroup`",
        )
    return replace(group, name=point.name)


def default_groups(histories: Sequence[PriceHistory]) -> tuple[str, ...]:
    """The default groups whose columns every history has, for half of its sessions at least."""
    return tuple(
        group.name
        for group in GROUPS.values()
        if group.by_default
        and (len(histories) > 1 or not group.pooled)
        and all(_has_most_of(history, group) for history in histories)
    )


def _has_most_of(history: PriceHistory, group: FeatureGroup) -> bool:
    if not set(group.needs).isdisjoint(history.missing):
        return False
    first = first_row(history, group.needs)
    return first is not None and first <= len(history) / 2


def late_beginnings(histories: Sequence[PriceHistory], names: Iterable[str]) -> list[str]:
    """Say of each history from when on the groups can be had, where that is not its beginning."""
    groups = groups_named(names)
    said = []
    for history in histories:
        rows = {group.name: first_row(history, group.needs) or 0 for group in groups}
        first = max(rows.values(), default=0)
        if first:
            late = ", ".join(f"`{name}`" for name, row in rows.items() if row == first)
            said.append(
                f"{history.symbol}: what {late} needs is there from"
                f" {history.bars.index[first]:%Y-%m-%d} on, so forecasts begin after that;"
                " other `features` could use the sessions before"
            )
    return said


def begins_at(history: PriceHistory, names: Iterable[str]) -> int:
    """The row of a history from which the groups have features.

    Raises:
        ConfigError: if a group does not exist.
        DataError: if the history lacks a column that a group needs.
    """
    rows = [
        require_some(history, group.needs, f"feature group `{group.name}`") + group.warm_up
        for group in groups_named(names)
    ]
    return max(*rows, LONG_WARM_UP if history.context else 0)


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
    matrices = {history.symbol: build_features(history, names) for history in histories}
    tables = averaged(
        {symbol: matrix.table for symbol, matrix in matrices.items()},
        {history.symbol: market(history) for history in histories},
        members,
    )
    return {symbol: replace(matrices[symbol], table=table) for symbol, table in tables.items()}


def build_features(history: PriceHistory, names: Sequence[str]) -> FeatureMatrix:
    """Compute the groups' columns, and those of the context, for every session after the warm-up.

    The warm-up begins where the history has every column that the groups need.
    The columns of a pooled group are the symbol's own: see `build_matrices`.

    Raises:
        ConfigError: if a group does not exist.
        DataError: if the source lacks a column that a group needs, or there are too few sessions.
    """
    groups = groups_named(names)
    begin = begins_at(history, names)
    warm_up = max(group.warm_up for group in groups)
    if len(history) <= warm_up:
        raise DataError(
            f"{history.symbol} has {len(history)} sessions, features need more than {warm_up}",
            "fetch a longer history or choose a symbol that has one",
        )
    if len(history) <= begin:
        left = len(history) - begin + warm_up
        raise DataError(
            f"{history.symbol} has what `features` {', '.join(names)} need from"
            f" {history.bars.index[-left]:%Y-%m-%d} on, {left} sessions, and features need more"
            f" than {warm_up}",
            "choose other `features`, or fetch the symbol from a source that has more",
        )
    bars = Bars(completed(history.adjusted()))
    tables = [_clipped(group, bars) for group in groups]
    tables.append(context_features(history).clip(-CLIP, CLIP))
    table = pd.concat(tables, axis="columns", sort=False).iloc[begin:]
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise ConfigError(
            f"`features` {', '.join(names)} have two columns named `{twice}`",
            "leave one of the groups out, or rename the column of your own",
        )
    gaps = table.isna().any(axis="columns")
    if gaps.any():
        column = str(table.columns[table.isna().any()][0])
        raise DataError(
            f"feature `{column}` of {history.symbol} has no value on {gaps.idxmax():%Y-%m-%d}",
            "look at the bars of that session, or leave the feature's group out of `features`",
        )
    return FeatureMatrix(
        table=table,
        scale=bars.scale.iloc[begin:],
        closes=bars.adjusted["close"].iloc[begin:],
    )


def _clipped(group: FeatureGroup, bars: Bars) -> pd.DataFrame:
    table = pd.DataFrame(group.compute(bars)).astype(np.float64)
    return table.clip(-CLIP, CLIP) if group.scale_free else table
