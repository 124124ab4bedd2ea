"""Other series beside a symbol: only what was known at its close, and nothing of the future."""

import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bars import make_frame

from lstmcast.config import Data
from lstmcast.errors import ConfigError, DataError, StoreError
from lstmcast.features import build_features
from lstmcast.prices.context import ContextReference, Unit, attach_context, known_at_close
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.selection import select_histories
from lstmcast.prices.store import PriceStore

GROUPS = ["returns", "volume"]
NEW_YORK, TOKYO = "America/New_York", "Asia/Tokyo"


def series(
    symbol: str = "^GSPC", timezone: str | None = NEW_YORK, calendar: str = "XNYS", seed: int = 9
) -> PriceHistory:
    frame = make_frame(400, seed=seed, calendar=calendar)
    return PriceHistory.from_frame(frame, symbol=symbol, source="csv", timezone=timezone)


def monthly() -> PriceHistory:
    days = pd.date_range("2022-01-01", "2024-06-01", freq="MS")
    levels = np.linspace(-3.0, 5.0, len(days))
    frame = pd.DataFrame({"close": levels}, index=days)
    return PriceHistory.from_frame(frame, symbol="CPI", source="fred", kind="level")


SERIES = series()
SESSIONS = pd.DatetimeIndex(SERIES.bars.index[100:])


@pytest.fixture
def stock() -> PriceHistory:
    return PriceHistory.from_frame(make_frame(300), symbol="AAPL", source="csv", timezone=NEW_YORK)


@pytest.fixture
def store(tmp_path: Path) -> PriceStore:
    store = PriceStore(tmp_path)
    store.save(series())
    store.save(series("^N225", TOKYO, "XTKS", seed=10))
    store.save(monthly())
    return store


@pytest.mark.parametrize(
    ("text", "source", "symbol", "lag", "unit"),
    [
        ("^VIX", "yahoo", "^VIX", None, "sessions"),
        ("^vix@2", "yahoo", "^VIX", 2, "sessions"),
        ("csv:SPX@0", "csv", "SPX", 0, "sessions"),
        ("fred:CPIAUCSL@45d", "fred", "CPIAUCSL", 45, "days"),
    ],
)
def test_entries(text: str, source: str, symbol: str, lag: int | None, unit: str) -> None:
    entry = ContextReference.parse(text, "yahoo")
    assert (entry.reference, entry.lag, entry.unit) == ((source, symbol), lag, unit)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fred:CPIAUCSL", "without the days until it is published"),
        ("^VIX@", "its lag is ''"),
        ("^VIX@-1", "its lag is '-1'"),
        ("^VIX@1w", "its lag is '1w'"),
        ("a/b", "not a symbol"),
        ("", "not a symbol"),
    ],
)
def test_entries_that_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"`data.context` has {text!r}, {says}")):
        ContextReference.parse(text, "yahoo")


def test_each_series_comes_as_late_as_its_rule_says(store: PriceStore, stock: PriceHistory) -> None:
    (joined,) = attach_context(store, [stock], ["^GSPC", "^N225", "fred:CPI@45d"])
    assert joined.context is not None
    assert [(o.symbol, o.lag, o.unit) for o in joined.context.origins] == [
        ("^GSPC", 0, "sessions"),
        ("^N225", 1, "sessions"),  # another time zone
        ("CPI", 45, "days"),
    ]
    assert joined.sha256 == stock.sha256
    (late,) = attach_context(store, [stock], ["^GSPC@3"])
    assert late.context is not None
    assert late.context.origins[0].lag == 3
    with pytest.raises(ConfigError, match="a series that is named twice"):
        attach_context(store, [stock], ["^GSPC", "^N225", "^GSPC@3"])


def test_no_entries_leave_the_histories_alone(store: PriceStore, stock: PriceHistory) -> None:
    assert attach_context(store, [stock], []) == [stock]


