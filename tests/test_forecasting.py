"""From a trained run and bars to dated ranges: against the run's own test forecasts."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.elsewhere import Elsewhere
from support.experiments import LAST, LINEAR, PRICE, small, train, trained
from support.histories import cut_after, simulated

from lstmcast.errors import RunError, UsageError
from lstmcast.features import GROUPS, Bars
from lstmcast.features.registry import FeatureGroup
from lstmcast.forecasting import forecast_ahead
from lstmcast.forecasting.issue import issue_by_pretrained
from lstmcast.forecasting.request import ForecastRequest
from lstmcast.parallel import using
from lstmcast.predictions import LEVELS, QUANTILES
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

HISTORY = simulated()


@pytest.mark.parametrize("overrides", [(), LINEAR, LAST], ids=["every", "linear", "last"])
def test_the_forecast_of_a_test_session_is_the_one_in_the_run(overrides: tuple[str, ...]) -> None:
    run = trained(*overrides)
    origin = HISTORY.bars.index[-20]
    (ahead,) = forecast_ahead(run.forecaster, [cut_after(HISTORY, origin)])
    rows = run.predictions[run.predictions["origin"] == origin].sort_values("horizon")
    assert ahead.origin == origin
    assert ahead.close == HISTORY.bars["adj_close"].iloc[-20]
    assert ahead.currency == "USD"
    expected = ahead.close * np.exp(rows[list(QUANTILES)].to_numpy())
    np.testing.assert_allclose(ahead.table[list(QUANTILES)], expected, rtol=1e-6)
    np.testing.assert_allclose(ahead.table["mean_return"], rows["mean"], atol=1e-7)
    np.testing.assert_array_equal(ahead.table["horizon"], rows["horizon"])


def test_ranges_are_in_order_and_start_at_the_last_close() -> None:
    (ahead,) = forecast_ahead(trained().forecaster, [HISTORY])
    prices = ahead.table[list(QUANTILES)].to_numpy()
    assert (np.diff(prices, axis=1) > 0).all()
    width = prices[:, -1] - prices[:, 0]
    assert (np.diff(width) > 0).all()
    assert (prices[:, 0] < ahead.close).all()
    assert (ahead.close < prices[:, -1]).all()
    np.testing.assert_array_equal(ahead.table["median"], ahead.table["q50"])


def test_the_chance_of_a_higher_close_agrees_with_the_quantiles() -> None:
    (ahead,) = forecast_ahead(trained().forecaster, [HISTORY])
    for _, row in ahead.table.iterrows():
        returns = np.log(row[list(QUANTILES)].to_numpy(dtype=float) / ahead.close)
        below = np.interp(0.0, returns, LEVELS)
        assert row["chance_up"] == pytest.approx(1 - below, abs=0.01)


def test_dates_are_the_next_sessions_and_say_when_they_are_assumed() -> None:
    (ahead,) = forecast_ahead(trained().forecaster, [HISTORY])
    assert list(ahead.table["date"]) == list(
        pd.bdate_range(HISTORY.last + pd.Timedelta(days=1), periods=3)
    )
    assert ahead.table["assumed"].dtype == bool


def test_a_shorter_horizon_is_the_beginning_of_the_longer() -> None:
    (whole,) = forecast_ahead(trained().forecaster, [HISTORY])
    (short,) = forecast_ahead(trained().forecaster, [HISTORY], horizon=2)
    pd.testing.assert_frame_equal(short.table, whole.table.iloc[:2])


def test_a_longer_horizon_than_trained_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`--horizon` 4 is longer than the 3 sessions") as caught:
        forecast_ahead(trained().forecaster, [HISTORY], horizon=4)
    assert "target.horizon=4" in str(caught.value.hint)


def test_a_point_forecast_states_a_median_and_no_ranges() -> None:
    (ahead,) = forecast_ahead(trained(*PRICE).forecaster, [HISTORY])
    assert len(ahead.table) == 1
    assert np.isfinite(ahead.table[["median", "mean_return", "q50"]].to_numpy()).all()
    assert ahead.table[["q025", "q975", "chance_up"]].isna().all(axis=None)


def test_several_symbols_are_forecast_as_if_alone() -> None:
    """But for adaptive calibration and pooled features, which learn from all of them."""
    histories = [HISTORY, simulated(2, symbol="BBB", price=900.0)]
    alone_too = ("features=[returns, range]", "calibration.kind=none")
    run = train(small("data.symbols=[AAA, BBB]", *alone_too), *histories)
    both = forecast_ahead(run.forecaster, histories)
    assert [ahead.symbol for ahead in both] == ["AAA", "BBB"]
    for ahead, history in zip(both, histories, strict=True):
        (alone,) = forecast_ahead(run.forecaster, [history])
        pd.testing.assert_frame_equal(ahead.table, alone.table)


def test_a_chosen_symbol_is_forecast_beside_the_others() -> None:
    histories = [HISTORY, simulated(2, symbol="BBB", price=900.0)]
    run = train(small("data.symbols=[AAA, BBB]"), *histories)
    both = forecast_ahead(run.forecaster, histories)
    (chosen,) = forecast_ahead(run.forecaster, histories, symbols=["BBB"])
    assert chosen.symbol == "BBB"
    pd.testing.assert_frame_equal(chosen.table, both[1].table)
    (alone,) = forecast_ahead(run.forecaster, histories[1:])
    assert not chosen.table[["q025"]].equals(alone.table[["q025"]])  # the pool is another


def test_a_run_of_other_features_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that adds a column to a group must not feed it to networks that never saw it."""
    run = trained()
    old = GROUPS["volume"]

    def with_moon(bars: Bars) -> pd.DataFrame:
        return pd.DataFrame(old.compute(bars)).assign(moon=0.0)

    wider = FeatureGroup("volume", old.needs, with_moon)
    monkeypatch.setitem(GROUPS, "volume", wider)
    with pytest.raises(RunError, match=r"feature columns .* which its `features` no longer have"):
        forecast_ahead(run.forecaster, [HISTORY])


def test_workers_forecast_each_symbol_as_this_process_does_and_a_short_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstmcast.forecasting.by_pretrained.recall_forecasts", lambda _: None)
    store = PriceStore(tmp_path)
    names = ("ONE", "SHORT", "TWO")
    for seed, (name, rows) in enumerate(zip(names, (300, 40, 280), strict=True)):
        store.save(simulated(seed=seed, rows=rows, symbol=name))
    wanted = [Reference.parse(name, "csv") for name in names]
    request = ForecastRequest(date(2003, 1, 2), horizon=2)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        there = issue_by_pretrained(wanted, store, request)
    here = issue_by_pretrained(wanted, store, request)
    assert [item[0].symbol for item in backend.items] == ["TWO", "SHORT", "ONE"]
    assert there.to_dict() == here.to_dict()
    assert [failure.symbol for failure in there.failures] == ["SHORT"]
