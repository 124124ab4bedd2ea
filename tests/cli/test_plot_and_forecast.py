"""`lstmcast plot` and `forecast` on trained runs: files, figures, JSON, and what they refuse."""

import csv
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from support.experiments import PRICE
from support.histories import simulated
from support.program import Workplace

from lstmcast.errors import RunError
from lstmcast.predictions import QUANTILES, reading
from lstmcast.prices.history import PriceHistory
from lstmcast.reading import RECORD_BYTES
from lstmcast.run import Run

PNG, PDF = b"\x89PNG\r\n\x1a\n", b"%PDF-"


@pytest.fixture(scope="module")
def trained_place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Two symbols pooled."""
    histories = (simulated(), simulated(2, symbol="^BBB", price=900.0))
    place = Workplace.make(tmp_path_factory.mktemp("place"), *histories)
    options = ("--set", "data.symbols=[AAA, ^BBB]", "--set", "model.members=1")
    assert place.invoke("train", "-c", place.config, *options).exit_code == 0
    return place


@pytest.fixture
def place(trained_place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """A copy, to write charts into and to spoil, on the day of its newest bar."""
    monkeypatch.setattr("lstmcast.cli.forecast._today", simulated().last.date)
    return Workplace(Path(shutil.copytree(trained_place.root, tmp_path / "copy")))


@pytest.fixture(scope="module")
def point(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run of the classic kind, with a point forecast."""
    place = Workplace.make(tmp_path_factory.mktemp("point"))
    options = [word for option in PRICE for word in ("--set", option)]
    assert place.invoke("train", "-c", place.config, *options).exit_code == 0
    return place


def newest(place: Workplace) -> str:
    """How a command names the run that it took."""
    return f"run {Run.open(None, place.runs).name}, the newest\n"


def charts(place: Workplace) -> list[str]:
    return sorted(path.name for path in Run.open(None, place.runs).charts.iterdir())


@pytest.mark.parametrize("kind", ["test", "history", "fan"])
def test_each_symbol_has_a_chart(place: Workplace, kind: str) -> None:
    result = place.invoke("plot", "--kind", kind)
    assert (result.exit_code, result.stdout) == (0, "")
    assert charts(place) == [f"%5EBBB-{kind}.png", f"AAA-{kind}.png"]
    folder = Run.open(None, place.runs).charts
    assert sorted(result.stderr.splitlines()) == [
        f"wrote {folder / name}" for name in charts(place)
    ]
    assert all((folder / name).read_bytes().startswith(PNG) for name in charts(place))


def test_charts_of_several_horizons_lie_side_by_side(place: Workplace) -> None:
    for options in ([], ["--horizon", "2"], ["--kind", "fan", "--horizon", "2"]):
        assert place.invoke("plot", "--symbol", "AAA", *options).exit_code == 0
    assert charts(place) == ["AAA-fan-2.png", "AAA-test-2.png", "AAA-test.png"]


def test_training_has_one_chart(place: Workplace) -> None:
    assert place.invoke("plot", "--kind", "training").exit_code == 0
    assert charts(place) == ["training.png"]


def test_ranges_have_one_chart_for_all_or_one_for_a_symbol(place: Workplace) -> None:
    for options in ([], ["--symbol", "^bbb"], ["--horizon", "3"]):
        assert place.invoke("plot", "--kind", "ranges", *options).exit_code == 0
    assert charts(place) == ["%5EBBB-ranges.png", "ranges-3.png", "ranges.png"]


def test_one_symbol_in_another_format_and_place(place: Workplace, tmp_path: Path) -> None:
    assert place.invoke("plot", "--symbol", "aaa", "--format", "pdf").exit_code == 0
    assert charts(place) == ["AAA-test.pdf"]
    assert (Run.open(None, place.runs).charts / "AAA-test.pdf").read_bytes().startswith(PDF)
    path = tmp_path / "mine.svg"
    result = place.invoke("plot", "--symbol", "^BBB", "--horizon", "3", "--output", path)
    assert result.exit_code == 0
    assert "<svg" in path.read_text(encoding="utf-8")
    assert charts(place) == ["AAA-test.pdf"]