def test_what_was_known_on_a_day(stock: PriceHistory) -> None:
    sessions = pd.DatetimeIndex(stock.bars.index)
    american, japanese = series(), series("^N225", TOKYO, "XTKS", seed=10)
    same_day = known_at_close(american, sessions, 0, "sessions")
    np.testing.assert_array_equal(same_day, american.bars["close"].loc[sessions])
    late = known_at_close(american, sessions, 1, "sessions")
    np.testing.assert_array_equal(late.iloc[1:], same_day.iloc[:-1])
    assert np.isnan(late.iloc[0])
    # Tokyo is closed on 2024-04-29, New York is not: the Friday before is what was known
    tokyo = known_at_close(japanese, sessions, 0, "sessions")
    assert tokyo.loc["2024-04-29"] == japanese.bars["close"].loc["2024-04-26"]


def test_a_level_counts_from_the_day_it_was_published(stock: PriceHistory) -> None:
    sessions = pd.DatetimeIndex(stock.bars.index)
    levels = monthly()
    known = known_at_close(levels, sessions, 45, "days")
    january = levels.bars["close"].loc["2024-01-01"]
    december = levels.bars["close"].loc["2023-12-01"]
    assert known.loc["2024-02-14"] == december
    assert known.loc["2024-02-15"] == january  # 45 days after 1 January
    assert known.loc["2024-03-15"] == january


UNITS: tuple[Unit, ...] = ("sessions", "days")


@settings(max_examples=40)
@given(lag=st.integers(0, 5), cut=st.integers(250, 399), unit=st.sampled_from(UNITS))
def test_the_future_of_a_series_changes_nothing_before(lag: int, cut: int, unit: Unit) -> None:
    sessions, other = SESSIONS, SERIES
    day = other.bars.index[cut]
    bars = other.bars.copy()
    bars.loc[day:, ["close", "adj_close"]] *= 3.0
    changed = replace(other, bars=bars)
    before = known_at_close(other, sessions, lag, unit)
    after = known_at_close(changed, sessions, lag, unit)
    same = sessions < day
    pd.testing.assert_series_equal(before[same], after[same])
    later = sessions >= day + pd.Timedelta(days=15)
    assert (before[later] != after[later]).all()


def test_features_of_the_context(store: PriceStore, stock: PriceHistory) -> None:
    entries = ["^GSPC", "^N225", "fred:CPI@45d"]
    (joined,) = attach_context(store, [stock], entries)
    plain, rich = build_features(stock, GROUPS), build_features(joined, GROUPS)
    added = [name for name in rich.table if name not in plain.table]
    assert added == [
        f"{name}_{what}"
        for name in ("^GSPC", "^N225", "CPI")
        for what in ("change_1", "change_22", "level")
    ]
    pd.testing.assert_frame_equal(
        rich.table[list(plain.table)], plain.table.loc[rich.table.index], check_freq=False
    )
    assert rich.table.abs().to_numpy().max() <= 8.0
    moves = rich.table["^GSPC_change_1"]
    assert 0.8 < moves.std() < 1.2  # in units of its own volatility


def test_features_of_the_context_are_causal(store: PriceStore, stock: PriceHistory) -> None:
    entries = ["^GSPC", "^N225", "fred:CPI@45d"]
    (joined,) = attach_context(store, [stock], entries)
    assert joined.context is not None
    day = stock.bars.index[200]
    values = joined.context.values.copy()
    values.loc[day:] *= -2.0 if (values < 0).any().all() else 1.5
    context = replace(joined.context, values=values)
    whole = build_features(joined, GROUPS).table
    changed = build_features(replace(joined, context=context), GROUPS).table
    before = whole.index < day
    pd.testing.assert_frame_equal(whole[before], changed[before])
    assert not np.allclose(whole[~before], changed[~before])
    short = build_features(replace(joined, bars=joined.bars.iloc[:250]), GROUPS).table
    pd.testing.assert_frame_equal(short, whole.iloc[: len(short)])


def test_cutting_a_history_cuts_its_context(store: PriceStore, stock: PriceHistory) -> None:
    (joined,) = attach_context(store, [stock], ["^GSPC"])
    part = joined.between("2024-01-02", "2024-03-28")
    assert part.context is not None
    assert list(part.context.values.index) == list(part.bars.index)
    assert stock.between("2024-01-02", None).context is None


