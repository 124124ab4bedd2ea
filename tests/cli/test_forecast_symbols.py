"""`lstmcast forecast SYMBOL`: stored symbols without a run, by the pretrained networks."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.histories import altered_after, as_history, simulated, simulated_bars
from support.program import Workplace
from support.unlike import coin, tokyo

from lstmcast.forecasting.request import DEFAULT_HORIZON
from lstmcast.forecasting.trust_checks import MIN_OUTCOMES
from lstmcast.prices.history import PriceHistory
from lstmcast.training.zero_shot import MIN_SESSIONS, tracked_forecasts, zero_shot_forecaster

YEAR = 250


def closes_alone(rows: int, symbol: str) -> PriceHistory:
    """A source that gives nothing but closes."""
    return as_history(simulated_bars(4, rows)[["close"]], symbol)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Unlike symbols, from two months to a year and a half, and no run."""
    place = Workplace.make(
        tmp_path_factory.mktemp("symbols"),
        simulated(1, YEAR),
        tokyo(rows=90),
        coin(rows=90),
        closes_alone(MIN_SESSIONS, "FEW"),
        closes_alone(MIN_SESSIONS - 1, "FEWER"),
        simulated(5, 100, symbol="TWICE"),
    )
    place.store.save(replace(simulated(6, 80, symbol="TWICE"), source="yahoo"))
    return place