@pytest.mark.parametrize(
    ("options", "code", "fault", "hint"),
    [
        (["--symbol", "ZZZ"], 2, "`--symbol` ZZZ is not in the run", "it has AAA, ^BBB"),
        (["--output", "x.png"], 2, "is one file, and the run has 2 symbols", "`--symbol`"),
        (["--horizon", "4"], 2, "horizon", ""),
        (["--kind", "ranges", "--horizon", "4"], 2, "`--horizon` 4 was not forecast", "1 to 3"),
        (["--kind", "ranges", "--symbol", "ZZZ"], 2, "ZZZ is not in the run", "it has AAA"),
        (["--kind", "fan", "--horizon", "4"], 2, "`--horizon` 4 is longer than the 3", "train"),
        (["--symbol", "AAA", "--output", "/absent/x.png"], 10, "/absent/x.png", ""),
        (["--symbol", "AAA", "--output", "x.bmp"], 10, "x.bmp", "png"),
        (["absent"], 8, "there is no run `absent`", "newest run"),
    ],
)
def test_a_chart_that_cannot_be_drawn(
    place: Workplace, options: Sequence[str], code: int, fault: str, hint: str
) -> None:
    result = place.invoke("plot", *options)
    assert result.exit_code == code, result.stderr
    assert result.stderr.startswith("error: ")
    assert fault in result.stderr
    assert hint in result.stderr.partition("hint: ")[2]
    assert charts(place) == []


def test_a_point_run_is_drawn_too(point: Workplace) -> None:
    for kind in ("test", "history", "fan", "training"):
        result = point.invoke("plot", "--kind", kind)
        assert result.exit_code == 0, result.stderr
    assert charts(point) == ["AAA-fan.png", "AAA-history.png", "AAA-test.png", "training.png"]
    result = point.invoke("plot", "--kind", "ranges")
    assert result.exit_code == 4, result.stderr
    assert "no range to draw" in result.stderr


def warnings(place: Workplace, *options: str) -> dict[str, str]:
    """The messages of a forecast's warnings by their codes; on stderr are the same."""
    result = place.invoke("forecast", "--json", *options)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)["warnings"]
    expected = "".join(f"warning: {warning['message']}\n" for warning in told)
    # A run without hashes has no graphs that can be trusted.
    said = "".join(x for x in result.stderr.splitlines(True) if not x.startswith("note: PyTorch"))
    assert said == newest(place) + expected
    return {warning["code"]: warning["message"] for warning in told}


def test_a_forecast_is_a_table_for_each_symbol(place: Workplace) -> None:
    result = place.invoke("forecast")
    assert (result.exit_code, result.stderr) == (0, newest(place))
    last = simulated().last
    for symbol in ("AAA", "^BBB"):
        assert f"{symbol}: from the close of {last:%Y-%m-%d} at " in result.stdout
    shown = result.stdout.splitlines()[:-1]
    rows = [line for line in shown if re.match(r"\w{3} 20\d\d-", line)]
    assert len(rows) == 2 * 3


@pytest.mark.parametrize(
    ("today", "passed"),
    [("2002-08-12", ""), ("2002-08-13", ""), ("2002-08-14", "1"), ("2026-01-02", "2")],
)
def test_a_forecast_of_days_that_have_come_says_so(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, today: str, passed: str
) -> None:
    """The newest bar is of 2002-08-12."""
    monkeypatch.setattr("lstmcast.cli.forecast._today", lambda: date.fromisoformat(today))
    told = warnings(place, "--horizon", "2")
    refused = place.invoke("forecast", "--horizon", "2", "--fail-if-stale")
    if not passed:
        assert told == {}
        assert refused.exit_code == 0
        return
    code, said = ("all_past", "all of these sessions are past")
    if passed == "1":
        code, said = ("stale", "1 of these sessions is past")
    line = f"AAA, ^BBB: {said}; the newest bar is from 2002-08-12"
    fetch = "`lstmcast fetch AAA ^BBB --source csv --path FILE`"
    assert told == {code: f"{line}; for newer prices {fetch}"}
    assert (refused.exit_code, refused.stdout) == (14, "")
    assert refused.stderr == (f"{newest(place)}error: `--fail-if-stale`: {line}\nhint: {fetch}\n")


