"""The feature groups by name, and from when on a history has what they need.

A group is one function in one file and one line here: adjusted bars in, a table of causal columns
out. Columns are measured in units of the symbol's own volatility, so that one network can read
many symbols; values beyond `CLIP` of those units are cut off. Groups of other packages come from
the entry point group `lstmcast.features`; a built-in name cannot be taken over.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint

import pandas as pd

from lstmcast.errors import ConfigError
from lstmcast.features.available import first_row, require_some
from lstmcast.features.bars import Bars, Column
from lstmcast.features.calendar import calendar
from lstmcast.features.indicators import indicators, indicators_bars
from lstmcast.features.news import news
from lstmcast.features.pool import pool, pool_range
from lstmcast.features.price import price
from lstmcast.features.ranges import ranges
from lstmcast.features.returns import returns
from lstmcast.features.volume import volume
from lstmcast.plugins import announced, load
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
        stacked: whether `compute` also takes tables, sessions by symbols, in the place of series:
            a hundred symbols then take little longer than one.
    """

    name: str
    needs: tuple[str, ...]
    compute: Callable[[Bars], pd.DataFrame | dict[str, Column]]
    by_default: bool = True
    scale_free: bool = True
    pooled: bool = False
    warm_up: int = LONG_WARM_UP
    stacked: bool = False


GROUPS: dict[str, FeatureGroup] = {
    group.name: group
    for group in (
        FeatureGroup("returns", ("close",), returns, warm_up=WARM_UP, stacked=True),
        FeatureGroup(
            "range", ("open", "high", "low", "close"), ranges, warm_up=WARM_UP, stacked=True
        ),
        FeatureGroup("volume", ("close", "volume"), volume, warm_up=WARM_UP, stacked=True),
        FeatureGroup("news", ("close",), news, warm_up=WARM_UP, stacked=True),
        FeatureGroup("pool", ("close",), pool, pooled=True, warm_up=WARM_UP, stacked=True),
        FeatureGroup(
            "pool_range",
            ("open", "high", "low", "close"),
            pool_range,
            pooled=True,
            warm_up=WARM_UP,
            stacked=True,
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


def groups_left_out(histories: Sequence[PriceHistory]) -> list[str]:
    """Say which default groups are not used, and whose prices lack their columns."""
    lacking: dict[tuple[str, ...], list[str]] = {}
    for group in GROUPS.values():
        if group.by_default and (len(histories) > 1 or not group.pooled):
            who = tuple(h.symbol for h in histories if not _has_most_of(h, group))
            if who:
                lacking.setdefault(who, []).append(f"`{group.name}`")
    return [
        f"features leave out {', '.join(names)}: {_named(who)} lack{'s' * (len(who) == 1)} their"
        f" columns{_other_symbols(histories, who)}"
        for who, names in lacking.items()
    ]


def _named(symbols: Sequence[str], most: int = 8) -> str:
    more = f" and {len(symbols) - most} more" if len(symbols) > most else ""
    return ", ".join(symbols[:most]) + more


def _other_symbols(histories: Sequence[PriceHistory], who: Sequence[str]) -> str:
    """What that costs the symbols that have the columns."""
    if len(who) == len(histories):
        return ""
    return "; a run of the other symbols alone would use them"


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
