"""The contract of a price history: what is refused, what is put right, what is derived."""

import hashlib
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bars import make_frame, make_history

from lstmcast.errors import DataError, NoDataInRangeError, UsageError
from lstmcast.prices import bars as bars_module
from lstmcast.prices.bars import COLUMNS, Kind
from lstmcast.prices.history import PriceHistory

Change = Callable[[pd.DataFrame], None]


def from_frame(frame: pd.DataFrame, *, accept_suspect: bool = False) -> PriceHistory:
    return PriceHistory.from_frame(
        frame, symbol="AAPL", source="csv", accept_suspect=accept_suspect
    )


def put(column: str, value: float, row: int = 7) -> Change:
    def change(frame: pd.DataFrame) -> None:
        frame.loc[frame.index[row], column] = value

    return change


def test_a_good_frame_keeps_its_numbers() -> None:
    frame = make_frame()
    history = from_frame(frame)
    pd.testing.assert_frame_equal(history.bars, frame, check_freq=False)
    assert history.bars.index.name == "date"
    assert tuple(history.bars.columns) == COLUMNS
    assert history.missing == ()
    assert history.findings == ()


def test_a_history_does_not_change_with_the_frame_that_it_was_made_of() -> None:
    """Also where the frame has its columns and kinds already, and shares its memory."""
    full = make_frame().reindex(columns=list(COLUMNS)).fillna({"dividends": 0.0, "splits": 0.0})
    numbers = full.to_numpy(copy=True)
    frame = pd.DataFrame(numbers, full.index, full.columns, copy=False)
    history = PriceHistory.from_frame(frame, symbol="AAA", source="csv")
    before = history.bars.copy()
    numbers *= 2
    pd.testing.assert_frame_equal(history.bars, before)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("close", 0.0), r"`close` is 0 on 2023-05-\d\d, and must be above 0"),
        (put("open", -3.2), r"`open` is -3.2 on .* must be above 0"),
        (put("adj_close", float("inf")), r"`adj_close` is inf on"),
        (put("volume", -1.0), r"`volume` is -1 on .* must be 0 or more"),
        (put("high", 1.0), r"`high` 1 is below `low`"),
        (put("open", 200.0), r"`high` .* does not enclose `open` and `close` on"),
        (put("low", 10_000.0), r"`high` .* is below `low` 10000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_impossible_bars_are_refused_or_dropped_when_accepted(change: Change, says: str) -> None:
    frame = make_frame()
    change(frame)
    with pytest.raises(DataError, match=says) as caught:
        from_frame(frame)
    assert "--accept-suspect" in str(caught.value.hint)
    history = from_frame(frame, accept_suspect=True)
    assert len(history) == len(frame) - 1
    assert [item.level for item in history.findings] == ["warning"]
    bars = history.bars
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()


def test_rounding_is_widened_away_and_single_precision_in_silence() -> None:
    frame = make_frame()
    put("high", float(frame["close"].iloc[7]) * 0.999)(frame)
    put("open", float(frame["close"].iloc[7]) * 0.99)(frame)
    put("low", float(frame["close"].iloc[7]) * 0.98)(frame)
    bottom = float(frame.iloc[9][["open", "close"]].min())
    put("low", bottom * (1 + 5e-7), 9)(frame)
    history = from_frame(frame)
    (finding,) = history.findings
    assert finding.check == "range_widened"
    assert finding.dates == (str(frame.index[7].date()),)
    assert history.bars["high"].iloc[7] == frame["close"].iloc[7]
    assert history.bars["low"].iloc[9] == bottom


def test_rows_without_a_close_are_dropped_and_named() -> None:
    frame = make_frame()
    put("close", np.nan, 3)(frame)
    put("adj_close", np.nan, 5)(frame)
    history = from_frame(frame)
    assert len(history) == len(frame) - 2
    (finding,) = history.findings
    assert finding.dates == tuple(str(frame.index[row].date()) for row in (3, 5))


@pytest.mark.parametrize("lacking", [np.nan, 0.0])
@pytest.mark.parametrize("column", ["open", "high", "low"])
def test_a_session_that_lacks_another_price_keeps_its_row(column: str, lacking: float) -> None:
    frame = make_frame()
    for row in range(20):
        put(column, lacking, row)(frame)
    history = from_frame(frame)
    assert len(history) == len(frame)
    assert history.missing == ()
    assert history.bars[column].isna().sum() == 20
    kept = frame.assign(**{column: history.bars[column]})
    pd.testing.assert_frame_equal(history.bars, kept, check_freq=False)
    (finding,) = history.findings
    assert finding.level == "warning"
    first, last = (str(frame.index[row].date()) for row in (0, 19))
    assert finding.message == f"20 rows kept without `{column}`: from {first} to {last}"


def test_an_open_of_zeros_throughout_is_no_open() -> None:
    history = from_frame(make_frame().assign(open=0.0))
    assert history.missing == ("open",)
    assert history.findings == ()


def test_rows_before_the_start_are_not_looked_at() -> None:
    frame = make_frame().astype("object")
    put("close", "?", 3)(frame)  # type: ignore[arg-type]
    put("high", 1.0, 250)(frame)
    span = {"start": frame.index[100].date(), "end": frame.index[200].date()}
    history = PriceHistory.from_frame(frame, symbol="AAPL", source="csv", **span)
    assert (history.first, history.last) == (frame.index[100], frame.index[200])
    with pytest.raises(DataError, match="`close` is '\\?'"):
        from_frame(frame)
    with pytest.raises(NoDataInRangeError, match="AAPL from csv has no bars from 2030-01-01 to"):
        PriceHistory.from_frame(
            make_frame(), symbol="AAPL", source="csv", start=pd.Timestamp("2030-01-01").date()
        )


def test_a_date_twice_is_refused_where_the_rows_differ() -> None:
    frame = make_frame()
    other = frame.iloc[-2:-1].mul(1.001)
    with pytest.raises(DataError, match="more than one row for 2024-06-27"):
        from_frame(pd.concat([frame, other]))


@pytest.mark.parametrize("lacking", [np.nan, 0.0])
def test_of_a_date_twice_the_numbers_are_kept(lacking: float) -> None:
    """First empty and then whole, a whole row again, and a row with nothing but the split."""
    frame = make_frame()
    frame.loc[frame.index[7], "splits"] = 4.0
    empty = frame.iloc[[200]].assign(**dict.fromkeys(COLUMNS, lacking))
    event = frame.iloc[[7]].assign(**dict.fromkeys([*COLUMNS[:-1]], np.nan))
    bare = frame.assign(splits=0.0)
    history = from_frame(pd.concat([empty, event, bare, frame.iloc[[299]]]).sort_index())
    pd.testing.assert_frame_equal(history.bars, frame, check_freq=False)
    (finding,) = history.findings
    assert finding.check == "duplicate_rows"
    assert finding.dates == tuple(str(frame.index[row].date()) for row in (7, 200, 299))


def test_rows_may_come_newest_first() -> None:
    frame = make_frame()
    history = from_frame(frame.iloc[::-1])
    assert history.sha256 == from_frame(frame).sha256
    assert history.findings == ()
    shuffled = from_frame(frame.sample(frac=1.0, random_state=1))
    assert [item.check for item in shuffled.findings] == ["row_order"]


def test_the_date_is_the_one_that_the_exchange_shows() -> None:
    frame = make_frame(5)
    history = from_frame(frame.tz_localize("Asia/Shanghai"))
    assert list(history.bars.index) == list(frame.index)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pd.DataFrame({"open": [1.0]}, index=pd.to_datetime(["2024-01-02"])), "no `close` column"),
        (pd.DataFrame({"close": ["a"]}, index=pd.to_datetime(["2024-01-02"])), "`close` is 'a'"),
        (pd.DataFrame({"close": [1.0]}), "the index is int64, not dates"),
        (pd.DataFrame({"close": [1.0]}, index=pd.DatetimeIndex([pd.NaT])), "a row has no date"),
    ],
)
def test_what_is_no_table_of_bars_is_refused(frame: pd.DataFrame, says: str) -> None:
    with pytest.raises(DataError, match=says):
        from_frame(frame)


