"""Grading: what counts, by which return, and that it is the backtest's own scores."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.bars import make_frame
from support.histories import simulated
from support.ledgers import evening, issue_daily, mixture, row_of, told
from support.unlike import coin, new_york, tokyo

from lstmcast.baselines import BASELINES, BaselineInputs
from lstmcast.baselines.table import tabulate_forecast
from lstmcast.errors import LedgerError
from lstmcast.evaluation.scores import row_losses, score_table
from lstmcast.ledger import MODEL, Ledger, StoredBars, grade, record, track
from lstmcast.ledger.grading import COUNTED, LATE, LOST, REPEATED, STATES, WAITING
from lstmcast.ledger.recording import baseline_forecasts
from lstmcast.ledger.scoring import names_of
from lstmcast.predictions import COLUMNS, Actuals, tabulate
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore

DAYS, HORIZONS, FIRST = 6, 3, 380


@pytest.fixture
def store(tmp_path: Path) -> PriceStore:
    return PriceStore(tmp_path / "data")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def graded(path: Path, store: PriceStore, forecaster: str = MODEL) -> pd.DataFrame:
    table = grade(Ledger(path).entries(), StoredBars(store))
    return table[table["forecaster"] == forecaster].reset_index(drop=True)


def expected_table(history: PriceHistory, sessions: np.ndarray, forecast: object) -> pd.DataFrame:
    """The prediction table of a backtest over the same forecasts."""
    closes = history.adjusted()["close"].to_numpy(dtype=np.float64)
    return tabulate(Actuals(history.symbol, history.dates, closes), sessions, forecast)  # type: ignore[arg-type] # a distribution


def test_forecasts_issued_day_by_day_are_graded_as_the_backtest_does(
    path: Path, store: PriceStore
) -> None:
    """Unlike symbols, their bars known up to each day only when it is issued."""
    tables = []
    for number, history in enumerate((new_york(), tokyo(rows=420), coin(rows=420))):
        store.save(history)
        sessions = np.arange(len(history) - DAYS - HORIZONS, len(history) - HORIZONS)
        forecast = mixture(DAYS, HORIZONS, seed=number)
        issue_daily(path, store, history, sessions.tolist(), forecast)
        tables.append(expected_table(history, sessions, forecast))
    expected = pd.concat(tables, ignore_index=True)
    found = graded(path, store)
    assert set(found["state"]) == {COUNTED}
    keys = ["symbol", "origin", "horizon"]
    pd.testing.assert_frame_equal(
        found[list(COLUMNS)].sort_values(keys, ignore_index=True),
        expected.sort_values(keys, ignore_index=True),
        check_dtype=False,
        rtol=0,
        atol=1e-12,
    )
    overall, by_symbol = score_table(expected)
    tracked = track(grade(Ledger(path).entries(), StoredBars(store)))
    for horizon in range(1, HORIZONS + 1):
        pairs = [(tracked.overall[horizon][MODEL], overall[horizon])]
        pairs += [(tracked.symbols[name][horizon][MODEL], by_symbol[name][horizon])
                  for name in by_symbol]  # fmt: skip
        for line, scores in pairs:
            wanted = {name: getattr(scores, name) for name in line}
            assert line == pytest.approx(wanted, rel=0, abs=1e-9)


def test_baselines_are_those_of_the_evaluation_on_the_same_bars(
    path: Path, store: PriceStore
) -> None:
    history = simulated(2)
    store.save(history)
    sessions = [FIRST, FIRST + 1]
    issue_daily(path, store, history, sessions, mixture(2, HORIZONS))
    for name in ("random_walk", "ewma", "har_range"):
        parts = []
        for session in sessions:
            # Fitted on the bars up to the origin, and graded by those that came.
            inputs = BaselineInputs(
                "AAA", history.adjusted(), session + 1, np.array([session], dtype=np.intp), HORIZONS
            )
            parts.append(tabulate_forecast(inputs, BASELINES[name].forecast(inputs).distribution))
        expected, found = row_losses(pd.concat(parts)), row_losses(graded(path, store, name))
        np.testing.assert_allclose(found["crps"], expected["crps"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found["log_score"], expected["log_score"], rtol=0, atol=1e-12)


def test_baselines_that_cannot_forecast_a_symbol_are_left_out() -> None:
    closes = simulated(1, 100).bars[["close"]]
    bare = PriceHistory.from_frame(closes, symbol="BARE", source="csv")
    assert set(baseline_forecasts(bare, 2)) == {"random_walk", "ewma", "har_abs"}
    short = bare.between(None, bare.bars.index[45])
    assert set(baseline_forecasts(short, 2)) == {"random_walk", "ewma"}
    assert set(baseline_forecasts(simulated(1, 100), 2)) == {"random_walk", "ewma", "har_range"}


def split_later(
    history: PriceHistory, session: int, ratio: float, dividend: float, *, rebased: bool
) -> PriceHistory:
    """The same market as it is told after a split and a dividend on a session.

    Shares are traded at a part of their price from then on. Sources divide the earlier closes too,
    or leave them as they were traded; the adjusted ones are on one scale in any case.
    """
    bars = history.bars.copy()
    before = np.arange(len(bars)) < session
    prices = ["open", "high", "low", "close"]
    bars.loc[np.ones(len(bars), dtype=bool) if rebased else ~before, prices] /= ratio
    bars["adj_close"] /= ratio
    bars.loc[before, "adj_close"] *= 1 - dividend
    bars.loc[bars.index[session], "splits"] = ratio
    return replace(history, bars=bars)


@pytest.mark.parametrize("rebased", [True, False])
def test_a_split_and_a_dividend_change_the_level_and_not_the_grade(
    path: Path, store: PriceStore, *, rebased: bool
) -> None:
    history = simulated(3)
    store.save(history)
    issue_daily(path, store, history, [FIRST], mixture(1, HORIZONS))
    plain = graded(path, store)
    store.save(split_later(history, FIRST + 2, 4.0, 0.01, rebased=rebased))
    found = graded(path, store)
    # The dividend is a part of the holder's return: the adjusted one is higher by it.
    paid = np.array([0.0, 1.0, 1.0]) * -np.log(0.99)
    np.testing.assert_allclose(
        found["return_actual"], plain["return_actual"] + paid, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(found["close_origin"], plain["close_origin"] / 4 * 0.99, rtol=1e-12)
    assert Ledger(path).entries()[0].issued.close_origin == plain["close_origin"][0]
    store.save(split_later(history, FIRST + 2, 4.0, 0.0, rebased=rebased))
    again = graded(path, store)
    for name in ("return_actual", "log_density", "q10"):
        np.testing.assert_allclose(again[name], plain[name], rtol=0, atol=1e-9)


def test_the_first_forecast_of_a_session_counts(path: Path, store: PriceStore) -> None:
    history = simulated(1)
    store.save(history)
    forecast = mixture(2, HORIZONS)
    moment = evening(history.bars.index[FIRST])
    for k, horizons in enumerate((1, HORIZONS)):
        shorter = row_of(forecast, k)
        each = told(history, FIRST, shorter)
        short = replace(each.ahead, table=each.ahead.table.iloc[:horizons])
        record(path, [replace(each, ahead=short)], store, issued_at=moment + timedelta(minutes=k))
    found = graded(path, store)
    assert found[["entry", "horizon", "state"]].to_numpy().tolist() == [
        [1, 1, COUNTED], [2, 1, REPEATED], [2, 2, COUNTED], [2, 3, COUNTED],
    ]  # fmt: skip
    # Of another source it is another forecast; told apart by name.
    other = replace(history, source="yahoo")
    store.save(other)
    issue_daily(path, store, other, [FIRST], forecast)
    found = graded(path, store)
    assert found[found["entry"] == 3]["state"].tolist() == [COUNTED] * HORIZONS
    assert set(names_of(found)) == {"csv:AAA", "yahoo:AAA"}


def test_a_forecast_of_a_session_that_is_over_does_not_count(path: Path, store: PriceStore) -> None:
    """New York closes at 20:00 UTC in summer, and at 17:00 on the day before the fourth of July."""
    history = replace(
        PriceHistory.from_frame(make_frame(120, last="2024-07-08"), symbol="NYC", source="csv"),
        timezone="America/New_York",
    )
    store.save(history)
    for target, over in (("2024-07-02", 20.0), ("2024-07-03", 17.0)):
        row = list(history.dates).index(pd.Timestamp(target)) - 1
        each = told(history, row, mixture(1, 2))
        for hours in (over + 0.1, over - 0.1):
            record(path, [each], store, issued_at=evening(pd.Timestamp(target), hours))
    record(path, [each], store, issued_at=evening(pd.Timestamp(target), 48), replayed=True)
    found = graded(path, store)
    # The next session is over, the one after it is not.
    assert found["state"].tolist() == [LATE, COUNTED, COUNTED, REPEATED] * 2 + [COUNTED, COUNTED]
    # What was made for an earlier date is told apart, and repeats nothing that was issued.
    assert found["replayed"].tolist() == [False] * 8 + [True] * 2


def test_what_has_not_come_waits_and_what_is_gone_is_lost(path: Path, store: PriceStore) -> None:
    history = simulated(1)
    store.save(history)
    issue_daily(path, store, history, [len(history) - 2], mixture(1, HORIZONS))
    found = graded(path, store)
    assert found["state"].tolist() == [COUNTED, WAITING, WAITING]
    assert found["date"].is_monotonic_increasing
    assert found["log_density"].notna().tolist() == [True, False, False]
    # The store is behind the ledger; a revision drops the origin; the file is gone.
    store.save(history.between(None, history.bars.index[-3]))
    assert set(graded(path, store)["state"]) == {WAITING}
    store.save(replace(history, bars=history.bars.drop(history.bars.index[-2])))
    assert set(graded(path, store)["state"]) == {LOST}
    store.remove("AAA", "csv")
    bars = StoredBars(store)
    found = grade(Ledger(path).entries(), bars)
    assert set(found["state"]) == {LOST}
    assert len(bars.problems) == 1
    assert "AAA from csv has not been fetched yet" in bars.problems[0]
    assert track(found).to_dict() == {
        "rows": {**dict.fromkeys(STATES, 0), LOST: HORIZONS},
        "overall": {}, "symbols": {}, "months": {},
    }  # fmt: skip


def test_an_empty_selection_is_graded_to_nothing() -> None:
    found = grade([], StoredBars(PriceStore(Path("nowhere"))))
    assert found.empty
    assert set(track(found).states.values()) == {0}


def test_months_and_gains_are_those_of_their_rows(path: Path, store: PriceStore) -> None:
    history = simulated(4)
    store.save(history)
    issue_daily(path, store, history, list(range(FIRST - 9, FIRST + 3)), mixture(12, 1, width=3.0))
    table = grade(Ledger(path).entries(), StoredBars(store))
    tracked = track(table)
    months = table["date"].dt.strftime("%Y-%m")
    assert set(tracked.months) == set(months)
    for month, lines in tracked.months.items():
        mine = {
            name: row_losses(table[(months == month) & (table["forecaster"] == name)])
            for name in (MODEL, "ewma", "har_range")
        }
        assert lines[1][MODEL]["rows"] == len(mine[MODEL])
        assert lines[1][MODEL]["crps"] == pytest.approx(mine[MODEL]["crps"].mean())
        for rival, name in (("ewma", "ewma"), ("har", "har_range")):
            less = mine[name]["crps"].mean() - mine[MODEL]["crps"].mean()
            assert lines[1][rival]["crps_gain"] == pytest.approx(less)
    # Ranges three times too wide.
    overall = tracked.overall[1]
    assert (overall[MODEL]["coverage_80"] or 0) > 0.9
    assert (overall["ewma"]["crps_gain"] or 0) < 0


def test_gains_are_taken_on_the_rows_that_both_forecast(path: Path, store: PriceStore) -> None:
    """HAR cannot forecast the first sessions of a short history."""
    history = simulated(5, 90)
    store.save(history)
    issue_daily(path, store, history, list(range(47, 57)), mixture(10, 1))
    table = grade(Ledger(path).entries(), StoredBars(store))
    lines = track(table).overall[1]
    har = row_losses(table[table["forecaster"] == "har_range"])
    assert 0 < len(har) < 10 == lines[MODEL]["rows"]
    both = table[(table["forecaster"] == MODEL) & table["origin"].isin(har["origin"])]
    gain = har["log_score"].mean() - row_losses(both)["log_score"].mean()
    assert lines["har"]["log_score_gain"] == pytest.approx(gain)


def test_a_clock_before_the_newest_bar_issues_nothing(tmp_path: Path, store: PriceStore) -> None:
    """By such a clock a forecast that is late would count as issued in time."""
    history = simulated(1)
    store.save(history)
    each = told(history, -1, mixture(1, 2))
    first = history.bars.index[-1].tz_localize("UTC") - pd.Timedelta(hours=14)
    path = tmp_path / "late.sqlite"
    with pytest.raises(LedgerError, match=r"clock shows .*, before .*, the day of the"):
        record(path, [each], store, issued_at=(first - pd.Timedelta(seconds=1)).to_pydatetime())
    assert not path.exists()
    assert record(path, [each], store, issued_at=first.to_pydatetime())


def test_a_forecast_of_a_later_version_is_told(path: Path, store: PriceStore) -> None:
    history = simulated(1)
    store.save(history)
    (entry,) = issue_daily(path, store, history, [FIRST], mixture(1, 1))
    unknown = replace(entry.issued.statements[0], distribution='{"kind":"copula"}')
    issued = replace(entry.issued, statements=(unknown,), program="9.0")
    with pytest.raises(
        LedgerError, match="entry 1 of the ledger holds a kind of forecast"
    ) as later:
        grade([replace(entry, issued=issued)], StoredBars(store))
    assert later.value.hint == "it was issued by version 9.0: upgrade lstmcast"
