"""Checks for what is possible and most often wrong."""

import numpy as np
import pandas as pd
import pytest
from support.bars import make_frame

from lstmcast.errors import DataError
from lstmcast.prices.checks import examine, is_new, refuse
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import get_source

PRICES = ["open", "high", "low", "close", "adj_close"]


def found(frame: pd.DataFrame, symbol: str = "AAPL") -> dict[str, Finding]:
    history = PriceHistory.from_frame(frame, symbol=symbol, source="csv")
    return {finding.check: finding for finding in examine(history)}


def without(frame: pd.DataFrame, rows: slice | list[int]) -> pd.DataFrame:
    return frame.drop(frame.index[rows])


def times(frame: pd.DataFrame, rows: slice, factor: float) -> pd.DataFrame:
    """Return the frame with the prices of some rows multiplied."""
    changed = frame.copy()
    changed.loc[frame.index[rows], PRICES] *= factor
    return changed


def test_a_whole_history_has_no_findings() -> None:
    assert found(make_frame()) == {}


def test_few_missing_sessions_are_a_warning() -> None:
    frame = make_frame()
    findings = found(without(frame, [50, 120]))
    (finding,) = findings.values()
    assert finding.level == "warning"
    assert finding.dates == tuple(str(frame.index[row].date()) for row in (50, 120))
    refuse("AAPL", [finding], allow_gaps=False, accept_suspect=False)


@pytest.mark.parametrize("rows", [slice(50, 61), list(range(20, 290, 38))])
def test_many_missing_sessions_or_a_long_gap_are_refused(rows: slice | list[int]) -> None:
    finding = found(without(make_frame(), rows))["missing_sessions"]
    assert finding.level == "suspect"
    with pytest.raises(DataError, match=r"missing \d+ of 300 sessions of XNYS") as caught:
        refuse("AAPL", [finding], allow_gaps=False, accept_suspect=True)
    assert "--allow-gaps" in str(caught.value.hint)
    refuse("AAPL", [finding], allow_gaps=True, accept_suspect=False)


def test_ten_in_a_row_of_a_long_history_are_a_warning() -> None:
    finding = found(without(make_frame(900), slice(50, 60)))["missing_sessions"]
    assert finding.level == "warning"
    assert "up to 10 in a row" in finding.message


def test_one_day_of_a_short_history_is_no_scandal() -> None:
    assert found(without(make_frame(30), [10]))["missing_sessions"].level == "warning"


def test_markets_without_a_calendar_answer_for_long_gaps_only() -> None:
    frame = make_frame(400)
    frame.index = pd.bdate_range("2022-01-03", periods=400)
    assert found(without(frame, list(range(20, 390, 9))), "MINE.XX") == {}
    assert found(without(frame, slice(50, 61)), "MINE.XX")["missing_sessions"].level == "suspect"


def test_without_a_calendar_too_many_missing_days_are_refused() -> None:
    frame = make_frame(400)
    frame.index = pd.bdate_range("2022-01-03", periods=400)
    few = found(without(frame, list(range(1, 399, 8))), "MINE.XX")  # 12 %, as with holidays
    assert few == {}
    weekly = found(frame.iloc[::5], "MINE.XX")["missing_sessions"]
    assert weekly.level == "suspect"
    assert weekly.message.startswith("these are weekly bars: missing 316 of 396 sessions of ")
    short = frame.iloc[:12].drop(frame.index[[2, 5, 7]])
    assert found(short, "MINE.XX") == {}


def test_days_to_come_are_suspect() -> None:
    frame = make_frame(300)
    frame.index = pd.bdate_range("2022-01-03", periods=300)
    last = frame.index[-1]
    for fetched, coming in ((last, ()), (frame.index[-4], tuple(frame.index[-2:]))):
        history = PriceHistory.from_frame(
            frame, symbol="MINE.XX", source="csv", fetched_at=f"{fetched:%Y-%m-%d}T12:00:00+00:00"
        )
        findings = [item for item in examine(history) if item.check == "days_to_come"]
        assert [day for item in findings for day in item.dates] == [
            f"{day:%Y-%m-%d}" for day in coming
        ]
        assert all(item.level == "suspect" for item in findings)


