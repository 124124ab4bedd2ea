"""Own prices in the shapes that programs have them, and stored ones by symbol."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.histories import as_history, simulated, simulated_bars
from support.program import Workplace

import lstmcast
from lstmcast.errors import (
    DataError,
    LstmcastError,
    NoDataInRangeError,
    StoreError,
    UsageError,
)
from lstmcast.prices.memory import MemoryStore

BARS = simulated_bars(3, 40)
OTHER = simulated_bars(4, 30, first="2001-01-10")
PLAIN = as_history(BARS, "AAA", source="own").bars


def title(bars: pd.DataFrame) -> pd.DataFrame:
    """Columns as yfinance writes them."""
    return bars.rename(columns=lambda name: name.replace("_", " ").title())


def long_table() -> pd.DataFrame:
    return pd.concat([BARS.assign(ticker="AAA"), OTHER.assign(ticker="BBB")]).reset_index()


SHAPES: dict[str, Callable[[], pd.DataFrame]] = {
    "as lstmcast writes them": lambda: BARS,
    "as yfinance writes them": lambda: title(BARS),
    "with a time zone": lambda: title(BARS.tz_localize("Asia/Shanghai")),
    "stamped at the close": lambda: BARS.set_axis(BARS.index + pd.Timedelta("16h")),
    "dates in a column": lambda: title(BARS).reset_index(),
    "dates as text": lambda: BARS.set_axis([f"{day:%Y-%m-%d}" for day in BARS.index]),
    "dates as objects": lambda: BARS.set_axis([day.date() for day in BARS.index]),
    "dates as periods": lambda: BARS.set_axis(pd.PeriodIndex(BARS.index, freq="D")),
    "newest first": lambda: BARS[::-1],
    "one of two in a long table": long_table,
    "one of two in wide columns": lambda: pd.concat({"AAA": BARS, "BBB": OTHER}, axis=1),
    "the other way round": lambda: pd.concat({"AAA": BARS, "BBB": OTHER}, axis=1).swaplevel(axis=1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_prices_are_read_in_the_shapes_that_programs_have(shape: str) -> None:
    history = lstmcast.load_prices(SHAPES[shape](), symbol="aaa")
    assert (history.symbol, history.source) == ("AAA", "own")
    pd.testing.assert_frame_equal(history.bars, PLAIN, check_freq=False)


def test_a_table_of_several_symbols_gives_a_history_for_each_with_its_own_days() -> None:
    for shape in ("one of two in a long table", "one of two in wide columns"):
        first, second = lstmcast.load_prices(SHAPES[shape]())
        assert (first.symbol, second.symbol) == ("AAA", "BBB")
        assert (len(first), len(second)) == (40, 30)
        assert second.first == OTHER.index[0]


def test_a_series_of_closes_is_enough() -> None:
    history = lstmcast.load_prices(BARS["close"].rename("XYZ"), symbol="xyz")
    assert "open" in history.missing
    (other,) = lstmcast.load_prices(BARS["close"].rename("XYZ"))
    assert other.sha256 == history.sha256


def test_own_prices_are_cut_and_keep_what_is_known_of_them() -> None:
    history = lstmcast.load_prices(
        BARS, symbol="AAA", start="2001-01-15", end=BARS.index[20], currency="EUR", exchange="XETR"
    )
    assert (f"{history.first:%Y-%m-%d}", history.last) == ("2001-01-15", BARS.index[20])
    assert (history.currency, history.exchange) == ("EUR", "XETR")


@pytest.mark.parametrize(
    ("prices", "symbol", "error", "words"),
    [
        (BARS, None, UsageError, "`symbol` is missing"),
        (BARS, "../x", UsageError, "cannot be a ticker"),
        (BARS.reset_index(drop=True), "A", DataError, "numbered, not dated"),
        (BARS.set_axis(["x"] * 40), "A", DataError, "holds 'x', which is not a date"),
        (BARS.drop(columns="close"), "A", DataError, "close"),
        (BARS.assign(Close=1.0), "A", DataError, "two columns are `close`"),
        (BARS.assign(close=-1.0), "A", DataError, "close"),
        (BARS.iloc[:0], "A", LstmcastError, "A from own"),
        (long_table(), "CCC", UsageError, "`symbol` is CCC, and the prices are of AAA, BBB"),
        (long_table().assign(ticker=["A"] * 69 + [np.nan]), None, DataError, "has no `symbol`"),
        (pd.concat({"a": {"b": BARS}["b"]}, axis=1).rename(columns={"close": "x"}), "A", DataError,
         "none names a `close`"),
        ({}, None, UsageError, "no prices were given"),
        ({"A": [1, 2]}, None, UsageError, "`prices` of A is a list"),
    ],
)  # fmt: skip
def test_what_cannot_be_prices_is_told(
    prices: Any, symbol: Any, error: type[LstmcastError], words: str
) -> None:
    with pytest.raises(error, match=words):
        lstmcast.load_prices(prices, symbol=symbol)


def test_suspect_prices_are_refused_as_fetched_ones_are() -> None:
    jump = BARS.copy()
    jump.iloc[20:, :5] *= 100.0
    with pytest.raises(DataError, match="AAA"):
        lstmcast.load_prices(jump, symbol="AAA")
    assert len(lstmcast.load_prices(jump, symbol="AAA", accept_suspect=True)) == 40


# --- stored prices -------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    place = Workplace.make(tmp_path, simulated(rows=60), as_history(OTHER, "BBB"))
    monkeypatch.setenv("LSTMCAST_DATA_DIR", place.environment["LSTMCAST_DATA_DIR"])
    return place


def test_stored_prices_come_by_symbol(place: Workplace) -> None:
    history = lstmcast.load_prices("aaa", start="2001-01-15")
    assert f"{history.first:%Y-%m-%d}" == "2001-01-15"
    assert history.last == simulated(rows=60).last
    assert [part.symbol for part in lstmcast.load_prices(["csv:BBB", "csv:AAA"])] == ["BBB", "AAA"]
    with pytest.raises(StoreError, match="NOPE is not in the store"):
        lstmcast.load_prices("NOPE")
    with pytest.raises(StoreError, match="AAA is stored from csv, not from yahoo"):
        lstmcast.load_prices("AAA", source="yahoo")
    with pytest.raises(UsageError, match="`source` is yahoo, and csv:AAA names csv"):
        lstmcast.load_prices("csv:AAA", source="yahoo")
    with pytest.raises(NoDataInRangeError, match="no bars from 2030-01-01"):
        lstmcast.load_prices("AAA", start="2030-01-01")


def test_fetching_fills_the_store_as_the_command_does(place: Workplace) -> None:
    fetched = lstmcast.fetch("aapl", source="sample", start="2012-01-01")
    assert f"{fetched.first:%Y-%m-%d}" == "2012-01-03"
    assert lstmcast.load_prices("AAPL").sha256 == fetched.sha256
    file = place.root / "own.csv"
    BARS.to_csv(file)
    (own,) = lstmcast.fetch(["OWN"], source="csv", path=file)
    assert own.sha256 == as_history(BARS, "OWN").sha256
    with pytest.raises(LstmcastError, match="NOPE"):
        lstmcast.fetch("NOPE", source="sample")
    with pytest.raises(UsageError, match="`start` is 'soon', which is not a date"):
        lstmcast.fetch("AAPL", source="sample", start="soon")


def test_own_prices_can_be_stored(place: Workplace) -> None:
    history = lstmcast.load_prices(BARS, symbol="MINE")
    lstmcast.save_prices(history)
    assert lstmcast.load_prices("MINE").sha256 == history.sha256
    assert lstmcast.load_prices("own:MINE").source == "own"


def test_given_histories_go_before_stored_ones_and_no_others(place: Workplace) -> None:
    given = lstmcast.load_prices(BARS * np.float64(2), symbol="AAA")
    store = MemoryStore([given], place.root / "data")
    assert store.load("AAA", "csv") is given
    assert store.sources("aaa") == ["own"]
    assert store.load("BBB", "csv").sha256 == as_history(OTHER).sha256
    assert store.sources("BBB") == ["csv"]
    with pytest.raises(UsageError, match="one of them twice"):
        MemoryStore([given, given], place.root)
