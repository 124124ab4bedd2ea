"""`lstmcast forecast SYMBOL ...` day by day: by whom, levels, past days, updates, failures."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.experiments import trained
from support.histories import altered_after, cut_after, simulated
from support.program import Workplace
from support.unlike import coin, tokyo

from lstmcast.errors import UsageError
from lstmcast.forecasting import forecast_ahead
from lstmcast.forecasting.levels import columns_of, parse_levels, ranges
from lstmcast.predictions import QUANTILES
from lstmcast.run import Run, list_runs

TODAY = date(2001, 3, 1)
UNTRAINED = (
    *("--set", "training.epochs=0", "--set", "model.start=pretrained"),
    *("--set", "model.hidden_size=64", "--set", "model.members=1"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Unlike symbols; an older run of two of them, three sessions ahead, a newer of one, two."""
    histories = (simulated(1, 240), simulated(2, 220, symbol="BBB", price=900.0))
    place = Workplace.make(
        tmp_path_factory.mktemp("daily"),
        *histories,
        simulated(3, 90, symbol="NEW", first="2001-07-02"),
        tokyo(rows=90),
        coin(rows=70),
    )
    for options in (("data.symbols=[AAA, BBB]",), ("target.horizon=2",)):
        more = [word for option in options for word in ("--set", option)]
        result = place.invoke("train", "-c", place.config, *UNTRAINED, *more)
        assert result.exit_code == 0, result.stderr
    return place


@pytest.fixture(autouse=True)
def on_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstmcast.cli.forecast._today", lambda: TODAY)


def options(names: Sequence[str]) -> list[str]:
    return [word for name in names for word in ("--level", name)]


def told(place: Workplace, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    result = place.invoke("forecast", "--json", *arguments)
    assert result.exit_code == code, result.stderr
    values: dict[str, Any] = json.loads(result.stdout)
    return values


def by_symbol(values: dict[str, Any]) -> dict[str, Any]:
    return {entry["symbol"]: entry for entry in values["symbols"]}


def test_each_symbol_is_forecast_by_its_newest_run_else_without_one(
    place: Workplace, tmp_path: Path
) -> None:
    older, newer = (run.name for run in list_runs(place.runs))
    path = tmp_path / "ahead.csv"
    shown = place.invoke("forecast", "BBB", "7203.T", "aaa", "--csv", path)
    assert shown.exit_code == 0, shown.stderr
    by_whom = [line for line in shown.stderr.splitlines() if ": forecast by " in line]
    assert by_whom[:2] == [f"AAA: forecast by run {newer}", f"BBB: forecast by run {older}"]
    assert by_whom[2].startswith("7203.T: forecast by the pretrained networks, which were")
    assert len(by_whom) == 3
    table = pd.read_csv(path)
    who = table.groupby("symbol", sort=False)["forecaster"].unique()
    assert {symbol: list(names) for symbol, names in who.items()} == {
        "BBB": [older],
        "7203.T": ["pretrained"],
        "AAA": [newer],
    }
    assert list(who.index) == ["BBB", "7203.T", "AAA"]
    values = told(place, "BBB", "7203.T", "AAA")
    entries = by_symbol(values)
    assert (values["run"], values["forecaster"]) == (None, "several")
    assert [len(entry["sessions"]) for entry in entries.values()] == [3, 10, 2]
    for name, symbol in ((older, "BBB"), (newer, "AAA")):
        run = by_symbol(told(place, name))[symbol]
        assert entries[symbol] == run
        assert (run["run"], run["forecaster"]) == (name, "trained")


def test_a_run_that_does_not_reach_as_far_is_passed_over(place: Workplace) -> None:
    older, newer = (run.name for run in list_runs(place.runs))
    result = place.invoke("forecast", "AAA", "--horizon", "3", "--json")
    assert by_symbol(json.loads(result.stdout))["AAA"]["run"] == older
    assert (
        f"note: run {newer} holds AAA but is passed over: it forecasts 2 sessions"
        in result.stderr.splitlines()
    )
    assert by_symbol(told(place, "AAA", "--horizon", "4"))["AAA"]["run"] is None


@pytest.mark.parametrize(
    ("words", "levels"),
    [
        (["80", "0.8", "80%", "80.0"], (80.0,)),
        (["95", "50"], (50.0, 95.0)),
        (["0.995", "1%", "99.99"], (1.0, 99.5, 99.99)),
    ],
)
def test_levels_are_read_in_every_spelling(words: list[str], levels: tuple[float, ...]) -> None:
    assert parse_levels(words) == levels


@pytest.mark.parametrize("word", ["0", "100", "-80", "99.999", "nan", "inf", "0%"])
def test_what_is_no_level_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match=rf"`--level` is {word}; a level is above 0"):
        parse_levels([word])


