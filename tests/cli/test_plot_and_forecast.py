"""`lstmcast plot` and `forecast` on trained runs: files, figures, JSON, and what they refuse."""

import csv
import json
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from support.experiments import PRICE
from support.histories import simulated
from support.program import Workplace

from lstmcast.predictions import QUANTILES
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


def point(tmp_path: Path) -> Workplace:
    """A run of the classic kind, with a point forecast."""
    place = Workplace.make(tmp_path / "point")
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


def test_a_point_run_is_drawn_too(tmp_path: Path) -> None:
    place = point(tmp_path)
    for kind in ("test", "history", "fan", "training"):
        result = place.invoke("plot", "--kind", kind)
        assert result.exit_code == 0, result.stderr
    assert charts(place) == ["AAA-fan.png", "AAA-history.png", "AAA-test.png", "training.png"]
    result = place.invoke("plot", "--kind", "ranges")
    assert result.exit_code == 4, result.stderr
    assert "no range to draw" in result.stderr


def test_a_forecast_is_a_table_for_each_symbol(place: Workplace) -> None:
    result = place.invoke("forecast")
    assert (result.exit_code, result.stderr) == (0, newest(place))
    last = simulated().last
    for symbol in ("AAA", "^BBB"):
        assert f"{symbol}: from the close of {last:%Y-%m-%d} at " in result.stdout
    rows = [line for line in result.stdout.splitlines() if "%" in line and "50 %" not in line]
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
    told = place.invoke("forecast", "--horizon", "2").stderr.removeprefix(newest(place))
    if not passed:
        assert told == ""
        return
    assert told.startswith(f"AAA, ^BBB: {passed} of these sessions ")
    assert told.endswith("; for newer prices `lstmcast fetch AAA ^BBB --source csv --path FILE`\n")


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


def test_what_a_point_forecast_does_not_state_is_null(tmp_path: Path) -> None:
    place = point(tmp_path)
    (row,) = json.loads(place.invoke("forecast", "--json").stdout)["symbols"][0]["sessions"]
    assert row["q025"] is None
    assert row["chance_up"] is None
    assert row["median"] > 0
    shown = place.invoke("forecast")
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
        (["--csv", "/absent/x.csv"], 10, "/absent/x.csv cannot be written: No such file"),
        (["/absent"], 8, "there is no run `/absent`"),
    ],
)
def test_a_forecast_that_cannot_be_made(
    place: Workplace, options: Sequence[str], code: int, fault: str
) -> None:
    result = place.invoke("forecast", *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert fault in result.stderr


@pytest.mark.parametrize("command", ["plot", "forecast", "evaluate"])
def test_without_runs_or_prices_the_command_that_is_missing_is_named(
    place: Workplace, command: str
) -> None:
    place.store.remove("AAA", "csv")
    result = place.invoke(command)
    assert result.exit_code == 7
    assert "hint: `lstmcast fetch AAA --source csv --path FILE`" in result.stderr
    shutil.rmtree(place.runs)
    result = place.invoke(command)
    assert result.exit_code == 8
    assert "hint: run `lstmcast train --config configs/aapl.yaml`" in result.stderr


@pytest.mark.parametrize("command", ["plot", "forecast", "evaluate"])
def test_a_run_of_a_newer_lstmcast_is_refused(place: Workplace, command: str) -> None:
    path = Run.open(None, place.runs).path / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))
    result = place.invoke(command)
    assert result.exit_code == 8
    assert "has schema 99" in result.stderr
    assert "hint: upgrade lstmcast" in result.stderr
