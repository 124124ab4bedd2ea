"""Sessions, past and to come."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.holiday import AbstractHolidayCalendar
from support.bars import make_frame, make_history

from lstmcast.prices.calendar import (
    EARLIEST,
    EVERY_DAY,
    INDICES,
    SUFFIXES,
    WEEKDAYS,
    _build,
    calendar_for,
    calendar_of,
    expected_sessions,
    fits,
    next_sessions,
    session_ends,
    sessions_between,
)
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import get_source
from lstmcast.prices.weeks import WEEKS, weekday


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [
        ("AAPL", "XNYS"),
        ("BRK-B", "XNYS"),
        ("^GSPC", "XNYS"),
        ("^N225", "XTKS"),
        ("VOD.L", "XLON"),
        ("600036.SS", "XSHG"),
        ("000001.SZ", "XSHG"),
        ("0700.HK", "XHKG"),
        ("005930.KS", "XKRX"),
        ("7203.T", "XTKS"),
        ("BTC-USD", EVERY_DAY),
        ("ETH-EUR", EVERY_DAY),
        ("BAC-PL", "XNYS"),
        ("2222.SR", "XSAU"),
        ("ASML.AS", "XAMS"),
        ("NBK.KW", WEEKDAYS),
        ("EURUSD=X", WEEKDAYS),
        ("GC=F", WEEKDAYS),
        ("WHAT.XX", WEEKDAYS),
    ],
)
def test_a_symbol_s_form_gives_its_calendar(symbol: str, calendar: str) -> None:
    assert calendar_of(symbol) == calendar


@pytest.mark.parametrize("name", sorted({*SUFFIXES.values(), *INDICES.values()}))
def test_every_calendar_can_be_built(name: str) -> None:
    sessions = sessions_between(name, date(2025, 3, 3), date(2025, 3, 14))
    assert 5 <= len(sessions.days) <= 10
    assert sessions.known_until == pd.Timestamp("2025-03-14")


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XTKS"])
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # the package's, not ours
def test_no_holiday_is_lost_with_those_of_other_years(name: str) -> None:
    """Ours are built with the holidays of the years asked for, these with those of 230 years."""
    first, last = pd.Timestamp("2021-12-31"), pd.Timestamp("2023-01-03")
    usual = AbstractHolidayCalendar.start_date, AbstractHolidayCalendar.end_date
    built = _build(name, first, last)
    assert usual == (AbstractHolidayCalendar.start_date, AbstractHolidayCalendar.end_date)
    whole = type(built)(start=first, end=last)
    assert built.sessions.equals(whole.sessions)
    assert built.closes.equals(whole.closes)


def test_where_all_sessions_are_known_no_other_year_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def needed(name: str) -> str:
        raise AssertionError(f"the week of {name} is asked for")

    monkeypatch.setattr("lstmcast.prices.calendar.usual_week", needed)
    sessions = sessions_between("XLON", date(2024, 12, 23), date(2024, 12, 27)).days
    assert [f"{day:%m-%d}" for day in sessions] == ["12-23", "12-24", "12-27"]


def test_holidays_are_no_sessions() -> None:
    sessions = sessions_between("XNYS", date(2024, 12, 23), date(2025, 1, 10)).days
    assert [f"{day:%m-%d}" for day in sessions] == [
        *("12-23", "12-24", "12-26", "12-27", "12-30", "12-31"),
        *("01-02", "01-03", "01-06", "01-07", "01-08", "01-10"),  # 9 January: national mourning
    ]


def test_beyond_the_calendar_weekdays_are_assumed_and_flagged() -> None:
    known = sessions_between("XSHG", date(2020, 1, 1), date(2099, 1, 1)).known_until
    days, assumed = next_sessions("XSHG", known - pd.Timedelta(days=7), 12)
    assert len(days) == len(assumed) == 12
    assert assumed == [day > known for day in days]
    assert True in assumed
    assert False in assumed
    assert all(day.weekday() < 5 for day in days)


def test_the_next_sessions_follow_the_last_bar() -> None:
    history = make_history()  # to Friday 2024-06-28; Thursday 4 July is a holiday
    days, assumed = next_sessions(history, history.last, 5)
    assert [f"{day:%m-%d}" for day in days] == ["07-01", "07-02", "07-03", "07-05", "07-08"]
    assert assumed == [False] * 5
    many, _ = next_sessions(history, history.last, 500)
    assert len(many) == 500
    assert many.is_monotonic_increasing


def test_by_rule() -> None:
    friday = date(2024, 6, 28)
    days, assumed = next_sessions(EVERY_DAY, friday, 3)
    assert [day.day for day in days] == [29, 30, 1]
    assert assumed == [False] * 3
    days, assumed = next_sessions(WEEKDAYS, friday, 3)
    assert [day.day for day in days] == [1, 2, 3]
    assert assumed == [True] * 3


def test_before_the_calendar_begins_weekdays_are_assumed() -> None:
    sessions = sessions_between("XTKS", date(1990, 1, 1), date(1999, 12, 31))
    assert sessions.known_from == pd.Timestamp("1997-01-01")
    assert len(sessions.days) > 2400
    only_before = sessions_between("XTKS", date(1980, 1, 1), date(1980, 1, 31))
    assert len(only_before.days) == 23


@pytest.mark.parametrize(
    ("frequency", "calendar"), [("B", WEEKDAYS), ("D", EVERY_DAY), (None, "XNYS")]
)
def test_a_file_of_another_market_is_not_held_to_new_york(
    frequency: str | None, calendar: str
) -> None:
    frame = make_frame(600)
    if frequency is not None:
        frame.index = pd.date_range("2022-01-03", periods=600, freq=frequency)
    history = PriceHistory.from_frame(frame, symbol="MINE", source="csv")
    assert calendar_for(history) == calendar


def bars_on(days: pd.DatetimeIndex, symbol: str) -> PriceHistory:
    frame = make_frame(len(days)).set_axis(days, axis="index")
    return PriceHistory.from_frame(frame, symbol=symbol, source="csv")


def days_of_week(first: str, last: str, *days: int) -> pd.DatetimeIndex:
    every = pd.date_range(first, last)
    return every[every.day_of_week.isin(days)]


SUNDAY_TO_THURSDAY = (6, 0, 1, 2, 3)


@pytest.mark.parametrize("symbol", ["NBK.KW", "QNBK.QA", "COMI.CA", "TEVA.TA", "2222.SR", "MINE"])
def test_a_week_without_a_calendar_is_read_off_the_bars(symbol: str) -> None:
    history = bars_on(days_of_week("2024-01-01", "2025-02-20", *SUNDAY_TO_THURSDAY), symbol)
    assert calendar_for(history) == "Sunday to Thursday"
    days, assumed = next_sessions(history, history.last, 4)  # from Thursday 20 February on
    assert [f"{day:%a %d}" for day in days] == ["Sun 23", "Mon 24", "Tue 25", "Wed 26"]
    assert assumed == [True] * 4


def test_riyadh_has_a_calendar() -> None:
    days = sessions_between("XSAU", date(2023, 1, 1), date(2024, 3, 28)).days
    history = bars_on(days, "2222.SR")
    assert calendar_for(history) == "XSAU"
    coming, assumed = next_sessions(history, history.last, 12)
    assert not any(assumed)
    assert {day.day_of_week for day in coming} == {*SUNDAY_TO_THURSDAY}
    assert pd.Timestamp("2024-04-10") not in coming  # the feast that ends Ramadan
    before = sessions_between("XSAU", date(2019, 1, 1), date(2019, 1, 31)).days
    assert {day.day_of_week for day in before} == {*SUNDAY_TO_THURSDAY}  # its calendar begins 2021


def test_a_market_that_moved_its_weekend_is_dated_by_its_new_week() -> None:
    old = days_of_week("2020-07-01", "2021-12-31", *SUNDAY_TO_THURSDAY)
    new = days_of_week("2022-01-01", "2022-09-30", 0, 1, 2, 3, 4)
    history = bars_on(old.union(new), "EMAAR.AE")
    assert calendar_for(history) == WEEKDAYS
    assert list(expected_sessions(history)[1].days) == list(history.bars.index)


def test_a_week_fits_the_days_that_it_has_sessions_on() -> None:
    """Counted by its sessions, from 1970 on; one bar in a hundred may be of another day."""
    days = pd.date_range("1968-06-01", periods=1600)
    assert (weekday(days.to_numpy()) == days.day_of_week).all()
    later = days[days >= EARLIEST]
    weekdays = days[days.day_of_week < 5]
    for name in (WEEKDAYS, *list(WEEKS)[::11]):
        for extra in (0, 7, 8, 500):  # of 741 weekdays from 1970 on
            dates = weekdays.union(later[later.day_of_week == 5][:extra])
            sessions = sessions_between(name, dates[0], dates[-1]).days
            counted = dates[dates >= EARLIEST]
            assert fits(name, dates) == (
                len(counted.difference(sessions)) <= np.floor(0.01 * len(counted))
            )


def test_a_week_of_six_days_or_one_across_its_end_has_a_name_too() -> None:
    six = bars_on(days_of_week("2024-01-01", "2024-12-31", 6, 0, 1, 2, 3, 4), "EURUSD")
    assert calendar_for(six) == "Sunday to Friday"
    iran = bars_on(days_of_week("2024-01-01", "2024-12-31", 5, 6, 0, 1, 2), "FOLD.XX")
    assert calendar_for(iran) == "Saturday to Wednesday"
    assert len(WEEKS) == 127


def test_special_sessions_at_weekends_make_no_week() -> None:
    weekdays = days_of_week("2023-01-01", "2024-12-31", 0, 1, 2, 3, 4)
    few = pd.DatetimeIndex(["2023-11-12", "2024-03-02", "2024-11-30"])
    assert calendar_for(bars_on(weekdays.union(few), "MINE.XX")) == WEEKDAYS
    many = weekdays.union(days_of_week("2023-01-01", "2023-09-30", 5))  # until last year
    assert calendar_for(bars_on(many, "MINE.XX")) == WEEKDAYS


def test_a_coin_sold_by_the_hours_of_an_exchange_follows_its_week() -> None:
    weekdays = days_of_week("2024-01-01", "2024-12-31", 0, 1, 2, 3, 4)
    assert calendar_for(bars_on(weekdays, "BTC-USD")) == WEEKDAYS
    assert calendar_for(bars_on(weekdays[:5], "BTC-USD")) == EVERY_DAY  # too few to tell


@pytest.mark.parametrize("frequency", ["B", "D"])
def test_filled_holidays_do_not_hide_an_exchange(frequency: str) -> None:
    frame = make_frame(600).asfreq(frequency).ffill()
    history = PriceHistory.from_frame(frame, symbol="MINE", source="csv")
    assert calendar_for(history) == "XNYS"


def test_a_calendar_that_cannot_be_built_leaves_weekdays() -> None:
    # exchange_calendars 4.13 fails to build Tel Aviv's on pandas 3.1
    days, assumed = next_sessions("XTAE", date(2024, 6, 28), 3)
    assert [day.day for day in days] == [1, 2, 3]
    assert assumed == [True] * 3


def test_the_sample_has_every_session_of_new_york() -> None:
    for symbol in ("AAPL", "GOOG", "IBM", "MSFT"):
        history = get_source("sample").fetch(symbol)
        days = sessions_between("XNYS", history.first, history.last).days
        assert list(days) == list(history.bars.index)


def test_a_session_is_over_when_its_exchange_closes() -> None:
    """Times from the exchanges' own rules: early closes, both halves of the year."""
    days = pd.DatetimeIndex(["2024-01-02", "2024-07-02", "2024-07-03"])
    ends = session_ends("XNYS", days, "America/New_York")
    assert [f"{end:%d %H:%M}" for end in ends] == ["02 21:00", "02 20:00", "03 17:00"]
    assert str(session_ends("XTKS", days, None)[0]) == "2024-01-03 00:00:00+00:00"  # a holiday
    assert str(session_ends("XTKS", days, None)[1]) == "2024-07-02 06:00:00+00:00"


def test_where_no_calendar_knows_a_session_it_is_over_with_its_day() -> None:
    days = pd.DatetimeIndex(["2024-07-01", "2024-10-24"])
    assert [f"{end:%m-%d %H:%M}" for end in session_ends(EVERY_DAY, days)] == [
        "07-02 00:00", "10-25 00:00",
    ]  # fmt: skip
    # Clocks in Beirut go forward at midnight, and those in Havana back at one.
    (beirut,) = session_ends(WEEKDAYS, pd.DatetimeIndex(["2024-03-30"]), "Asia/Beirut")
    assert f"{beirut:%m-%d %H:%M}" == "03-30 22:00"
    (havana,) = session_ends(WEEKDAYS, pd.DatetimeIndex(["2024-11-02"]), "America/Havana")
    assert f"{havana:%m-%d %H:%M}" == "11-03 04:00"
    assert len(session_ends("XNYS", days[:0])) == 0
    far = session_ends("XSHG", pd.DatetimeIndex(["2031-01-06"]), "Asia/Shanghai")
    assert str(far[0]) == "2031-01-06 16:00:00+00:00"
