"""Refits, the cache of fits, and baselines that are left out."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.elsewhere import Elsewhere
from support.simulated import bars_from_returns, constant_t, garch_returns, predict

from lstmcast.baselines import (
    BaselineInputs,
    FitCache,
    Refit,
    baseline_tables,
    garch,
    get_baseline,
)
from lstmcast.baselines.refit import refit_periods
from lstmcast.baselines.table import inputs_for
from lstmcast.parallel import MIN_SYMBOLS_FOR_PROCESSES, using

ROWS, FIRST = 900, 600


def world(symbols: int = 1) -> dict[str, pd.DataFrame]:
    return {f"S{k}": bars_from_returns(garch_returns(k, ROWS)[0]) for k in range(symbols)}


def predictions(bars: dict[str, pd.DataFrame], horizons: int = 1) -> pd.DataFrame:
    return predict(bars, FIRST, dict.fromkeys(bars, constant_t(ROWS - FIRST, horizons)))


@pytest.mark.parametrize(
    ("refit", "letter"), [("yearly", "Y"), ("quarterly", "Q"), ("monthly", "M")]
)
def test_refits_begin_where_the_next_session_lies_in_a_new_period(
    refit: Refit, letter: str
) -> None:
    bars = world()["S0"]
    inputs = inputs_for(predictions({"S0": bars}), bars)
    periods = refit_periods(inputs, refit)
    sessions = pd.DatetimeIndex(bars.index)
    asked = sessions[inputs.origins[0] + 1 : inputs.origins[-1] + 2].to_period(letter)
    assert len(periods) == asked.nunique()
    assert np.array_equal(np.concatenate([p.origins for p in periods]), inputs.origins)
    assert periods[0].fit_rows == inputs.fit_rows
    for before, period in pairwise(periods):
        first = int(period.origins[0])
        here, following = sessions[first : first + 2].to_period(letter)
        assert following == here + 1
        assert period.fit_rows == first + 1
        assert before.origins[-1] == first - 1
    assert refit_periods(inputs, "never") == [inputs]


def test_refits_use_what_the_year_before_taught() -> None:
    bars = world()
    table = predictions(bars)
    ewma = [get_baseline("ewma")]
    once, _ = baseline_tables(ewma, table, bars)
    yearly, _ = baseline_tables(ewma, table, bars, refit="yearly")
    years = table["date"].dt.year
    first = (years == years.iloc[0]).to_numpy()
    a, b = once["ewma"].table["q05"].to_numpy(), yearly["ewma"].table["q05"].to_numpy()
    np.testing.assert_array_equal(a[first], b[first])
    assert not np.any(a[~first] == b[~first])


def test_where_a_baseline_cannot_forecast_a_symbol_ewma_stands_in() -> None:
    bars = world(2)
    bars["S1"] = bars["S1"].assign(low=np.nan)
    names = [get_baseline(name) for name in ("ewma", "har_range", "ridge")]
    results, notes = baseline_tables(names, predictions(bars), bars)
    assert [note.split(": ", 1) for note in notes] == [
        [
            "HAR on log range, t",
            (
                "replaced by EWMA(0.94)-t for 1 of 2 symbols "
                "(S1 has no high and low for every session)"
            ),
        ],
        ["ridge on features is left out", "S0 has no features here"],
    ]
    assert list(results) == ["ewma", "har_range"]
    ewma, har = (results[name].table for name in results)
    same = (ewma["q05"] == har["q05"]).groupby(ewma["symbol"]).mean()
    assert same.to_dict() == {"S0": 0.0, "S1": 1.0}


def test_a_symbol_listed_lately_takes_no_standard_from_the_others() -> None:
    bars = world(2)
    table = predictions(bars)
    bars["S1"] = bars["S1"].iloc[500:]
    results, notes = baseline_tables([get_baseline("garch")], table, bars)
    (note,) = notes
    assert note.startswith("GARCH(1,1)-t: replaced by EWMA(0.94)-t for 1 of 2 symbols (S1 has 100 ")
    assert results["garch"].table["q50"].notna().all()


def test_features_are_joined_by_date() -> None:
    bars = world()
    frame = bars["S0"]
    slow = frame["close"].pct_change().rolling(20).mean().dropna().to_frame()
    results, left_out = baseline_tables(
        [get_baseline("ridge")], predictions(bars), bars, features={"S0": slow}
    )
    assert left_out == ()
    assert results["ridge"].table["q50"].notna().all()


def test_fits_are_recalled_for_the_same_data_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars, cache = world(), FitCache(tmp_path / "fits")
    table, chosen = predictions(bars), [get_baseline("garch")]
    fresh, _ = baseline_tables(chosen, table, bars)
    first, _ = baseline_tables(chosen, table, bars, cache=cache)
    kept = list((tmp_path / "fits").iterdir())
    assert len(kept) == 1

    fits: list[int] = []

    def counted(returns: np.ndarray, *, asymmetric: bool) -> None:
        fits.append(len(returns))

    monkeypatch.setattr(garch, "fit_garch", counted)
    again, _ = baseline_tables(chosen, table, bars, cache=cache)
    assert fits == []
    for part in (first, again):
        pd.testing.assert_frame_equal(part["garch"].table, fresh["garch"].table)

    longer = predictions(bars).query("origin > origin.min()")
    baseline_tables(chosen, longer, bars, cache=cache)
    assert fits == [FIRST + 1]


def test_a_failed_fit_is_kept_and_a_damaged_file_is_fitted_again(tmp_path: Path) -> None:
    cache, data = FitCache(tmp_path), np.arange(5.0)
    assert cache.recall("a", data, lambda: None) is None
    assert cache.recall("a", data, lambda: {"x": 1.0}) is None
    assert cache.recall("b", data, lambda: {"x": 2.0}) == {"x": 2.0}
    for path in tmp_path.iterdir():
        path.write_text("{broken")
    assert cache.recall("b", data, lambda: {"x": 3.0}) == {"x": 3.0}
    assert cache.recall("b", data, lambda: {"x": 4.0}) == {"x": 3.0}


def test_a_fit_with_another_digit_is_fitted_anew(tmp_path: Path) -> None:
    cache, data = FitCache(tmp_path), np.arange(5.0)
    assert cache.recall("a", data, lambda: {"x": 1.25}) == {"x": 1.25}
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text().replace("1.25", "1.75"))
    assert cache.recall("a", data, lambda: {"x": 2.0}) == {"x": 2.0}
    path.write_text('{"x": 1.5}')  # of an earlier version, which kept no hash
    assert cache.recall("a", data, lambda: {"x": 3.0}) == {"x": 3.0}


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = FitCache(blocked / "fits")
    assert cache.recall("a", np.zeros(2), lambda: {"x": 1.0}) == {"x": 1.0}


def test_workers_give_the_same_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = world(MIN_SYMBOLS_FOR_PROCESSES)
    table = predictions(bars)
    chosen = [get_baseline(name) for name in ("random_walk", "ewma")]
    serial, _ = baseline_tables(chosen, table, bars, jobs=1)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        parallel, _ = baseline_tables(chosen, table, bars, jobs=2)
    assert len(backend.items) >= MIN_SYMBOLS_FOR_PROCESSES
    for name in serial:
        pd.testing.assert_frame_equal(serial[name].table, parallel[name].table)


def test_inputs_hold_no_row_after_the_fit() -> None:
    bars = world()["S0"]
    inputs = inputs_for(predictions({"S0": bars}, horizons=3), bars)
    targets = BaselineInputs("S0", bars, 50, np.array([60]), 3).cumulative_returns()
    assert inputs.fit_rows == FIRST + 1
    assert targets.shape == (50, 3)
    assert np.isnan(targets[[49, 48, 47], [0, 1, 2]]).all()
    assert np.isfinite(targets[46]).all()
