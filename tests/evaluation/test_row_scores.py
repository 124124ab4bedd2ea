"""Scoring symbol by symbol is scoring whole tables, in any order of rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.elsewhere import Elsewhere
from support.simulated import Bars, bars_from_returns, constant_t, garch_returns, points, predict

from lstmcast import parallel, shelf
from lstmcast.baselines import baseline_tables, get_baseline, runner
from lstmcast.baselines.runner import by_symbol
from lstmcast.distributions import FloatArray, RecalibratedDistribution
from lstmcast.evaluation import assembly, evaluate, evaluator, row_losses, score_table
from lstmcast.evaluation.comparison import daily_means
from lstmcast.evaluation.evaluator import assemble
from lstmcast.evaluation.model_rows import ModelRows
from lstmcast.evaluation.row_scores import KEPT, pool_symbols, score_symbol
from lstmcast.parallel import using

FIRST = 500
NAMES = ("random_walk", "ewma", "har_abs")


def world(symbols: int) -> tuple[dict[str, Bars], pd.DataFrame]:
    """Symbols of different lengths and their forecasts."""
    lengths = {f"S{k}": 700 + 10 * k for k in range(symbols)}
    bars = {
        name: bars_from_returns(garch_returns(k, rows)[0])
        for k, (name, rows) in enumerate(lengths.items())
    }
    forecasts = {name: constant_t(rows - FIRST, 3) for name, rows in lengths.items()}
    return bars, predict(bars, FIRST, forecasts)


def test_a_report_by_symbol_is_the_report_of_whole_tables() -> None:
    bars, table = world(3)
    table = table.sample(frac=1, random_state=0)
    results, _ = baseline_tables([get_baseline(name) for name in NAMES], table, bars)
    tables = {"model": table, **{name: part.table for name, part in results.items()}}
    labels = {"model": "LSTM", **{name: get_baseline(name).label for name in NAMES}}
    whole = assemble(tables, labels, bars)
    ours = evaluate(table, bars, baselines=NAMES)
    assert ours.to_dict() == whole.to_dict()


@pytest.mark.parametrize("symbols", [1, 3])
def test_tables_may_come_in_any_order(symbols: int) -> None:
    bars, table = world(symbols)
    ewma = baseline_tables([get_baseline("ewma")], table, bars)[0]["ewma"]
    labels = {"model": "LSTM", "ewma": "EWMA"}
    mixed = ewma.table.sample(frac=1, random_state=2)
    one, other = (
        assemble({"model": table, "ewma": part}, labels, bars) for part in (ewma.table, mixed)
    )
    assert one.to_dict() == other.to_dict()


def test_workers_give_the_same_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MIN_SYMBOLS_FOR_PROCESSES", 2)
    bars, table = world(2)
    one = evaluate(table, bars, baselines=NAMES, jobs=1)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        two = evaluate(table, bars, baselines=NAMES, jobs=2)
    assert len(backend.items) >= 2
    assert one.to_dict() == two.to_dict()


def test_what_is_kept_on_disk_gives_the_same_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a baseline that is calibrated by all symbols together."""
    bars, table = world(3)
    names = ("ewma", "har_calibrated")
    in_memory = evaluate(table, bars, baselines=names, jobs=1)
    folders: list[Path | None] = []
    made = shelf.Shelves.make

    def make(room: shelf.Shelves) -> shelf.Shelf[object]:
        folders.append(room.folder)
        return made(room)

    monkeypatch.setattr(shelf, "IN_MEMORY", 0)
    monkeypatch.setattr(shelf.Shelves, "make", make)
    on_disk = evaluate(by_symbol(table), bars, baselines=names, jobs=1)
    assert on_disk.to_dict() == in_memory.to_dict()
    assert None not in folders
    assert not any(folder.exists() for folder in folders if folder is not None)


def test_workers_keep_on_disk_what_the_report_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    bars, table = world(3)
    names = ("ewma", "har_calibrated")
    here = evaluate(table, bars, baselines=names, jobs=1)
    monkeypatch.setattr(shelf, "IN_MEMORY", 0)
    monkeypatch.setattr(parallel, "MIN_SYMBOLS_FOR_PROCESSES", 2)
    for module in (runner, evaluator, assembly):  # a backend that has this machine's disk
        monkeypatch.setattr(module, "elsewhere", lambda: False)
    backend = Elsewhere(monkeypatch)
    with using(backend):
        there = evaluate(by_symbol(table), bars, baselines=names, jobs=2)
    # Symbols, symbols of the calibrated baseline twice, and forecasters that are diagnosed.
    assert len(backend.items) == 3 + 2 * 3 + 3
    assert there.to_dict() == here.to_dict()


