"""Who closes when: which bars of one symbol are known at the close of another's session.

A bar is dated by its exchange's own day. The bar of New York's Monday is not known when Tokyo
closes on Monday, so equal dates are not enough: two symbols know each other's bar of the same date
where they close together, and only the bar of an earlier date otherwise. An earlier date is always
safe: everywhere on earth a market has closed before another closes on the following date.

Symbols close together where they have the same market key, and it is one rule for all that joins
symbols: `data.context`, the columns that a pool shares, and calibration. The audit alters bars by
it. The key is careful rather than clever: Toronto and New York close together and count as two.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lstmcast.prices.calendar import EVERY_DAY, INDICES, SUFFIXES, WEEKDAYS, calendar_of
from lstmcast.prices.history import PriceHistory

_FEW = 0.1
"""Share of bars on Saturdays and Sundays above which a symbol does not follow stocks' hours."""


def market(history: PriceHistory) -> str:
    """The key of a history: those with the same key close together."""
    return market_of(history.symbol, history.timezone, pd.DatetimeIndex(history.bars.index))


def market_of(symbol: str, timezone: str | None, sessions: pd.DatetimeIndex) -> str:
    """The key of a symbol that trades on these days.

    Args:
        symbol: the ticker; its suffix stands in where the zone is unknown.
        timezone: IANA name of the exchange's zone, or None.
        sessions: the days of its bars. Coins, which trade at weekends, end their day at midnight.
    """
    place = _exchange(symbol) if timezone is None else timezone
    return f"{place} {_hours(symbol, sessions)}"


def same_market(one: PriceHistory, other: PriceHistory) -> bool:
    """Whether two histories close together, so that bars of the same date are known at once."""
    return market(one) == market(other)


def several(histories: Iterable[PriceHistory]) -> bool:
    """Whether some of the histories close at another time than others."""
    return len({market(history) for history in histories}) > 1


def _exchange(symbol: str) -> str:
    """Where a symbol of unknown zone trades: its exchange's calendar, or its suffix as it is."""
    if symbol in INDICES:
        return INDICES[symbol]
    stem, dot, suffix = symbol.rpartition(".")
    if dot and stem:
        return SUFFIXES.get(suffix, f".{suffix}")
    return SUFFIXES[""]


def _hours(symbol: str, sessions: pd.DatetimeIndex) -> str:
    """What kind of day it has: that of stocks, of currencies, of futures, or all around the clock.

    London's stocks close in the afternoon and its currencies at midnight, in one time zone.
    """
    if symbol.endswith("=X"):
        return "currency"
    if symbol.endswith("=F"):
        return "future"
    days = sessions.to_numpy().astype("datetime64[D]")
    weekends = float(np.mean(~np.is_busday(days))) if len(days) else 0.0
    if calendar_of(symbol) == EVERY_DAY or weekends > _FEW:
        return EVERY_DAY
    return WEEKDAYS
