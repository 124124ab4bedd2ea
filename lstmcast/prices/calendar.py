"""Sessions of an exchange: which past ones should be there, and which dates come next.

The calendars are those of the `exchange_calendars` package, loaded when first asked for. They know
the holidays that have been announced, so some end this year (Shanghai's always does): beyond the
end the exchange's week stands in and is flagged as assumed. For exchanges that have none, the week
is read off the bars: much of the Near East trades from Sunday to Thursday.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.prices.bars import INDEX_DTYPE
from lstmcast.prices.calendar_cache import Years, kept
from lstmcast.prices.exchanges import INDICES, SUFFIXES, calendar_of
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.weeks import EVERY_DAY, FEWEST, WEEKDAYS, WEEKS, trades, week_of, weekday

__all__ = [
    "EARLIEST",
    "EVERY_DAY",
    "INDICES",
    "SUFFIXES",
    "WEEKDAYS",
    "Sessions",
    "calendar_for",
    "calendar_of",
    "expected_sessions",
    "fits",
    "next_sessions",
    "session_ends",
    "sessions_between",
    "usual_week",
]

DAY = pd.Timedelta(days=1)
MISFIT = 0.01
"""Share of bars on days without a session, above which a calendar is not the symbol's."""

EARLIEST = pd.Timestamp("1970-01-01")
"""Before 1970 the New York calendar counts holidays as sessions."""

KNOWN_YEAR = 2022
"""A year that every calendar knows: Riyadh's begins in 2021, Shanghai's ends with this year."""


class Sessions(NamedTuple):
    """The sessions between two days.

    `days` outside `known_from..known_until` are those of the market's week, assumed to be sessions.
    """

    days: pd.DatetimeIndex
    known_from: pd.Timestamp
    known_until: pd.Timestamp


def calendar_for(history: PriceHistory) -> str:
    """Return the calendar that a history follows: a market identifier, or a name in `WEEKS`.

    It is the one that its symbol suggests, unless more than 1 % of the bars are of days when that
    exchange was closed: a symbol in a file of your own need not mean New York. Then weekdays are
    tried, then the week is read off the newest bars. Bars that repeat the close before do not count
    against a calendar: somebody filled its holidays.
    """
    dates, by_form = history.dates, calendar_of(history.symbol)
    if by_form == EVERY_DAY:  # a coin; yet some sell coins by the hours of an exchange
        return EVERY_DAY if len(dates) < FEWEST else week_of(dates)
    moved = dates[(history.bars["close"].diff() != 0).to_numpy()]
    for name in (by_form, WEEKDAYS):
        if fits(name, moved):
            return name
    return week_of(dates)


def fits(name: str, dates: pd.DatetimeIndex) -> bool:
    """Tell whether hardly any of the dates is of a day when a calendar has no session."""
    if not len(dates):
        return True
    past = dates[dates >= EARLIEST]
    if name in WEEKS:
        outside = ~trades(name)[weekday(past.to_numpy())]
        return bool(outside.sum() <= MISFIT * len(past))
    sessions = sessions_between(name, dates[0], dates[-1])
    known = past[(past >= sessions.known_from) & (past <= sessions.known_until)]
    judged = known if len(known) else past  # by the week alone where no holiday is known
    return len(judged.difference(sessions.days)) <= MISFIT * len(judged)


def expected_sessions(history: PriceHistory) -> tuple[str, Sessions]:
    """Return the calendar of a history, and the sessions that it should have.

    Where the calendar is a week that was read off the bars, each half year has its own: Dubai moved
    its weekend in January 2022, Riyadh in June 2013.
    """
    name, dates = calendar_for(history), history.dates
    first, last = dates[0], dates[-1]
    if name not in WEEKS or name == EVERY_DAY:
        return name, sessions_between(name, first, last)
    every = _rule(EVERY_DAY, first, last)
    day_of_week = weekday(every.to_numpy())
    halves, half_of_day = _half_years(dates), _half_years(every)
    wanted = np.zeros(len(every), dtype=bool)
    for half in range(half_of_day[0], half_of_day[-1] + 1):
        there = dates[slice(*halves.searchsorted([half, half + 1]))]
        week = week_of(there) if len(there) >= FEWEST else name
        rows = slice(*half_of_day.searchsorted([half, half + 1]))
        wanted[rows] = trades(week)[day_of_week[rows]]
    return name, Sessions(every[wanted], first, last)


def _half_years(days: pd.DatetimeIndex) -> NDArray[np.int64]:
    """The half years since 1970 in which days lie, in their order."""
    return days.to_numpy().astype("datetime64[M]").astype(np.int64) // 6


