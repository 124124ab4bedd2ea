"""HAR under the networks' calibration: pooled over symbols, causal, and wide enough."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.elsewhere import Elsewhere
from support.simulated import bars_from_returns, constant_t, garch_returns, predict

from lstmcast import parallel
from lstmcast.baselines import FitCache, baseline_members, baseline_tables, get_baseline
from lstmcast.baselines.base import PerSymbolForecast, Refit
from lstmcast.baselines.calibrated import CALIBRATION_SESSIONS, CalibratedHar
from lstmcast.baselines.har import HarRange
from lstmcast.baselines.table import inputs_for
from lstmcast.calibration import CalibrationSeries, calibrate
from lstmcast.errors import ConfigError
from lstmcast.parallel import using

ROWS, FIRST = 1800, 1300


def world(symbols: int = 2, wilder: float = 1.0) -> dict[str, pd.DataFrame]:
    """GARCH symbols whose returns are multiplied after the first forecast, their ranges not."""
    bars = {}
    for k in range(symbols):
        returns = garch_returns(k, ROWS)[0]
        frame = bars_from_returns(returns)
        changed = bars_from_returns(np.where(np.arange(ROWS) < FIRST, 1.0, wilder) * returns)
        spread = np.log(frame[["high", "low"]].div(frame["close"], axis="index"))
        frame = changed.assign(
            high=changed["close"] * np.exp(spread["high"]),
            low=changed["close"] * np.exp(spread["low"]),
        )
        bars[f"S{k}"] = frame
    return bars


def rows(bars: dict[str, pd.DataFrame], horizons: int = 2) -> pd.DataFrame:
    return predict(bars, FIRST, dict.fromkeys(bars, constant_t(ROWS + 1 - FIRST - 1, horizons)))


def held(table: pd.DataFrame, low: str = "q10", high: str = "q90") -> float:
    near = table[table["horizon"] == 1]
    return float(near["return_actual"].between(near[low], near[high]).mean())


def test_it_is_har_calibrated_over_all_symbols_written_out() -> None:
    bars = world()
    table = rows(bars)
    found, notes = baseline_tables([get_baseline("har_calibrated")], table, bars)
    assert notes == ()
    raws: dict[str, PerSymbolForecast] = {}
    for name, frame in bars.items():
        given = inputs_for(table[table["symbol"] == name], frame)
        raws[name] = CalibratedHar().prepare(given, "never")
        assert raws[name].first == FIRST + 1 - CALIBRATION_SESSIONS - 1
    series = [
        CalibrationSeries(
            name, pd.DatetimeIndex(frame.index), frame["close"].to_numpy(), raws[name].first
        )
        for name, frame in bars.items()
    ]
    expected = calibrate(
        lambda wanted: {name: raws[name].at(part) for name, part in wanted.items()},
        series,
        {name: raw.inputs.origins for name, raw in raws.items()},
        "adaptive",
    )
    told = found["har_calibrated"].table
    for name, forecast in expected.items():
        near = told[(told["symbol"] == name) & (told["horizon"] == 1)]
        np.testing.assert_allclose(near["q10"], forecast.quantiles((0.1,))[: len(near), 0, 0])


def test_before_calibration_it_is_har() -> None:
    bars = world(1)["S0"]
    given = inputs_for(rows({"S0": bars}), bars)
    alone, har = CalibratedHar().prepare(given, "never"), HarRange().forecast(given).distribution
    np.testing.assert_allclose(
        alone.at(given.origins).quantiles((0.1, 0.9)), har.quantiles((0.1, 0.9)), rtol=1e-12
    )


def test_its_ranges_follow_where_those_of_har_stay_too_narrow() -> None:
    """From the second year after the break on: the gain is small and takes its time."""
    bars = world(4, wilder=1.6)
    names = [get_baseline(name) for name in ("har_range", "har_calibrated")]
    tables, _ = baseline_tables(names, rows(bars), bars)
    late = bars["S0"].index[FIRST + 250]
    plain, calibrated = (
        held(found.table[found.table["origin"] > late]) - 0.8
        for found in (tables["har_range"], tables["har_calibrated"])
    )
    assert plain < -0.1
    assert abs(calibrated) < abs(plain) / 3


def test_no_forecast_knows_what_came_after_it() -> None:
    bars, last = world(), 1500
    table = rows(bars)
    altered = {
        name: frame.assign(
            **{
                column: np.where(np.arange(len(frame)) <= last, 1.0, 1.4) * frame[column]
                for column in ("open", "high", "low", "close")
            }
        )
        for name, frame in bars.items()
    }
    both = [
        baseline_tables([get_baseline("har_calibrated")], rows(given), given)[0]
        for given in (bars, altered)
    ]
    early = table["origin"] <= bars["S0"].index[last]
    one, other = (found["har_calibrated"].table.loc[early, ["q05", "q50", "q95"]] for found in both)
    np.testing.assert_array_equal(one, other)


def test_workers_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MIN_SYMBOLS_FOR_PROCESSES", 2)
    bars = world()
    table = rows(bars, horizons=1)
    chosen = [get_baseline("har_calibrated")]
    one, _ = baseline_tables(chosen, table, bars, jobs=1)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        two, _ = baseline_tables(chosen, table, bars, jobs=2)
    assert set(backend.items) >= set(bars)
    pd.testing.assert_frame_equal(one["har_calibrated"].table, two["har_calibrated"].table)


def test_a_symbol_with_too_few_rows_has_ewma_and_takes_nothing_from_the_others() -> None:
    bars = world(3)
    bars["S2"] = bars["S2"].iloc[FIRST - 70 :]
    names = [get_baseline(name) for name in ("ewma", "har_calibrated")]
    tables, notes = baseline_tables(names, rows(world(3)), bars)
    assert len(notes) == 1
    assert "HAR, calibrated: replaced by EWMA(0.94)-t for 1 of 3 symbols (S2 has" in notes[0]
    ewma, har = (tables[name].table for name in tables)
    same = (ewma["q05"] == har["q05"]).groupby(ewma["symbol"]).mean()
    assert same.to_dict() == {"S0": 0.0, "S1": 0.0, "S2": 1.0}


def test_it_is_fitted_again_and_leaves_the_cache_alone(tmp_path: Path) -> None:
    bars = world(1)
    cache = FitCache(tmp_path)
    once, _ = baseline_tables([get_baseline("har_calibrated")], rows(bars), bars, cache=cache)
    again, _ = baseline_tables([get_baseline("har_calibrated")], rows(bars), bars, refit="yearly")
    a, b = (found["har_calibrated"].table["q05"].to_numpy() for found in (once, again))
    years = rows(bars)["date"].dt.year
    first = (years == years.iloc[0]).to_numpy()
    np.testing.assert_array_equal(a[first], b[first])
    assert np.mean(a[~first] == b[~first]) < 0.1


def test_it_is_no_member_of_a_pool() -> None:
    with pytest.raises(ConfigError, match="names 'har_calibrated', which is calibrated by itself"):
        baseline_members(["har_calibrated"])


@pytest.mark.parametrize(("missing", "refit"), [(1, "never"), (120, "yearly")])
def test_a_symbol_that_ends_earlier_has_the_same_forecasts_until_then(
    missing: int, refit: Refit
) -> None:
    """Others are followed further than its own last origin; what it says before does not change."""
    bars = world()
    cut = {"S0": bars["S0"], "S1": bars["S1"].iloc[:-missing]}
    har = [get_baseline("har_calibrated")]
    whole, _ = baseline_tables(har, rows(bars), bars, refit=refit)
    lasting = {"S0": constant_t(ROWS - FIRST, 2), "S1": constant_t(ROWS - FIRST - missing, 2)}
    found, notes = baseline_tables(har, predict(cut, FIRST, lasting), cut, refit=refit)
    assert notes == ()
    last = cut["S1"].index[-1]
    ours, theirs = (t["har_calibrated"].table for t in (found, whole))
    ours = ours[ours["origin"] < last]
    keys = ["symbol", "origin", "horizon"]
    both = ours.merge(theirs, on=keys, suffixes=("", "_whole"))
    assert len(both) == len(ours)
    for name in ("q05", "q50", "q95"):
        np.testing.assert_array_equal(both[name], both[f"{name}_whole"])