@pytest.fixture
def place(stocked: Workplace, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """On the day of the oldest newest bar, so that none is stale."""
    monkeypatch.setattr("lstmcast.cli.forecast._today", lambda: date(2001, 3, 1))
    return stocked


def told(place: Workplace, *arguments: str | Path) -> dict[str, Any]:
    result = place.invoke("forecast", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def test_stored_symbols_are_forecast_each_by_itself(place: Workplace) -> None:
    together = told(place, "aaa", "csv:7203.T", "BTC-USD", "few")
    assert (together["run"], together["forecaster"]) == (None, "pretrained")
    entries = {entry["symbol"]: entry for entry in together["symbols"]}
    assert list(entries) == ["AAA", "7203.T", "BTC-USD", "FEW"]
    for entry in entries.values():
        widths = [row["q90"] - row["q10"] for row in entry["sessions"]]
        assert len(widths) == DEFAULT_HORIZON
        assert widths == sorted(widths)
        last = entry["close_origin"]
        assert 0.7 * last < entry["sessions"][-1]["q10"] < last < entry["sessions"][-1]["q90"]
    for name in ("AAA", "FEW"):
        assert told(place, name)["symbols"] == [entries[name]]
    # The horizon asked for changes nothing of the sessions before it.
    near = told(place, "AAA", "--horizon", "3")["symbols"][0]["sessions"]
    for row, same in zip(near, entries["AAA"]["sessions"], strict=False):
        assert row["q10"] == pytest.approx(same["q10"], rel=1e-5)


def test_who_forecasts_is_told_and_how_the_ranges_held(place: Workplace) -> None:
    shown = place.invoke("forecast", "AAA", "FEW")
    assert shown.stderr.splitlines()[0] == (
        "forecast by the pretrained networks, which were trained on simulated markets alone and "
        "fitted to no price; `lstmcast train` fits networks to the symbols' own history"
    )
    assert (
        "warning: FEW: its ranges cannot be judged: 0 past forecasts have an outcome, "
        f"{MIN_OUTCOMES} are needed"
    ) in shown.stderr
    history = place.store.load("AAA", "csv")
    table = tracked_forecasts(zero_shot_forecaster(history, 1), history)
    inside = (table["return_actual"] >= table["q10"]) & (table["return_actual"] <= table["q90"])
    line = f"on the last {len(table)} sessions the 80 % range contained {100 * inside.mean():.1f} %"
    assert line in shown.stdout.splitlines()
    assert len(table) >= MIN_OUTCOMES
    found = told(place, "AAA", "FEW")
    assert [entry["trust"] and entry["trust"]["line"] for entry in found["symbols"]] == [line, None]
    assert found["trust"] is None
    assert told(place, "AAA")["trust"]["line"] == line


def test_no_forecast_knows_what_came_after_its_origin() -> None:
    history = simulated(1, YEAR)
    last = history.bars.index[200]
    other = altered_after(history, last, 3)
    ours, theirs = (tracked_forecasts(zero_shot_forecaster(h, 2), h) for h in (history, other))
    early = (ours["origin"] <= last).to_numpy()
    for name in ("q10", "q50", "q975"):
        a, b = ours[name].to_numpy(), theirs[name].to_numpy()
        np.testing.assert_array_equal(a[early], b[early])
        assert not np.any(a[~early] == b[~early])


def test_of_two_sources_the_one_fetched_last_is_taken_or_the_one_named(place: Workplace) -> None:
    later = replace(place.store.load("TWICE", "yahoo"), fetched_at="2026-02-01T00:00:00+00:00")
    place.store.save(later)
    newest, csv = (told(place, name)["symbols"][0] for name in ("TWICE", "csv:TWICE"))
    assert newest["origin"] == f"{later.last:%Y-%m-%d}" != csv["origin"]


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        (["FEWER"], 4, "error: FEWER has 59 sessions, and a forecast needs 60\nhint: fetch a"),
        (["NOPE"], 7, "error: there is no run `NOPE`, and no stored symbol NOPE (runs: none;"),
        (["NOPE"], 7, "symbols: 7203.T, AAA, BTC-USD, FEW, FEWER and 1 more)\nhint: `lstmcast "),
        (["NOPE"], 7, "\nhint: `lstmcast fetch NOPE` gets its prices; without a name the newest"),
        (["fred:NOPE"], 7, "\nhint: `lstmcast fetch NOPE --source fred` gets its prices"),
        (["yahoo:AAA"], 7, "AAA is stored from csv, not from yahoo\nhint: name it `csv:AAA`, or"),
        (["AAA", "csv:aaa"], 2, "AAA, csv:aaa names a symbol twice"),
        (["AAA", "--symbol", "FEW"], 2, "`--symbol` FEW chooses among a run's symbols"),
        (["AAA", "--horizon", "61"], 2, "`--horizon` 61 is longer than the 60 sessions"),
        (["AAA", "../x"], 8, "there is no run `../x`"),
        (["no/run"], 8, "there is no run `no/run`"),
        ([], 8, "`lstmcast forecast SYMBOL` forecasts without a run"),
    ],
)
def test_what_cannot_be_forecast_is_named_in_a_line(
    place: Workplace, words: Sequence[str], code: int, fault: str
) -> None:
    result = place.invoke("forecast", *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert fault in result.stderr
    assert len(result.stderr.splitlines()) == 2


def test_stale_bars_are_refused_and_nothing_is_written(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "ahead.csv"
    assert place.invoke("forecast", "FEW", "--csv", path).exit_code == 0
    assert path.read_text().startswith("symbol,origin,close_origin,date,assumed,horizon,median")
    path.unlink()
    monkeypatch.setattr("lstmcast.cli.forecast._today", lambda: date(2003, 1, 1))
    result = place.invoke("forecast", "FEW", "--csv", path, "--fail-if-stale")
    assert (result.exit_code, result.stdout, path.exists()) == (14, "", False)


def test_a_run_goes_before_a_symbol_and_a_folder_that_is_none_does_not(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "AAA").mkdir()
    assert told(place, "AAA")["run"] is None
    (tmp_path / "AAA" / "run.json").write_text("{}")
    assert "`run.json` of the run AAA cannot be read" in place.invoke("forecast", "AAA").stderr
    both = place.invoke("forecast", "AAA", "FEW")
    assert both.exit_code == 2
    assert "`AAA` is a run, and 2 names were given" in both.stderr


def test_a_series_that_hardly_moves_is_no_series_for_ranges(place: Workplace) -> None:
    bars = simulated_bars(7, 100)
    bars.iloc[-60:] = bars.iloc[-60].to_numpy()
    place.store.save(as_history(bars, "STILL"))
    shown = place.invoke("forecast", "STILL")
    assert "STILL: 60% of the closes" in shown.stderr
    place.store.remove("STILL", "csv")