def test_only_tables_state_the_means_of_calibrated_forecasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They take long to integrate, and no score reads them."""
    bars, table = world(2)
    calibrated = get_baseline("har_calibrated")
    asked: list[int] = []
    mean = RecalibratedDistribution.mean

    def counted(forecast: RecalibratedDistribution) -> FloatArray:
        asked.append(len(forecast.unit))
        return mean(forecast)

    monkeypatch.setattr(RecalibratedDistribution, "mean", counted)
    report = evaluate(table, bars, baselines=["har_calibrated"], jobs=1)
    assert asked == []
    found = baseline_tables([calibrated], table, bars, jobs=1)[0]["har_calibrated"].table
    assert asked == [table.loc[table["symbol"] == name, "origin"].nunique() for name in bars]
    assert found["mean"].notna().all()
    tables = {"model": table, "har_calibrated": found}
    labels = {"model": "LSTM", "har_calibrated": calibrated.label}
    assert report.to_dict() == assemble(tables, labels, bars).to_dict()


def test_daily_means_are_added_up_as_pandas_does() -> None:
    """To the bit, and where an infinite or an unknown loss is among them."""
    _, table = world(5)
    parts = {name: score_symbol(rows) for name, rows in by_symbol(table).items()}
    for name, place, loss in (("S1", (3, 1), np.inf), ("S2", (4, 0), np.nan)):
        losses = parts[name].losses.copy()
        losses[place] = loss
        parts[name] = replace(parts[name], losses=losses)
    whole = pd.DataFrame(np.concatenate([parts[name].losses for name in parts]), columns=KEPT)
    expected = daily_means(pd.concat([table[["symbol", "horizon", "date"]], whole], axis=1))
    found = pool_symbols(parts, ModelRows.of(by_symbol(table))).daily
    assert list(found) == list(expected)
    for horizon, days in expected.items():
        pd.testing.assert_frame_equal(found[horizon], days, check_exact=True, check_freq=False)


def test_pooled_row_scores_are_the_scores_and_daily_means_of_the_table() -> None:
    _, table = world(3)
    model = table.sample(frac=1, random_state=1).reset_index(drop=True)
    parts = {name: score_symbol(part) for name, part in by_symbol(model).items()}
    found = pool_symbols(parts, ModelRows.of(by_symbol(model)))
    pooled, each = score_table(model)
    for ours, theirs in (
        (found.pooled, pooled),
        *((found.symbols[name], each[name]) for name in each),
    ):
        assert {h: part.to_dict() for h, part in ours.items()} == {
            h: part.to_dict() for h, part in theirs.items()
        }
    losses = row_losses(model)
    for horizon, days in found.daily.items():
        rows = losses[losses["horizon"] == horizon]
        expected = pd.DataFrame(0.0, index=sorted(rows["date"].unique()), columns=KEPT)
        for _, part in rows.groupby("symbol"):  # the longer ones have more days, and count less
            share = len(expected) / (3 * len(part))
            expected = expected.add(share * part.set_index("date")[KEPT], fill_value=0.0)
        np.testing.assert_allclose(days[KEPT], expected, rtol=1e-12)
        assert list(days.index) == list(expected.index)
        assert days["crps"].mean() == pytest.approx(found.pooled[horizon].crps, rel=1e-12)
    pd.testing.assert_frame_equal(found.nearest, model[model["horizon"] == 1])
    assert not found.is_point


def test_what_a_point_forecast_does_not_state_stays_unknown() -> None:
    bars = {"X": bars_from_returns(garch_returns(1, 700)[0])}
    model = predict(bars, FIRST, {"X": points(200)})
    found = pool_symbols({"X": score_symbol(model)}, ModelRows.of({"X": model}))
    assert found.is_point
    assert np.isnan(found.daily[1]["crps"]).all()
    assert np.isfinite(found.daily[1]["square"]).all()
    assert np.isnan(found.pooled[1].coverage_80)
    assert np.isfinite(found.pooled[1].rmse_ratio)