def sessions_between(name: str, start: date, end: date) -> Sessions:
    """Return the sessions from `start` to `end`, both included.

    Args:
        name: an ISO market identifier, or a name in `WEEKS`.
        start: first day.
        end: last day.
    """
    first, last = pd.Timestamp(start).normalize(), pd.Timestamp(end).normalize()
    if name in WEEKS:
        return Sessions(_rule(name, first, last), first, last)
    known = _years(name, first.year, last.year)
    inside_from, inside_until = max(first, known.known_from), min(last, known.known_until)
    if inside_from > inside_until:
        week = usual_week(name)
        return Sessions(_rule(week, first, last), known.known_from, known.known_until)
    parts = [known.days[(known.days >= inside_from) & (known.days <= inside_until)]]
    if first < inside_from:
        parts.insert(0, _rule(usual_week(name), first, inside_from - DAY))
    if inside_until < last:
        parts.append(_rule(usual_week(name), inside_until + DAY, last))
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
        that day, or is unknown, and that the date is just the next day of the market's week.
    """
    name = of if isinstance(of, str) else calendar_for(of)
    first = pd.Timestamp(after).normalize() + DAY
    # twice the weekdays and two weeks more outlast every holiday season
    sessions = sessions_between(name, first, first + (2 * count + 14) * DAY)
    days = sessions.days[:count]
    if name in WEEKS:
        return days, [name != EVERY_DAY] * len(days)
    return days, [bool(day > sessions.known_until) for day in days]


def session_ends(
    name: str, days: pd.DatetimeIndex, timezone: str | None = None
) -> pd.DatetimeIndex:
    """Return when each session is over, in UTC.

    By the exchange's calendar, early closes included; by the end of the day where the calendar does
    not know it.

    Args:
        name: a calendar, as of `calendar_for`.
        days: sessions.
        timezone: IANA name of the zone whose day it is; UTC if None.
    """
    # Where clocks change at midnight there is none, or two.
    once = np.ones(len(days), dtype=bool)
    local = (days + DAY).tz_localize(timezone or "UTC", once, nonexistent="shift_forward")
    ends = local.tz_convert("UTC").as_unit("ns")
    if name in WEEKS or not len(days):
        return ends
    known = _closes(name, int(days.min().year), int(days.max().year)).reindex(days)
    return pd.DatetimeIndex(known.to_numpy(), tz="UTC").where(known.notna().to_numpy(), ends)


@lru_cache(maxsize=64)
def _closes(name: str, first: int, last: int) -> pd.Series:
    """When each session of some years closes, in UTC, those that the calendar knows."""
    sessions = _years(name, first, last)
    if not len(sessions.days):
        return pd.Series([], index=sessions.days, dtype="datetime64[ns]")
    closes = _build(name, sessions.days[0], sessions.days[-1]).closes
    return pd.Series(closes.dt.tz_localize(None).to_numpy(), index=sessions.days)


def _rule(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    days = pd.date_range(first, last, freq="D")
    return _index(days if name == EVERY_DAY else days[days.day_of_week.isin(WEEKS[name])])


def _index(days: pd.DatetimeIndex | np.ndarray) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(days.astype(INDEX_DTYPE), name="date")


@lru_cache(maxsize=64)
def usual_week(name: str) -> str:
    """Return the week, a name in `WEEKS`, that a calendar trades in."""
    if name in WEEKS:
        return name
    return week_of(_years(name, KNOWN_YEAR, KNOWN_YEAR).days)


@lru_cache(maxsize=64)
def _years(name: str, first: int, last: int) -> Sessions:
    """Return every session of the years that the calendar knows."""
    return Sessions(*kept(name, first, last, lambda: Years(*_built(name, first, last))))


def _built(name: str, first: int, last: int) -> Sessions:
    """The same, by the calendar itself."""
    # the default bounds are 20 years back and one year ahead, so both are always given
    start, end = max(pd.Timestamp(first, 1, 1), EARLIEST), pd.Timestamp(last, 12, 31)
    try:
        calendar = _build(name, start, end)
    except ValueError:  # it does not know some of the years
        try:
            some = _build(name, pd.Timestamp(KNOWN_YEAR, 1, 1), pd.Timestamp(KNOWN_YEAR, 12, 31))
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

        with _holidays_between(start - _MARGIN, end + _MARGIN):
            return exchange_calendars.get_calendar(name, start=start, end=end)


_MARGIN = pd.Timedelta(days=366)
"""A holiday may be kept on another day than its own, but hardly a year away."""

_one_at_a_time = Lock()


@contextmanager
def _holidays_between(start: pd.Timestamp, end: pd.Timestamp) -> Iterator[None]:
    """Leave out the holidays of other years, which pandas computes from 1970 to 2200.

    Korea's follow the moon, and those of 230 years take eight seconds.
    """
    from pandas.tseries.holiday import AbstractHolidayCalendar as Holidays

    with _one_at_a_time:
        usual = Holidays.start_date, Holidays.end_date
        Holidays.start_date, Holidays.end_date = start, end
        try:
            yield
        finally:
            Holidays.start_date, Holidays.end_date = usual
