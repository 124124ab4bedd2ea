"""Bars that do not come as their market trades: the likely cause is named."""

import pandas as pd
import pytest
from support.bars import make_frame

from lstmcast.errors import DataError
from lstmcast.prices.calendar import calendar_for, next_sessions, sessions_between
from lstmcast.prices.checks import examine, refuse
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory

FRAME = make_frame(600)


def history_of(frame: pd.DataFrame, symbol: str = "AAPL") -> PriceHistory:
    return PriceHistory.from_frame(frame, symbol=symbol, source="csv")


def found(frame: pd.DataFrame, symbol: str = "AAPL") -> list[Finding]:
    return examine(history_of(frame, symbol))


def hint(finding: Finding) -> str:
    with pytest.raises(DataError, match="AAPL: ") as caught:
        refuse("AAPL", [finding], allow_gaps=False, accept_suspect=False)
    assert caught.value.message == f"AAPL: {finding.message}"
    return str(caught.value.hint)


def shifted(frame: pd.DataFrame, days: int) -> pd.DataFrame:
    return frame.set_axis(frame.index + pd.Timedelta(days=days), axis="index")


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("W-FRI", "weekly"),
        ("W", "weekly"),
        ("2W", "fortnightly"),
        ("MS", "monthly"),
        ("ME", "monthly"),
        ("BME", "monthly"),
        ("QE", "quarterly"),
    ],
)
def test_bars_of_another_length_are_named(rule: str, name: str) -> None:
    (finding,) = found(make_frame(900).resample(rule).last())
    assert finding.level == "suspect"
    assert finding.message.startswith(f"these are {name} bars: missing ")
    assert "every day" not in finding.message
    assert hint(finding) == "export daily bars; `--allow-gaps` stores the prices as they are"


def test_a_part_of_weekly_bars_is_told_with_its_dates() -> None:
    weekly = FRAME.loc[:"2022-11-11"].resample("W-FRI").last()
    (finding,) = found(pd.concat([weekly, FRAME.loc["2022-11-14":]]))
    assert finding.message.startswith(
        f"these are weekly bars from {weekly.index[0]:%Y-%m-%d} to {weekly.index[-1]:%Y-%m-%d}: "
    )


def test_a_lone_gap_is_no_weekly_bar() -> None:
    (finding,) = found(FRAME.drop(FRAME.index[300:315]))
    assert finding.message.startswith("missing 15 of 600 sessions of XNYS")


@pytest.mark.parametrize(
    ("fill", "how"),
    [
        ("ffill", "Friday's close"),
        ("bfill", "Monday's close"),
        ("interpolate", "numbers between Friday's close and Monday's"),
    ],
)
@pytest.mark.parametrize("symbol", ["AAPL", "SHELL.AS", "WHAT.XX"])
def test_weekends_that_were_filled_are_named(fill: str, how: str, symbol: str) -> None:
    columns = ["open", "high", "low", "close", "adj_close", "volume"]
    if fill == "interpolate":
        columns = ["close"]  # the others would not enclose it
    frame = getattr(FRAME[columns].asfreq("D"), fill)()
    (finding, *_) = found(frame, symbol)
    assert (finding.check, finding.level) == ("weekends_filled", "suspect")
    assert finding.message.startswith(f"weekends are filled with {how}: ")
    assert "Saturdays and Sundays; `--accept-suspect`" in hint(finding)


def test_filled_holidays_are_noted() -> None:
    frame = FRAME.asfreq("B").ffill()
    (finding,) = found(frame)
    assert (finding.check, finding.level) == ("extra_rows", "note")
    assert "when XNYS was closed, filled with the previous close: " in finding.message


@pytest.mark.parametrize(
    ("symbol", "calendar"),
    [("AAPL", "XNYS"), ("7203.T", "XTKS"), ("SAP.DE", "XETR"), ("PLAIN", "XTKS")],
)
@pytest.mark.parametrize(
    ("days", "says"),
    [(-1, "bars on Sundays: dates in UTC? "), (1, "bars on Saturdays: dates a day late? ")],
)
def test_dates_that_are_a_day_off_are_named(
    symbol: str, calendar: str, days: int, says: str
) -> None:
    frame = make_frame(400, calendar=calendar)
    assert found(frame, symbol) == [] or symbol == "PLAIN"
    (finding,) = found(shifted(frame, days), symbol)
    assert (finding.check, finding.level) == ("shifted_dates", "suspect")
    assert finding.message.startswith(says)
    assert "not in UTC; `--accept-suspect`" in hint(finding)