@pytest.mark.parametrize(("word", "why"), [("1", "may be 1 % or 100 %"), ("wide", "not a number")])
def test_what_may_be_two_levels_or_none_is_refused(word: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_levels([word])


def test_a_range_ends_at_the_quantiles_and_its_width_is_in_percent() -> None:
    (ahead,) = forecast_ahead(trained().forecaster, [simulated()], horizon=2)
    table = ranges(ahead, (80.0, 95.0, 98.0))
    for level, ends in ((80.0, ("q10", "q90")), (95.0, ("q025", "q975"))):
        low, high, width = columns_of(level)
        np.testing.assert_array_equal(table[low], ahead.table[ends[0]])
        np.testing.assert_array_equal(table[high], ahead.table[ends[1]])
        moved = table[high] - table[low]
        np.testing.assert_allclose(table[width], 100 * moved / ahead.close)
    low, high, _ = columns_of(98.0)
    for name, share in ((low, 0.01), (high, 0.99)):
        returns = np.log(table[name].to_numpy() / ahead.close)
        outcomes = np.zeros(ahead.distribution.shape)
        outcomes[0, :2] = returns
        np.testing.assert_allclose(ahead.distribution.cdf(outcomes)[0, :2], share, atol=1e-9)


def test_levels_are_columns_and_a_summary_is_the_last_session(
    place: Workplace, tmp_path: Path
) -> None:
    asked = ("AAA", "BTC-USD", *options(["99", "0.8"]))
    entries = by_symbol(told(place, *asked))
    last = {symbol: entry["sessions"][-1] for symbol, entry in entries.items()}
    for row in last.values():
        assert row["lower_99"] < row["lower_80"] == row["q10"] < row["q90"] == row["upper_80"]
    paths = tmp_path / "all.csv", tmp_path / "all.parquet"
    result = place.invoke(
        "forecast", *asked, "--summary", "--csv", paths[0], "--parquet", paths[1], "--json"
    )
    rows = by_symbol(json.loads(result.stdout))
    assert {symbol: entry["sessions"] for symbol, entry in rows.items()} == {
        symbol: [row] for symbol, row in last.items()
    }
    text, table = pd.read_csv(paths[0], parse_dates=["origin", "date"]), pd.read_parquet(paths[1])
    pd.testing.assert_frame_equal(text, table, check_dtype=False)
    assert list(table["symbol"]) == ["AAA", "BTC-USD"]
    for name in ("lower_99", "upper_80", "width_80", "median", "chance_up"):
        assert list(table[name]) == [last[symbol][name] for symbol in last]
    assert list(table["horizon"]) == [2, 10]
    shown = place.invoke("forecast", *asked, "--summary").stdout.splitlines()
    (line,) = (line for line in shown if line.startswith("AAA"))
    held = entries["AAA"]["trust"]["coverage"]["80"]
    assert f"{last['AAA']['width_80']:.1f}%" in line
    assert f"{held:.1%}" in line
    assert line.rstrip().endswith(list_runs(place.runs)[1].name)


@pytest.mark.parametrize("names", [["AAA", "NEW"], ["RUN"]], ids=["symbols", "run"])
def test_a_forecast_as_of_a_day_knows_nothing_of_the_days_after(
    place: Workplace, tmp_path: Path, names: list[str]
) -> None:
    """The same as before these days came, and whatever came instead; its trust too."""
    run = list_runs(place.runs)[0]
    words = [run.name if name == "RUN" else name for name in names]
    day = simulated(3, 90, first="2001-07-02").bars.index[-12] + timedelta(days=1)
    as_of = ("--as-of", f"{day:%Y-%m-%d}")
    now = told(place, *words, *as_of)
    then, other = (Workplace.make(tmp_path / name) for name in ("then", "other"))
    for entry in now["symbols"]:
        history = place.store.load(entry["symbol"], "csv")
        end = history.bars.index[history.bars.index <= day][-1]
        assert entry["origin"] == f"{end:%Y-%m-%d}"
        then.store.save(cut_after(history, end))
        other.store.save(altered_after(history, end, 3))
    for copy in (then, other):
        copy.runs.symlink_to(place.runs)
        assert told(copy, *words, *as_of) == now
    assert told(then, *words)["symbols"] != told(other, *words)["symbols"]
    dates = run.predictions()["date"]
    if names == ["RUN"]:
        assert now["trust"]["test_days"] == dates[dates <= day].nunique() < dates.nunique()


def test_a_run_that_knows_what_came_is_refused_or_passed_over(place: Workplace) -> None:
    run = Run.open(None, place.runs)
    fitted = run.boundaries["validation_end"]
    before = f"{fitted - timedelta(days=1):%Y-%m-%d}"
    refused = place.invoke("forecast", run.name, "--as-of", before)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"`--as-of` {before} is before {fitted:%Y-%m-%d}, up to which the run" in refused.stderr
    assert "hint: ask for a later day, or name symbols: the pretrained" in refused.stderr
    passed = place.invoke("forecast", "AAA", "--as-of", before, "--json")
    assert by_symbol(json.loads(passed.stdout))["AAA"]["run"] is None
    why = f"is passed over: it was fitted to prices up to {fitted:%Y-%m-%d}"
    assert f"run {run.name} holds AAA but {why}" in passed.stderr
    held = told(place, "AAA", "--as-of", f"{fitted:%Y-%m-%d}")
    assert held["run"] == run.name
    assert held["trust"] is None


@pytest.mark.parametrize(
    ("day", "fault"),
    [("2999-01-01", "is in the future"), ("yesterday", "is 'yesterday', which is not a date")],
)
def test_a_day_that_cannot_be_is_refused(place: Workplace, day: str, fault: str) -> None:
    result = place.invoke("forecast", "AAA", "--as-of", day)
    assert (result.exit_code, result.stdout) == (2, "")
    assert fault in result.stderr


def test_a_symbol_that_fails_is_named_and_the_others_are_forecast(place: Workplace) -> None:
    damaged = place.store.path("CCC", "csv")
    damaged.write_bytes(b"PAR1 no longer")
    place.store.save(simulated(4, 30, symbol="FEW"))
    fine = told(place, "AAA", "7203.T")
    result = place.invoke("forecast", "FEW", "AAA", "CCC", "NOPE", "7203.T", "--json")
    damaged.unlink()
    place.store.remove("FEW", "csv")
    assert result.exit_code == 13
    values = json.loads(result.stdout)
    assert values["symbols"] == fine["symbols"]
    assert [(one["symbol"], one["exit_code"]) for one in values["failed"]] == [
        ("FEW", 4),
        ("CCC", 7),
        ("NOPE", 7),
    ]
    assert "FEW: error: FEW has 30 sessions, and a forecast needs 60\n  hint: " in result.stderr
    assert "error: 3 of 5 symbols failed: FEW, CCC, NOPE" in result.stderr.splitlines()[-1]
    every = place.invoke("forecast", "NOPE", "NEITHER")
    assert (every.exit_code, every.stdout) == (7, "")
    assert "error: 2 of 2 symbols failed: NOPE, NEITHER" in every.stderr


def test_a_run_goes_on_without_a_symbol_that_cannot_be_read(place: Workplace) -> None:
    """In a pool, what the symbols do together is then taken from the others."""
    older = list_runs(place.runs)[0].name
    kept = place.store.load("BBB", "csv")
    place.store.remove("BBB", "csv")
    partly = place.invoke("forecast", older, "--json")
    chosen = place.invoke("forecast", older, "--symbol", "AAA", "--json")
    place.store.save(kept)
    assert (partly.exit_code, chosen.exit_code) == (13, 0)
    assert [one["symbol"] for one in json.loads(partly.stdout)["failed"]] == ["BBB"]
    assert list(by_symbol(json.loads(partly.stdout))) == ["AAA"]
    values = json.loads(chosen.stdout)
    assert "pool_incomplete" in [warning["code"] for warning in values["warnings"]]
    assert "BBB is left out of the pooled features" in chosen.stderr


def written(history: Any, path: Path) -> Path:
    history.bars.to_csv(path)
    return path


def test_an_update_comes_first_and_what_it_cannot_reach_is_named(
    place: Workplace, tmp_path: Path
) -> None:
    """Files are read from where they were; bars of before serve where the file is gone."""
    mine = Workplace(tmp_path)
    whole = simulated(7, 130, symbol="UPTODATE")
    names = ("UPTODATE", "GONE")
    for name in names:
        path = written(cut_after(whole, whole.bars.index[-5]), tmp_path / f"{name}.csv")
        fetched = mine.invoke("fetch", name, "--source", "csv", "--path", path)
        assert fetched.exit_code == 0, fetched.stderr
    written(whole, tmp_path / "UPTODATE.csv")
    (tmp_path / "GONE.csv").unlink()
    assert by_symbol(told(mine, *names))["UPTODATE"]["origin"] < f"{whole.last:%Y-%m-%d}"
    result = mine.invoke("forecast", *names, "--update", "--json")
    assert result.exit_code == 13
    values = json.loads(result.stdout)
    origins = {symbol: entry["origin"] for symbol, entry in by_symbol(values).items()}
    assert origins == {
        "UPTODATE": f"{whole.last:%Y-%m-%d}",
        "GONE": f"{whole.bars.index[-5]:%Y-%m-%d}",
    }
    assert [one["symbol"] for one in values["failed"]] == ["GONE"]
    assert "fetched 4 new sessions of 1 symbols" in result.stderr
    assert mine.invoke("forecast", "UPTODATE", "--update").exit_code == 0


def test_more_levels_than_a_line_holds_go_on_below(place: Workplace) -> None:
    shown = place.invoke("forecast", "AAA", *options(["10", "20", "30", "99.5"]))
    assert shown.exit_code == 0
    assert "99.5 %" in shown.stdout
    first = told(place, "AAA")["symbols"][0]["sessions"][0]
    assert QUANTILES[0] in first