def test_a_stale_forecast_writes_no_file(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lstmcast.cli.forecast._today", lambda: date(2002, 8, 14))
    path = tmp_path / "ahead.csv"
    assert place.invoke("forecast", "--fail-if-stale", "--csv", path).exit_code == 14
    assert not path.exists()
    assert place.invoke("forecast", "--csv", path).exit_code == 0
    assert path.exists()
    (entry, _) = json.loads(place.invoke("forecast", "--json").stdout)["symbols"]
    assert (entry["sessions_past"], entry["stale"], entry["all_past"]) == (1, True, False)


def respoken(
    place: Workplace, *, narrower: float = 1.0, days: int = 1000, group: int | None = None
) -> pd.DataFrame:
    """Rewrite the run's test forecasts: narrower ranges, fewer days, groups of so many rows."""
    run = Run.open(None, place.runs)
    path = run.path / "predictions.parquet"
    table = pd.read_parquet(path)
    table[list(QUANTILES)] *= narrower
    table = table[table["date"].isin(table["date"].drop_duplicates().nsmallest(days))]
    table.to_parquet(path, row_group_size=group)
    record = json.loads((path.parent / "run.json").read_text())
    kept = {name: value for name, value in record.items() if name not in ("files", "sha256")}
    (path.parent / "run.json").write_text(json.dumps(kept))  # a run of before, without hashes
    return table


def test_a_forecast_says_how_the_ranges_held_in_the_test(place: Workplace) -> None:
    """The line's figure is that of the stored forecasts, each symbol counting alike."""
    table = Run.open(None, place.runs).predictions()
    rows = table[table["horizon"] == 1]
    inside = (rows["return_actual"] >= rows["q10"]) & (rows["return_actual"] <= rows["q90"])
    found = inside.groupby(rows["symbol"]).mean().mean()
    line = f"on {rows['date'].nunique()} test days the 80 % range contained {100 * found:.1f} %"
    line += " (mean of 2 symbols)"
    assert place.invoke("forecast").stdout.splitlines()[-1] == line
    short = place.invoke("forecast", "--summary").stdout
    assert "by a run of several symbols, the mean of all of them" in short
    trust = json.loads(place.invoke("forecast", "--json").stdout)["trust"]
    assert trust["line"] == line
    assert trust["test_days"] == rows["date"].nunique()
    assert trust["coverage"]["80"] == pytest.approx(found)
    assert trust["conclusive"] is trust["ranges_hold"] is True


def test_more_test_forecasts_than_are_read_at_once_are_judged_all_the_same(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read a group at a time, where groups end within a symbol."""
    days = Run.open(None, place.runs).predictions()["date"].unique()
    until = ("--as-of", f"{sorted(days)[len(days) // 2]:%Y-%m-%d}")
    before = [json.loads(place.invoke("forecast", "--json", *o).stdout) for o in ((), until)]
    rows = len(respoken(place, group=100))
    assert rows % 200
    monkeypatch.setattr(reading, "MAX_ROWS", 100)
    with pytest.raises(RunError, match=f"{rows:,} rows, and 100 at most are read at once"):
        Run.open(None, place.runs).predictions()
    after = [json.loads(place.invoke("forecast", "--json", *o).stdout) for o in ((), until)]
    assert [told["trust"] for told in after] == [told["trust"] for told in before]
    assert before[0]["trust"]["test_days"] > before[1]["trust"]["test_days"] > 0


def test_a_forecast_whose_ranges_failed_says_so(place: Workplace) -> None:
    respoken(place, narrower=0.3)
    told = warnings(place)
    assert list(told) == ["ranges_failed"]
    assert re.fullmatch(
        r"do not rely on its ranges: one session ahead the 50 / 80 / 90 / 95 % ranges contained "
        r".* \(too narrow\) on the test days",
        told["ranges_failed"],
    )
    trust = json.loads(place.invoke("forecast", "--json").stdout)["trust"]
    assert trust["ranges_hold"] is False


def test_a_forecast_after_a_short_test_says_so(place: Workplace) -> None:
    respoken(place, days=40)
    told = warnings(place)
    assert list(told) == ["test_too_short"]
    assert told["test_too_short"].startswith("The test period has 40 days, too few to conclude")
    trust = json.loads(place.invoke("forecast", "--json").stdout)["trust"]
    assert (trust["conclusive"], trust["ranges_hold"]) == (False, None)


def test_a_forecast_without_test_forecasts_is_made_all_the_same(place: Workplace) -> None:
    (Run.open(None, place.runs).path / "predictions.parquet").unlink()
    assert list(warnings(place)) == ["not_tested"]
    assert json.loads(place.invoke("forecast", "--json").stdout)["trust"] is None
    assert "test days" not in place.invoke("forecast").stdout


def test_what_evaluate_suspects_is_said_with_the_forecast(place: Workplace) -> None:
    path = Run.open(None, place.runs).path / "metrics.json"
    path.write_text(json.dumps({"verdict": {"too_good": ["CRPS 40 % less"]}}))
    assert warnings(place) == {
        "too_good": "too good to be true; run `lstmcast audit` to look for leaks: CRPS 40 % less"
    }
    price = "worse than the last close: error of the return 2.7 times as large (p < 0.001). Why."
    verdict = {"too_good": [], "point": "worse", "lines": {"price": price}}
    for kind, told in (("point", price.removesuffix(". Why.")), ("distribution", None)):
        metrics = {"verdict": verdict, "forecasters": {"model": {"kind": kind}}}
        path.write_text(json.dumps(metrics))
        assert warnings(place).get("price_worse") == (told and f"its price forecast is {told}")
    many = {"verdict": {"too_good": ["scores of 500 symbols"]}, "rest": "x" * RECORD_BYTES}
    path.write_text(json.dumps(many))
    assert list(warnings(place)) == ["too_good"]
    path.write_text("[1]")
    assert warnings(place) == {}
    path.write_text(json.dumps({"verdict": {"too_good": []}, "sha256": "0" * 64}))
    assert list(warnings(place)) == ["scores_unreadable"]


def test_a_symbol_that_was_not_tested_or_hardly_moves_is_named(place: Workplace) -> None:
    bars = simulated(3).bars.copy()
    bars.iloc[-200:] = bars.iloc[-200].to_numpy()
    place.store.save(PriceHistory.from_frame(bars, symbol="CCC", source="csv"))
    told = warnings(place, "--symbol", "CCC")
    assert told["untested_symbol"] == "CCC: not among the symbols of the test"
    assert told["seldom_moves"] == (
        "CCC: 80% of the closes of the last 250 sessions are unchanged from the day before; "
        "such a series cannot be forecast by ranges"
    )


def test_a_forecast_as_json(place: Workplace) -> None:
    result = place.invoke("forecast", "--json", "--horizon", "2")
    told = json.loads(result.stdout)
    assert told["run"] == Run.open(None, place.runs).name
    assert [entry["symbol"] for entry in told["symbols"]] == ["AAA", "^BBB"]
    for entry in told["symbols"]:
        assert entry["currency"] == "USD"
        assert [row["horizon"] for row in entry["sessions"]] == [1, 2]
        for row in entry["sessions"]:
            assert row["q025"] < row["median"] < row["q975"]
            assert 0 < row["chance_up"] < 1
            assert isinstance(row["assumed"], bool)


def test_what_a_point_forecast_does_not_state_is_null(point: Workplace) -> None:
    (row,) = json.loads(point.invoke("forecast", "--json").stdout)["symbols"][0]["sessions"]
    assert row["q025"] is None
    assert row["chance_up"] is None
    assert row["median"] > 0
    shown = point.invoke("forecast")
    assert shown.exit_code == 0
    assert "nan" not in shown.stdout


def test_a_forecast_as_csv(place: Workplace, tmp_path: Path) -> None:
    path = tmp_path / "ahead.csv"
    result = place.invoke("forecast", "--csv", path)
    assert (result.exit_code, result.stderr) == (0, f"{newest(place)}wrote {path}\n")
    assert result.stdout == place.invoke("forecast").stdout
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 6
    assert {"symbol", "origin", "close_origin", "date", "horizon", *QUANTILES} <= rows[0].keys()
    assert rows[0]["origin"] == f"{simulated().last:%Y-%m-%d}"


def test_a_forecast_starts_at_the_newest_stored_bar(place: Workplace) -> None:
    place.store.save(simulated(1, 425))
    told = json.loads(place.invoke("forecast", "--json").stdout)
    origins = {entry["symbol"]: entry["origin"] for entry in told["symbols"]}
    assert origins["AAA"] == f"{simulated(1, 425).last:%Y-%m-%d}"
    assert origins["^BBB"] == f"{simulated().last:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("options", "code", "fault"),
    [
        (["--horizon", "4"], 2, "`--horizon` 4 is longer than the 3 sessions"),
        (["--csv", "/absent/x.csv"], 10, "`/absent/x.csv` cannot be written: No such file"),
        (["--csv", "/absent/x.csv"], 10, ", the folder /absent is missing\nhint: make the folder"),
        (["/absent"], 8, "there is no run `/absent`"),
        (["--symbol", "yahoo:AAA"], 7, "AAA is stored from csv, not from yahoo\nhint: name the "),
        (["--symbol", "csv:AAA", "--symbol", "aaa"], 2, "one of them twice"),
        (["--symbol", "csv:A/A"], 2, "cannot be a ticker"),
    ],
)
def test_a_forecast_that_cannot_be_made(
    place: Workplace, options: Sequence[str], code: int, fault: str
) -> None:
    result = place.invoke("forecast", *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert fault in result.stderr


def test_a_symbol_may_name_its_source(place: Workplace) -> None:
    """As it does for `lstmcast data show`."""
    place.store.save(replace(simulated(5, symbol="^GSPC"), source="yahoo"))
    told = place.invoke("forecast", "--symbol", "yahoo:^gspc", "--symbol", "CSV:AAA", "--json")
    assert [entry["symbol"] for entry in json.loads(told.stdout)["symbols"]] == ["^GSPC", "AAA"]
    refused = place.invoke("forecast", "--symbol", "^GSPC")
    assert refused.exit_code == 7
    assert "hint: name the source, as in `--symbol yahoo:^GSPC`" in refused.stderr
    assert place.invoke("plot", "--symbol", "csv:AAA").exit_code == 0
    refused = place.invoke("plot", "--symbol", "yahoo:AAA")
    assert refused.exit_code == 2
    assert "hint: it has AAA, ^BBB from csv" in refused.stderr


@pytest.mark.parametrize("command", ["plot", "forecast", "evaluate", "audit"])
def test_what_is_not_a_run_is_named_as_what_it_is(place: Workplace, command: str) -> None:
    run = Run.open(None, place.runs).path
    walk = place.runs / "backtest-small-0123456789"
    walk.mkdir()
    (walk / "plan.json").write_text("{}")
    of_a_walk = (
        f"`plan.json` of the walk {walk} cannot be read"
        if command in {"plot", "evaluate"}  # which take walks, but whole ones
        else f"{walk} is a walk of `lstmcast backtest`, not a run\nhint: `lstmcast evaluate`"
    )
    for given, words in (
        (walk, of_a_walk),
        (walk.name, of_a_walk),
        (place.runs, f"{place.runs} holds runs and is none itself\nhint: name one"),
        (run / "charts", f"is a folder in a run\nhint: name the run itself: {run}"),
        (run / "run.json", f": it is a file, and a run is a folder\nhint: name the folder: {run}"),
        (
            place.config,
            ": it is a file, and a run is a folder\nhint: an experiment is trained with",
        ),
        (f"{run.name}x", f"there is no run `{run.name}x`"),
        (f"{run.name}x", f"\nhint: did you mean `{run.name}`?"),
        (place.root, "is not a complete run: `run.json` is missing"),
    ):
        result = place.invoke(command, given)
        assert result.exit_code == 8
        assert words in result.stderr, given


@pytest.mark.parametrize("command", ["plot", "forecast", "evaluate"])
def test_without_runs_or_prices_the_command_that_is_missing_is_named(
    place: Workplace, command: str
) -> None:
    place.store.remove("AAA", "csv")
    result = place.invoke(command)
    assert result.exit_code == (13 if command == "forecast" else 7)
    assert "hint: `lstmcast fetch AAA --source csv --path FILE`" in result.stderr
    shutil.rmtree(place.runs)
    result = place.invoke(command)
    assert result.exit_code == 8
    assert "hint: run `lstmcast train SYMBOL...`" in result.stderr


@pytest.mark.parametrize("command", ["plot", "forecast", "evaluate"])
def test_a_run_of_a_newer_lstmcast_is_refused(place: Workplace, command: str) -> None:
    path = Run.open(None, place.runs).path / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))
    result = place.invoke(command)
    assert result.exit_code == 8
    assert "has schema 99" in result.stderr
    assert "hint: upgrade lstmcast" in result.stderr


def test_gates_of_each_symbol_are_drawn_and_the_inputs_worth_once(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstmcast.api.inside.ORIGINS", 1)
    for kind in ("gates", "importance"):
        result = place.invoke("plot", "--kind", kind)
        assert (result.exit_code, result.stdout) == (0, "")
    assert charts(place) == ["%5EBBB-gates.png", "AAA-gates.png", "importance.png"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "gates", "--member", "7"], "`--member` 7 is not in the run"),
        (["--kind", "gates", "--from", "2031-01-01"], "no session with features between"),
        (["--kind", "fan", "--to", "2002-01-01"], "choose the sessions of `--kind gates`"),
    ],
)
def test_gates_that_are_not_there_are_refused(
    place: Workplace, options: list[str], message: str
) -> None:
    result = place.invoke("plot", *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert charts(place) == []


@pytest.mark.parametrize("kind", ["gates", "importance"])
def test_without_weights_nothing_can_be_looked_into(place: Workplace, kind: str) -> None:
    (Run.open(None, place.runs).path / "model.safetensors").unlink()
    result = place.invoke("plot", "--kind", kind)
    assert (result.exit_code, result.stdout) == (8, "")
    assert result.stderr.startswith("error: `model.safetensors` is missing from the run")
    assert charts(place) == []


def test_a_forecast_says_what_makes_its_range_wide(place: Workplace) -> None:
    result = place.invoke("forecast", "--why", "--horizon", "1")
    assert result.exit_code == 0, result.stderr
    lines = [line for line in result.stdout.splitlines() if line.startswith("The range for the")]
    assert len(lines) == 2
    told = json.loads(place.invoke("forecast", "--why", "--json").stdout)["symbols"]
    assert [entry["why"]["sentence"] for entry in told] == lines
    for entry in told:
        parts = entry["why"]["parts"]
        assert sum(parts.values()) == pytest.approx(entry["why"]["log_change"], abs=1e-3)
        assert {"EWMA volatility", "range"} <= set(parts)
    assert "why" not in json.loads(place.invoke("forecast", "--json").stdout)["symbols"][0]


def test_a_history_without_weights_is_drawn_all_the_same(place: Workplace) -> None:
    (Run.open(None, place.runs).path / "model.safetensors").unlink()
    result = place.invoke("plot", "--kind", "history", "--symbol", "AAA")
    assert result.exit_code == 0
    assert "no forecasts of the training and validation parts: `model.safetensors`" in result.stderr
    assert charts(place) == ["AAA-history.png"]


@pytest.mark.parametrize("kind", ["test", "fan"])
def test_a_chart_can_be_printed(place: Workplace, kind: str) -> None:
    result = place.invoke("plot", "--terminal", "--kind", kind, "--symbol", "AAA")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("AAA: ")
    assert len(result.stdout.splitlines()) == 19
    assert charts(place) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "ranges"], "`--terminal` draws test and fan, not `--kind` ranges"),
        (["--output", "x.png"], "`--terminal` writes no file"),
        (["--symbol", "ZZZ"], "`--symbol` ZZZ is not in the run"),
    ],
)
def test_what_a_terminal_does_not_show_is_refused(
    place: Workplace, options: list[str], message: str
) -> None:
    result = place.invoke("plot", "--terminal", *options)
    assert result.exit_code == 2
    assert message in result.stderr