@pytest.mark.parametrize(("rows", "named"), [(slice(50, 70), False), (slice(50, 71), True)])
def test_a_close_that_does_not_move_for_long_is_named(rows: slice, named: bool) -> None:
    frame = make_frame()
    frame.loc[frame.index[rows], PRICES] = frame.loc[frame.index[rows.start], PRICES].to_numpy()
    assert ("no_moves" in found(frame)) is named
    if named:
        finding = found(frame)["no_moves"]
        assert (finding.level, len(finding.dates)) == ("warning", 20)
        assert finding.message == "the close is unchanged on 7% of the days, up to 20 in a row"


def test_bars_on_holidays_are_noted() -> None:
    frame = make_frame(400)
    holiday = pd.Timestamp("2024-06-19")
    extra = frame.iloc[[-8]].set_axis([holiday])
    finding = found(pd.concat([frame, extra]).sort_index())["extra_rows"]
    assert finding.level == "note"
    assert finding.dates == ("2024-06-19",)


def test_before_1970_no_session_is_missed() -> None:
    frame = make_frame(300)
    frame.index = pd.bdate_range("1968-06-03", periods=300)
    assert found(without(frame, list(range(20, 290, 9)))) == {}


def test_a_price_in_another_unit_is_suspect() -> None:
    frame = times(make_frame(), slice(100, 101), 100.0)
    finding = found(frame)["wrong_scale"]
    assert finding.level == "suspect"
    assert finding.dates == tuple(str(frame.index[row].date()) for row in (100, 101))
    with pytest.raises(DataError, match="a change of unit"):
        refuse("AAPL", [finding], allow_gaps=True, accept_suspect=False)


@pytest.mark.parametrize("ratio", [4.0, 1.5, 0.1])
def test_a_recorded_split_that_the_prices_show_is_suspect(ratio: float) -> None:
    frame = make_frame()
    frame.loc[frame.index[200], "splits"] = ratio
    assert found(frame) == {}
    finding = found(times(frame, slice(0, 200), ratio))["split_not_applied"]
    assert finding.dates == (str(frame.index[200].date()),)


def test_a_jump_like_a_split_without_one_is_suspect() -> None:
    frame = make_frame()
    finding = found(times(frame, slice(0, 200), 2.0))["split_not_recorded"]
    assert finding.level == "suspect"
    closes = found(times(frame, slice(0, 200), 2.0)[["close"]])["split_not_recorded"]
    assert closes.level == "suspect"


def test_a_crash_is_named_and_not_refused() -> None:
    aapl = get_source("sample").fetch("AAPL")  # it halved on 2000-09-29, and that was real
    (finding,) = examine(aapl)
    assert finding.check == "large_move"
    assert finding.level == "warning"
    assert finding.dates == ("2000-09-29",)
    assert finding.message == ("AAPL fell 51.9 % on 2000-09-29: check for an unrecorded split")


def test_splits_that_adj_close_carries_are_no_finding() -> None:
    for symbol in ("GOOG", "IBM", "MSFT"):
        assert examine(get_source("sample").fetch(symbol)) == []


def test_a_close_alone_in_another_unit_is_suspect() -> None:
    """Returns come from the adjusted close and show nothing; the adjusted open would be wrong."""
    frame = make_frame()
    frame.loc[frame.index[100], ["high", "close"]] *= 100.0
    findings = found(frame)
    assert findings.keys() == {"wrong_ratio"}
    assert findings["wrong_ratio"].level == "suspect"
    assert findings["wrong_ratio"].dates[0] == f"{frame.index[100]:%Y-%m-%d}"


def test_levels_are_not_examined() -> None:
    frame = pd.DataFrame(
        {"close": np.array([-1.0, 50.0, -3.0])}, index=pd.bdate_range("2024-01-02", periods=3)
    )
    history = PriceHistory.from_frame(frame, symbol="T10Y2Y", source="fred", kind="level")
    assert examine(history) == []


def test_what_was_accepted_before_is_not_refused_again() -> None:
    before = [Finding("wrong_scale", "suspect", "", ("2024-01-02",))]
    again = Finding("wrong_scale", "suspect", "", ("2024-01-02",))
    worse = Finding("wrong_scale", "suspect", "", ("2024-01-02", "2024-01-03"))
    assert not is_new(again, before)
    assert is_new(worse, before)
    assert is_new(again, [])
    days = tuple(f"2024-01-{day:02d}" for day in range(1, 21))
    gaps = [Finding("missing_sessions", "suspect", "", days)]
    assert not is_new(Finding("missing_sessions", "suspect", "", (*days, "2024-02-01")), gaps)
    assert is_new(Finding("missing_sessions", "suspect", "", (*days, "a", "b", "c")), gaps)