def test_a_series_that_ends_too_early_is_said(store: PriceStore, stock: PriceHistory) -> None:
    old = series().between(None, "2024-05-31")
    store.save(old)
    with pytest.raises(
        DataError, match=r"\^GSPC from csv has nothing between 2024-05-31"
    ) as caught:
        attach_context(store, [stock], ["^GSPC"])
    assert caught.value.hint == "fetch it again: `lstmcast fetch csv:^GSPC`"
    store.save(replace(monthly(), bars=monthly().bars.iloc[:-6]))
    with pytest.raises(DataError, match="CPI from fred has nothing between 2023-12-01"):
        attach_context(store, [stock], ["fred:CPI@45d"])


def test_a_series_that_begins_too_late_is_said(store: PriceStore, stock: PriceHistory) -> None:
    store.save(series().between("2023-09-01", None))
    (joined,) = attach_context(store, [stock], ["^GSPC"])
    with pytest.raises(DataError, match=r"\^GSPC is known from 2023-09-01, and AAPL begins"):
        build_features(joined, GROUPS)


def test_what_is_not_stored_or_lacks_its_lag_is_said(
    store: PriceStore, stock: PriceHistory
) -> None:
    with pytest.raises(StoreError, match=r"\^VIX from csv has not been fetched yet"):
        attach_context(store, [stock], ["^VIX"])
    with pytest.raises(StoreError, match="DGS10 from fred has not been fetched yet") as caught:
        attach_context(store, [stock], ["fred:DGS10@1d"])
    assert caught.value.hint == "`lstmcast fetch DGS10 --source fred`"
    store.save(replace(monthly(), source="csv"))
    with pytest.raises(ConfigError, match="a level without the days until it is published"):
        attach_context(store, [stock], ["CPI@2"])


def test_an_experiment_gets_its_context(store: PriceStore, stock: PriceHistory) -> None:
    store.save(stock)
    data = Data(symbols=("AAPL",), start=date(2023, 9, 1), context=("^GSPC", "fred:CPI@45d"))
    (history,) = select_histories(store, data)
    assert history.context is not None
    assert list(history.context.values) == ["^GSPC", "CPI"]
    assert list(history.context.values.index) == list(history.bars.index)
    assert not history.context.values.isna().any().any()  # what came before `start` counts


@pytest.mark.slow
def test_a_run_is_trained_and_evaluated_with_its_context(program: Any, tmp_path: Path) -> None:
    assert program.run("fetch", "AAPL", "MSFT", "--source", "sample").exit_code == 0
    config = tmp_path / "context.yaml"
    config.write_text(
        "name: context\n"
        "data: {symbols: [AAPL], source: sample, start: 2010-01-04, context: [MSFT]}\n"
        "model: {members: 1, hidden_size: 4}\n"
        "training: {epochs: 1, lookback: 40}\n"
    )
    runs = tmp_path / "runs"
    ran = program.run("train", "--config", str(config), "--runs-dir", str(runs))
    assert ran.exit_code == 0, ran.stderr
    (run,) = runs.iterdir()
    record = json.loads((run / "run.json").read_text())
    msft = program.store.load("MSFT", "sample").sha256
    assert [(o["symbol"], o["lag"], o["sha256"]) for o in record["context"]["AAPL"]] == [
        ("MSFT", 0, msft)
    ]
    program.store.remove("MSFT", "sample")
    ran = program.run("forecast", "--runs-dir", str(runs), "--json")
    assert ran.exit_code == 7
    assert "MSFT from sample has not been fetched yet" in ran.stderr


def test_one_rule_says_how_late_a_series_of_a_file_is(store: PriceStore) -> None:
    """Without a zone the ticker tells: the same rule as for the columns that a pool shares."""
    store.save(series("^GSPC", timezone=None))
    store.save(series("^N225", timezone=None, calendar="XTKS", seed=10))
    stock = PriceHistory.from_frame(make_frame(300), symbol="7203.T", source="csv")
    (joined,) = attach_context(store, [stock], ["^GSPC", "^N225"])
    assert joined.context is not None
    assert [origin.lag for origin in joined.context.origins] == [1, 0]