def test_nothing_left_is_no_data() -> None:
    with pytest.raises(NoDataInRangeError, match="no row has a `close`"):
        from_frame(make_frame(5).assign(close=np.nan))


def test_lacking_columns_are_named_and_refused_when_needed() -> None:
    history = from_frame(make_frame()[["close", "volume"]].assign(volume=0.0))
    assert history.missing == ("open", "high", "low", "adj_close", "volume", "dividends", "splits")
    assert history.bars["volume"].isna().all()
    history.require(["close"], "feature group `returns`")
    with pytest.raises(
        DataError, match="feature group `range` needs `high`, `low`, which AAPL from csv lacks"
    ):
        history.require(["high", "low", "close"], "feature group `range`")


def test_adjusting_puts_every_price_on_the_scale_of_adj_close() -> None:
    frame = make_frame()
    factor = np.where(np.arange(len(frame)) < 100, 0.25, 1.0)
    history = from_frame(frame.assign(adj_close=frame["close"] * factor))
    adjusted = history.adjusted()
    assert list(adjusted) == ["open", "high", "low", "close", "volume", "dollar_volume"]
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(adjusted[name], frame[name] * factor, rtol=1e-14)
    np.testing.assert_array_equal(adjusted["dollar_volume"], frame["close"] * frame["volume"])
    raw = from_frame(frame.drop(columns="adj_close")).adjusted()
    np.testing.assert_array_equal(raw["close"], frame["close"])


