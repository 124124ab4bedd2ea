"""Sessions of an exchange: which past ones should be there, and which dates come next.

The calendars are those of the `exchange_calendars` package, loaded when first asked for. They know
the holidays that have been announced, so some end this year (Shanghai's always does): beyond the
end, and for exchanges that have none, weekdays stand in and are flagged as assumed.
"""

import warnings
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from lstmcast.prices.bars import INDEX_DTYPE
from lstmcast.prices.history import PriceHistory

DAY = pd.Timedelta(days=1)
MISFIT = 0.01
"""Share of bars on days without a session, above which a calendar is not the symbol's."""

EARLIEST = pd.Timestamp("1970-01-01")
"""Before 1970 the New York calendar counts holidays as sessions."""

WEEKDAYS = "weekdays"
EVERY_DAY = "every day"

SUFFIXES = {
    "": "XNYS",
    "AX": "XASX",
    "BO": "XBOM",
    "BR": "XBRU",
    "CO": "XCSE",
    "DE": "XETR",
    "F": "XFRA",
    "HE": "XHEL",
    "HK": "XHKG",
    "IR": "XDUB",
    "JK": "XIDX",
    "JO": "XJSE",
    "KL": "XKLS",
    "KQ": "XKRX",
    "KS": "XKRX",
    "L": "XLON",
    "LS": "XLIS",
    "MC": "XMAD",
    "MI": "XMIL",
    "MX": "XMEX",
    "NS": "XBOM",
    "NZ": "XNZE",
    "OL": "XOSL",
    "PA": "XPAR",
    "SA": "BVMF",
    "SH": "XSHG",
    "SI": "XSES",
    "SS": "XSHG",
    "ST": "XSTO",
    "SW": "XSWX",
    "SZ": "XSHG",
    "T": "XTKS",
    "TO": "XTSE",
    "TW": "XTAI",
    "TWO": "XTAI",
    "VI": "XWBO",
    "WA": "XWAR",
}
"""Yahoo's (and Tushare's) suffix to the ISO market identifier. Shenzhen and Bombay share the
holidays of Shanghai and of India's other exchange."""

INDICES = {
    "^AXJO": "XASX",
    "^BSESN": "XBOM",
    "^FCHI": "XPAR",
    "^FTSE": "XLON",
    "^GDAXI": "XETR",
    "^GSPTSE": "XTSE",
    "^HSI": "XHKG",
    "^KS11": "XKRX",
    "^N225": "XTKS",
    "^NSEI": "XBOM",
    "^SSMI": "XSWX",
    "^STOXX50E": "XETR",
    "^TWII": "XTAI",
}
"""Indices of other markets than the American, which Yahoo writes without a suffix."""


def calendar_of(symbol: str) -> str:
    """Return the calendar that a symbol's form suggests: a market identifier, or one of two rules.

    `BTC-USD` trades every day; `EURUSD=X` and symbols with an unknown suffix on weekdays.
    """
    if symbol in INDICES:
        return INDICES[symbol]
    if symbol.endswith("-USD"):
        return EVERY_DAY
    if "=" in symbol:
        return WEEKDAYS
    stem, dot, suffix = symbol.rpartition(".")
    if not dot or not stem:
        return SUFFIXES[""]
    return SUFFIXES.get(suffix, WEEKDAYS)


class Sessions(NamedTuple):
    """The sessions between two days.

    `days` outside `known_from..known_until` are weekdays, assumed to be sessions.
    """

    days: pd.DatetimeIndex
    known_from: pd.Timestamp
    known_until: pd.Timestamp


def calendar_for(history: PriceHistory) -> str:
    """Return the calendar that a history follows.

    It is the one that its symbol suggests, unless more than 1 % of the bars are of days when that
    exchange was closed: a symbol in a file of your own need not mean New York. Then weekdays are
    tried, then every day.
    """
    dates = history.bars.index
    for name in (calendar_of(history.symbol), WEEKDAYS):
        known = dates[dates >= EARLIEST]
        sessions = sessions_between(name, dates[0], dates[-1])
        known = known[(known >= sessions.known_from) & (known <= sessions.known_until)]
        if len(known.difference(sessions.days)) <= MISFIT * len(known):
            return name
    return EVERY_DAY


def sessions_between(name: str, start: date, end: date) -> Sessions:
    """Return the sessions from `start` to `end`, both included.

    Args:
        name: an ISO market identifier, `WEEKDAYS` or `EVERY_DAY`.
        start: first day.
        end: last day.
    """
    first, last = pd.Timestamp(start).normalize(), pd.Timestamp(end).normalize()
    if name in (WEEKDAYS, EVERY_DAY):
        return Sessions(_rule(name, first, last), first, last)
    known = _years(name, first.year, last.year)
    inside_from, inside_until = max(first, known.known_from), min(last, known.known_until)
    if inside_from > inside_until:
        return Sessions(_rule(WEEKDAYS, first, last), known.known_from, known.known_until)
    parts = [
        _rule(WEEKDAYS, first, inside_from - DAY),
        known.days[(known.days >= inside_from) & (known.days <= inside_until)],
        _rule(WEEKDAYS, inside_until + DAY, last),
    ]
    days = np.concatenate([part.to_numpy() for part in parts])
    return Sessions(_index(days), inside_from, inside_until)


def next_sessions(
    of: PriceHistory | str, after: date, count: int
) -> tuple[pd.DatetimeIndex, list[bool]]:
    """Return the next `count` sessions after a day, and for each whether it is assumed.

    Args:
        of: a history, whose calendar is found by `calendar_for`; or a calendar's name.
        after: the day that the first session follows, usually the last bar's.
        count: how many sessions.

    Returns:
        Dates and flags of the same length. True means that the exchange's calendar does not reach
        that day, or is unknown, and that the date is just the next weekday.
    """
    name = of if isinstance(of, str) else calendar_for(of)
    first = pd.Timestamp(after).normalize() + DAY
    # twice the weekdays and two weeks more outlast every holiday season
    sessions = sessions_between(name, first, first + (2 * count + 14) * DAY)
    days = sessions.days[:count]
    if name == WEEKDAYS:
        return days, [True] * len(days)
    return days, [bool(day > sessions.known_until) for day in days]


def _rule(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    return _index(pd.date_range(first, last, freq="B" if name == WEEKDAYS else "D"))


def _index(days: pd.DatetimeIndex | np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days.astype(INDEX_DTYPE), name="date")


@lru_cache(maxsize=64)
def _years(name: str, first: int, last: int) -> Sessions:
    """Return every session of the years that the calendar knows."""
    # the default bounds are 20 years back and one year ahead, so both are always given
    start, end = max(pd.Timestamp(first, 1, 1), EARLIEST), pd.Timestamp(last, 12, 31)
    try:
        calendar = _build(name, start, end)
    except ValueError:  # it does not know some of the years
        try:
            some = _build(name, pd.Timestamp("2015-01-01"), pd.Timestamp("2015-12-31"))
            start = max(start, some.bound_min() or start)
            end = min(end, some.bound_max() or end)
            calendar = _build(name, start, end)
        except ValueError:  # none of them, or the package cannot build it
            return Sessions(_index(np.array([], dtype=INDEX_DTYPE)), end, start - DAY)
    return Sessions(_index(calendar.sessions), start, end)


def _build(name: str, start: pd.Timestamp, end: pd.Timestamp) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package uses what pandas 4 will change
        import exchange_calendars

        return exchange_calendars.get_calendar(name, start=start, end=end)