def test_dates_in_utc_in_summer_alone_are_named() -> None:
    frame = make_frame(500, calendar="XLON")
    utc = pd.DatetimeIndex(frame.index).tz_localize("Europe/London").tz_convert("UTC")
    (finding,) = found(frame.set_axis(utc, axis="index"), "VOD.L")
    assert finding.message.startswith("bars on Sundays: dates in UTC? ")


def test_a_currency_in_utc_is_named_and_its_evening_session_is_not_refused() -> None:
    days = pd.bdate_range("2023-01-02", periods=400)
    pair = make_frame(400).set_axis(days, axis="index")
    (finding,) = found(shifted(pair, -1), "EURUSD=X")
    assert finding.check == "shifted_dates"
    every = pd.date_range("2023-01-02", "2024-06-28")
    six = every[every.day_of_week != 5]
    (finding,) = found(make_frame(len(six)).set_axis(six, axis="index"), "EURUSD=X")
    assert (finding.check, finding.level) == ("own_week", "warning")
    assert "Sunday to Friday, like its bars: a week of 6 days" in finding.message


@pytest.mark.parametrize("symbol", ["NBK.KW", "2222.SR", "ARAMCO"])
def test_a_market_that_opens_on_sundays_is_taken_as_it_is(symbol: str) -> None:
    days = sessions_between("XSAU", pd.Timestamp("2022-01-02"), pd.Timestamp("2023-12-28")).days
    frame = make_frame(len(days)).set_axis(days, axis="index")
    findings = found(frame, symbol)
    if symbol == "2222.SR":
        assert findings == []
        return
    (finding,) = findings
    assert (finding.check, finding.level) == ("own_week", "note")
    assert finding.message.startswith("treated as trading Sunday to Thursday, like its bars")


def test_a_week_from_saturday_to_wednesday_is_no_shifted_one() -> None:
    days = pd.date_range("2022-01-01", periods=300)
    week = days[days.day_of_week.isin([5, 6, 0, 1, 2])]
    (note,) = found(make_frame(len(week)).set_axis(week, axis="index"), "FOLD")
    assert note.message.startswith("treated as trading Saturday to Wednesday, like its bars")


def test_a_sunday_market_without_its_holidays_is_taken_too() -> None:
    every = pd.date_range("2022-01-02", "2023-12-28")
    days = every[every.day_of_week.isin([6, 0, 1, 2, 3])]
    (finding,) = found(make_frame(len(days)).set_axis(days, axis="index"), "2222.SR")
    assert (finding.check, finding.level) == ("own_week", "note")


def test_day_and_month_the_wrong_way_round_are_named() -> None:
    turned = [
        day.replace(day=day.month, month=day.day) if day.day <= 12 else day for day in FRAME.index
    ]
    (finding,) = [
        item
        for item in found(FRAME.set_axis(pd.DatetimeIndex(turned), axis="index"))
        if item.check == "day_and_month"
    ]
    assert finding.level == "suspect"
    assert finding.message.startswith("day and month swapped? bars at weekends, up to the 12th")
    assert "write the dates as 2026-06-30" in hint(finding)


def test_a_stock_is_not_taken_for_a_market_that_never_closes_in_silence() -> None:
    days = pd.date_range("2023-01-01", periods=400)
    frame = make_frame(400).set_axis(days, axis="index")
    (finding,) = found(frame, "BTC")
    assert (finding.check, finding.level) == ("own_week", "warning")
    assert "bars on all seven days: treated as a market that never closes" in finding.message
    assert found(frame, "BTC-USD") == []


def test_filled_weekends_that_were_accepted_are_not_forecast() -> None:
    history = history_of(FRAME.asfreq("D").ffill())
    assert calendar_for(history) == "XNYS"
    days, _ = next_sessions(history, history.last, 10)
    assert {day.day_of_week for day in days} == {0, 1, 2, 3, 4}
    assert pd.Timestamp("2024-07-04") not in days