def test_levels_may_be_negative_and_are_never_adjusted() -> None:
    frame = make_frame(5)[["close"]] - 100
    history = PriceHistory.from_frame(frame, symbol="T10Y2Y", source="fred", kind="level")
    with pytest.raises(DataError, match="holds levels, not prices"):
        history.adjusted()


def test_between_includes_both_ends() -> None:
    history = make_history()
    part = history.between("2024-06-03", "2024-06-10")
    assert [str(day.date()) for day in part.bars.index[[0, -1]]] == ["2024-06-03", "2024-06-10"]
    assert history.between(None, None).sha256 == history.sha256
    with pytest.raises(NoDataInRangeError, match="no bars from 2030-01-01 to its end"):
        history.between("2030-01-01", None)


@settings(max_examples=40)
@given(row=st.integers(0, 299), column=st.sampled_from(COLUMNS))
def test_the_hash_knows_every_number(row: int, column: str) -> None:
    frame = make_frame()
    history = from_frame(frame)
    changed = history.bars.copy()
    values = changed[column].to_numpy(copy=True)
    values[row] += 1e-6
    changed[column] = values
    other = PriceHistory(symbol="AAPL", source="csv", bars=changed)
    assert other.sha256 != history.sha256


def test_the_hash_is_the_same_everywhere() -> None:
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-03"], name="date")
    frame = pd.DataFrame({"close": [1.5, 2.5]}, index=days)
    history = PriceHistory.from_frame(frame, symbol="x", source="other")
    nan = float("nan")
    days_since_1970 = struct.pack("<2q", 19724, 19725)
    rows = [nan, nan, nan, 1.5, nan, nan, nan, nan, nan, nan, nan, 2.5, nan, nan, nan, nan]
    expected = hashlib.sha256(days_since_1970 + struct.pack("<16d", *rows)).hexdigest()
    assert history.sha256 == expected
    assert history.symbol == "X"


@pytest.mark.parametrize(
    "symbol",
    [
        "",
        "  ",
        "a/b",
        "..",
        ".",
        "a\\b",
        "A\0B",
        "A" * 300,
        "\N{PILE OF POO}",
        "A B",
        "-A",
        "\uff21",
    ],
)
def test_a_symbol_that_is_none_is_refused(symbol: str) -> None:
    with pytest.raises(UsageError, match="`SYMBOL`"):
        PriceHistory.from_frame(make_frame(5), symbol=symbol, source="csv")


VALUES = (0.0, -1.0, 1e-9, 50.0, 1e9, float("nan"), float("inf"))


@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.sampled_from(COLUMNS), st.integers(0, 11), st.sampled_from(VALUES)),
        max_size=3,
    ),
    emptied=st.sets(st.sampled_from(COLUMNS), max_size=3),
    filled=st.sampled_from((np.nan, 0.0)),
    order=st.sampled_from(("asc", "desc", "twice")),
    kind=st.sampled_from(("price", "level")),
)
def test_bars_that_obey_every_rule_come_out_as_by_the_rules(
    changes: list[tuple[str, int, float]], emptied: set[str], filled: float, order: str, kind: Kind
) -> None:
    """They are told at once; what comes of it is what the rules make of them one after another."""
    frame = make_frame(12)
    for column, row, value in changes:
        frame.iloc[row, COLUMNS.index(column)] = value
    frame[sorted(emptied)] = filled
    if order != "asc":
        frame = frame.iloc[::-1] if order == "desc" else pd.concat([frame, frame.iloc[:1]])

    def outcome() -> object:
        try:
            return bars_module.normalise(frame, "AAPL", kind)
        except (DataError, NoDataInRangeError) as error:
            return str(error)

    quick = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bars_module, "_lacking_of_normal", lambda *_: None)
        slow = outcome()
    if isinstance(slow, str) or isinstance(quick, str):
        assert quick == slow
        return
    assert isinstance(quick, tuple)
    assert isinstance(slow, tuple)
    pd.testing.assert_frame_equal(quick[0], slow[0], check_exact=True)
    assert quick[1:] == slow[1:]


def test_good_bars_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars_module, "_Table", None)  # what the rules work on
    frame = make_frame()
    for lacking in ((), ("open", "high", "low"), ("adj_close", "volume", "dividends", "splits")):
        frame[list(lacking)] = np.nan
        assert from_frame(frame).missing == tuple(
            name for name in COLUMNS if frame[name].isna().all()
        )


@pytest.mark.parametrize("word", [["USD"], 7, "U" * 65, "US\x1bD", "U\N{RIGHT-TO-LEFT OVERRIDE}D"])
@pytest.mark.parametrize("name", ["currency", "exchange", "timezone"])
def test_what_could_not_be_read_again_or_acts_is_no_name(name: str, word: Any) -> None:
    """A store file with such a currency was written, and then called damaged."""
    with pytest.raises(
        DataError, match=rf"the {name.replace('zone', ' zone')} of AAA .* is .*, which"
    ) as caught:
        PriceHistory.from_frame(make_frame(), symbol="AAA", source="x", **{name: word})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150
