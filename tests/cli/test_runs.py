"""`lstmcast runs`: runs made by hand are listed, shown, compared and removed."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.histories import simulated
from support.program import Workplace
from support.runs import forecasts, write_run
from typer.testing import CliRunner, Result

from lstmcast.cli import confirm
from lstmcast.cli.app import app
from lstmcast.reading import METRICS_BYTES, RECORD_BYTES
from lstmcast.run.locks import LOCKS, alone, in_use
from lstmcast.run.removal import remove, size_of

HISTORIES = (simulated(1, 620), simulated(2, 560, symbol="BBB", first="2001-03-05"))
SCORES = {
    "horizons": [1, 2],
    "rows": {
        "AAA": {"count": 119, "first": "2002-12-04", "last": "2003-05-19"},
        "BBB": {"count": 59, "first": "2003-02-04", "last": "2003-04-25"},
    },
    "forecasters": {
        "model": {"pooled": {"1": {"crps": 0.9876, "log_score": 1.75, "coverage_80": 0.78125}}},
        "ewma": {"label": "EWMA(0.94)-t"},
    },
    "verdict": {
        "best_baseline": "ewma",
        "distribution_gain": 0.0123,
        "distribution_p": 0.004,
        "summary": "In short: its ranges hold.",
    },
}


@dataclass(frozen=True)
class Shelf:
    """A runs folder with two runs and a walk."""

    place: Workplace

    @property
    def runs(self) -> Path:
        return self.place.runs

    @property
    def names(self) -> list[str]:
        return sorted(path.name for path in self.runs.iterdir())

    def call(self, *words: str | Path) -> Result:
        return self.place.invoke("runs", *words)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shelf")
    runs = root / "runs"
    wide, narrow = (forecasts(HISTORIES, first=500, scale=scale) for scale in (0.013, 0.012))
    write_run(runs, "20260101-000000-wide", HISTORIES, wide)
    path = write_run(
        runs,
        "20260102-000000-narrow",
        HISTORIES,
        narrow,
        members=3,
        created="2026-01-02T00:00:00+00:00",
        changed={"status": "interrupted", "lstmcast": "0.0.9"},
    )
    (path / "metrics.json").write_text(json.dumps(SCORES))
    walk = runs / "backtest-made-0123456789"
    walk.mkdir()
    (walk / "plan.json").write_text(json.dumps({"folds": [{"number": 1}, {"number": 2}]}))
    (walk / "fold-01.parquet").write_bytes(b"-" * 2000)
    return root


@pytest.fixture
def shelf(made: Path, tmp_path: Path) -> Shelf:
    return Shelf(Workplace(Path(shutil.copytree(made, tmp_path / "shelf"))))


WIDE, NARROW, WALK = "20260101-000000-wide", "20260102-000000-narrow", "backtest-made-0123456789"


def test_the_list_tells_what_was_trained_and_how_it_did(shelf: Shelf) -> None:
    result = shelf.call("list")
    assert result.exit_code == 0, result.stderr
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "AAA, BBB" in rows[WIDE]
    assert rows[WIDE].split()[-3:] == ["-", "-", "-"]
    assert rows[NARROW].split()[-3:] == ["0.9876", "+1.2%", "78.1%"]
    assert "interrupted" in rows[NARROW]
    assert "1 of 2 folds" in rows[WALK]
    assert result.stderr == ""


def test_the_list_as_json(shelf: Shelf) -> None:
    entries = {entry["name"]: entry for entry in json.loads(shelf.call("list", "--json").stdout)}
    assert list(entries) == [WIDE, NARROW, WALK]
    narrow = entries[NARROW]
    assert narrow["bytes"] == sum(p.stat().st_size for p in (shelf.runs / NARROW).iterdir())
    assert (narrow["kind"], narrow["networks"], narrow["seconds"]) == ("run", 3, 2.0)
    assert narrow["scored"] == {
        "horizon": 1,
        "forecasts": 178,
        "first": "2002-12-04",
        "last": "2003-05-19",
        "crps": 0.9876,
        "log_score": 1.75,
        "coverage": 0.78125,
        "best_baseline": "EWMA(0.94)-t",
        "gain": 0.0123,
        "p_value": 0.004,
        "verdict": "In short: its ranges hold.",
    }
    assert (entries[WIDE]["scored"], entries[WIDE]["problem"]) == (None, None)
    assert (entries[WALK]["kind"], entries[WALK]["status"]) == ("walk", "1 of 2 folds")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (f"{WIDE}/run.json", "{", "`run.json` of the run"),
        (f"{WIDE}/run.json", '{"schema": 99}', "has schema 99"),
        (f"{NARROW}/metrics.json", '{"horizons": []}', "`metrics.json` of"),
        (f"{NARROW}/metrics.json", "[1, 2]", "`metrics.json` of"),
        (f"{WALK}/plan.json", '{"folds": 3}', "`plan.json` of the walk"),
    ],
)
def test_what_is_damaged_is_named_and_the_others_go_on(
    shelf: Shelf, file: str, content: str, words: str
) -> None:
    (shelf.runs / file).write_text(content)
    result = shelf.call("list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in (WIDE, NARROW, WALK))
    (warning,) = result.stderr.splitlines()
    assert warning.startswith("warning: ")
    assert words in warning
    entries = json.loads(shelf.call("list", "--json").stdout)
    assert [entry["name"] for entry in entries if entry["problem"]] == [file.partition("/")[0]]


@pytest.mark.parametrize("kind", [NARROW, WALK])
def test_scores_of_hundreds_of_symbols_are_read(shelf: Shelf, kind: str) -> None:
    """Those of 500 take 57 MB; what is larger than any of these is not read, and that is said."""
    metrics = shelf.runs / kind / "metrics.json"
    metrics.write_text(json.dumps({**SCORES, "symbols": "x" * RECORD_BYTES}))
    result = shelf.call("list", "--json")
    assert result.stderr == ""
    entries = {entry["name"]: entry for entry in json.loads(result.stdout)}
    assert (entries[kind]["scored"]["crps"], entries[kind]["problem"]) == (0.9876, None)
    os.truncate(metrics, METRICS_BYTES + 1)
    (warning,) = shelf.call("list").stderr.splitlines()
    assert f"{kind} cannot be read: it has more than 512 MiB; `lstmcast " in warning


def test_an_empty_or_missing_folder_holds_no_run(tmp_path: Path) -> None:
    shelf = Shelf(Workplace(tmp_path))
    assert shelf.call("list", "--json").stdout == "[]\n"
    result = shelf.call("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "there is no run under" in result.stderr
    assert shelf.call("show").exit_code == 8
    shelf.runs.write_text("mine")
    result = shelf.call("list")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"`--runs-dir` {shelf.runs} is not a folder" in result.stderr


def test_a_run_is_shown_with_its_networks_and_verdict(shelf: Shelf) -> None:
    result = shelf.call("show", NARROW)
    assert result.exit_code == 0, result.stderr
    for words in (
        "trained         2026-01-02T00:00:00+00:00, interrupted",
        "seconds         2.0 (prepare 0.5, fit 1.5) on cpu, 2 threads",
        "3 networks, each of 21 parameters",
        "encoder.cells.0  bias 2, weight 8x2          18",
        "In short: its ranges hold.",
        "one session ahead, 178 forecasts, 2002-12-04 to 2003-05-19: CRPS 0.9876, log score 1.7500",
        ", +1.2% beside EWMA(0.94)-t, 80 % range held 78.1%",
    ):
        assert words in result.stdout
    assert result.stderr == f"run {NARROW}\n"


def test_a_run_as_json(shelf: Shelf) -> None:
    about = json.loads(shelf.call("show", WIDE, "--json").stdout)
    assert (about["run"], about["status"], about["faults"]) == (WIDE, "complete", [])
    (networks,) = about["networks"]
    assert (networks["networks"], networks["parameters"]) == (2, 21)
    assert networks["layers"][0]["shapes"] == {"weight": [8, 2], "bias": [2]}
    assert about["experiment"]["model"]["members"] == 2
    assert about["symbols"][1]["symbol"] == "BBB"
    assert about["parts"]["AAA"] == {"train": 1500, "validation": 60, "test": 40}
    assert about["scored"] is None


@pytest.mark.parametrize("file", ["model.safetensors", "config.yaml", "predictions.parquet"])
def test_a_damaged_run_is_shown_as_far_as_it_goes(shelf: Shelf, file: str) -> None:
    (shelf.runs / WIDE / file).write_bytes(b"x" * 50)
    result = shelf.call("show", WIDE)
    assert result.exit_code == 0
    assert result.stderr.count("warning: ") == 1
    assert f"warning: `{file}` of the run {shelf.runs / WIDE} is not what training wrote" in (
        result.stderr
    )
    assert "AAA" in result.stdout


def test_weights_that_are_none_are_refused(shelf: Shelf) -> None:
    """In a run of before, whose record has no hashes."""
    path = shelf.runs / WIDE
    record = json.loads((path / "run.json").read_text())
    del record["files"], record["sha256"]
    (path / "run.json").write_text(json.dumps(record))
    for content in (b"", b"\xff" * 40, (20).to_bytes(8, "little") + b'{"a": {"shape": 3}}'):
        (path / "model.safetensors").write_bytes(content)
        result = shelf.call("show", WIDE)
        assert result.exit_code == 0, result.output
        assert f"`model.safetensors` of the run {path} cannot be read" in result.stderr


def test_runs_side_by_side(shelf: Shelf) -> None:
    result = shelf.call("compare", WIDE, NARROW)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[:2] == [f"A  {WIDE}", f"B  {NARROW}"]
    assert "2 symbols: one session ahead, 119 days, 354 shared rows" in result.stdout
    assert "B is better than A: its CRPS one session ahead, over 119 days, is lower by" in (
        result.stdout
    )
    shown = result.stdout.split("What differs")[1]
    assert "model.members  2         3" in shown
    assert "status         complete  interrupted" in shown
    assert "lstmcast       0.1.0     0.0.9" in shown
    assert "data." not in shown


def test_runs_side_by_side_as_json(shelf: Shelf) -> None:
    told = json.loads(shelf.call("compare", WIDE, NARROW, "--json").stdout)
    assert told["runs"] == [WIDE, NARROW]
    assert told["keys"] == {"model.members": {WIDE: 2, NARROW: 3}}
    assert told["rows"] == {"AAA": 237, "BBB": 117}
    crps = {name: part["pooled"]["1"]["crps"] for name, part in told["scores"].items()}
    test = told["differences"][NARROW]["1"]
    assert test["skill"] > 0
    assert test["crps"]["mean"] == pytest.approx(crps[NARROW] - crps[WIDE])
    assert test["p_holm"] < 0.05


def test_runs_that_forecast_other_symbols_cannot_be_compared(shelf: Shelf) -> None:
    other = [simulated(3, 620, symbol="CCC")]
    write_run(shelf.runs, "20260103-000000-other", other, forecasts(other, first=500))
    result = shelf.call("compare", WIDE, "20260103-000000-other")
    assert (result.exit_code, result.stdout) == (8, "")
    assert "have no symbols in common" in result.stderr
    assert "hint: " in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["compare", WIDE], 2, "is alone, and it takes two runs or more"),
        (["compare", WIDE, WIDE], 2, "a run was named twice"),
        (["compare", WIDE, WALK], 8, "is a walk of `lstmcast backtest`, not a run"),
        (["compare", WIDE, "20260101-000000-wid"], 8, "did you mean `20260101-000000-wide`?"),
        (["show", WALK], 8, "is a walk of `lstmcast backtest`, not a run"),
        (["remove", "--yes", "20260101-000000-wid"], 8, "did you mean `20260101-000000-wide`?"),
        (["remove", "--yes", WIDE, "absent"], 8, "there is no run `absent`"),
        (["remove", "--yes", WIDE, WIDE], 2, f"`{WIDE}` was named twice"),
        (["remove", "--yes", ".."], 2, "`..` cannot be a run"),
        (["remove", "--yes", "."], 2, "`.` cannot be a run"),
        (["remove", "--yes", "/"], 2, "`/` cannot be a run"),
        (["remove", "--yes", ""], 2, "is empty"),
        (["remove", WIDE], 2, "`--yes` is missing: nobody can be asked"),
    ],
)
def test_a_wrong_call_changes_nothing(
    shelf: Shelf, words: list[str], code: int, message: str
) -> None:
    result = shelf.call(*words)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert message in result.stderr
    assert shelf.names == [WIDE, NARROW, WALK]


def test_runs_and_walks_are_removed(shelf: Shelf) -> None:
    (shelf.runs / WIDE / "run.json").write_text("{")  # damaged ones too
    result = shelf.call("remove", "--yes", WIDE, str(shelf.runs / WALK))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{WIDE}: removed\n{WALK}: removed\n"
    assert shelf.names == [NARROW]


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [("n\n", 0, "nothing was removed"), ("", 130, "interrupted"), ("y\n", 0, f"{WIDE}: removed")],
)
def test_at_a_terminal_it_asks(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, words: str
) -> None:
    monkeypatch.setattr(confirm, "_can_ask", lambda: True)
    runner = CliRunner(env=shelf.place.environment)
    result = runner.invoke(app, ["runs", "remove", WIDE], input=answer)
    assert result.exit_code == code, result.output
    assert f"Remove {WIDE} (" in result.stderr
    assert words in result.stderr
    assert (WIDE in shelf.names) == (answer != "y\n")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_nothing_outside_the_runs_folder_is_removed(shelf: Shelf, tmp_path: Path) -> None:
    elsewhere = Path(shutil.copytree(shelf.runs / WIDE, tmp_path / "elsewhere"))
    (shelf.runs / "linked").symlink_to(elsewhere)
    (tmp_path / "nested").symlink_to(shelf.runs)
    (shelf.runs / WIDE / "charts").symlink_to(elsewhere)
    before = size_of(elsewhere)
    for name, words in (
        ("linked", "is a link to"),
        (str(elsewhere), "is not in the runs folder"),
        ("../../elsewhere", "is not in the runs folder"),
        (f"{shelf.runs}/{WIDE}/charts", "is not in the runs folder"),
    ):
        here = Path.cwd()
        os.chdir(shelf.runs)
        try:
            result = shelf.call("remove", "--yes", name)
        finally:
            os.chdir(here)
        assert result.exit_code == 8, result.output
        assert words in result.stderr
    # A link in the run goes, what it leads to stays; a path through a link leads to the same run.
    assert shelf.call("remove", "--yes", str(tmp_path / "nested" / WIDE)).exit_code == 0
    assert not (shelf.runs / WIDE).exists()
    assert size_of(elsewhere) == before


def test_other_folders_are_not_removed(shelf: Shelf) -> None:
    (shelf.runs / "notes").mkdir()
    (shelf.runs / "notes" / "thoughts.txt").write_text("mine")
    result = shelf.call("remove", "--yes", "notes")
    assert result.exit_code == 8
    assert "is neither a run nor a walk" in result.stderr
    assert (shelf.runs / "notes" / "thoughts.txt").read_text() == "mine"


HOLD = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH)
print("held", flush=True)
sys.stdin.read()
"""
"""What `in_use` does, without what it takes to load it."""


@pytest.mark.skipif(not LOCKS, reason="no such locks there")
def test_a_run_in_use_stays(shelf: Shelf) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(shelf.runs / WIDE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        result = shelf.call("remove", "--yes", WIDE)
        assert (result.exit_code, result.stdout) == (8, "")
        assert "is in use by another process" in result.stderr
        assert size_of(shelf.runs / WIDE) > 0
        # Others may use it as well.
        assert shelf.call("show", WIDE).exit_code == 0
        other.communicate()
    assert shelf.call("remove", "--yes", WIDE).exit_code == 0


@pytest.mark.skipif(not LOCKS, reason="no such locks there")
def test_a_command_holds_its_run_while_it_works(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lstmcast.run import Run

    seen = []

    def networks(run: Run) -> list[object]:
        try:
            with alone(run.path):
                seen.append("free")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
            seen.append(str(error))
        return []

    monkeypatch.setattr(Run, "networks", networks)
    assert shelf.call("show", WIDE).exit_code == 0
    assert seen == [f"the run {shelf.runs / WIDE} is in use by another process"]
    with alone(shelf.runs / WIDE):  # and lets it go
        pass


def test_what_may_not_go_stays_whole(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shelf.runs / WIDE
    (path / "charts").mkdir()
    allowed = os.access
    monkeypatch.setattr(
        os, "access", lambda place, mode: "charts" not in str(place) and allowed(place, mode)
    )
    before = size_of(path)
    result = shelf.call("remove", "--yes", WIDE)
    assert result.exit_code == 10
    assert f"`{path / 'charts'}` cannot be removed: Permission denied" in result.stderr
    assert size_of(path) == before


def test_a_removal_that_was_killed_leaves_nothing_to_see(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove(shelf.runs / WIDE)
    assert [name for name in shelf.names if name.startswith(f".{WIDE}.")]
    assert {entry["name"] for entry in json.loads(shelf.call("list", "--json").stdout)} == {
        NARROW,
        WALK,
    }
    assert shelf.call("show", NARROW).exit_code == 0  # which sweeps
    assert shelf.names == [NARROW, WALK]


def test_a_folder_that_is_gone_is_in_nobody_s_use(tmp_path: Path) -> None:
    with in_use(tmp_path / "absent"):
        pass


def test_quiet_leaves_data_and_errors(shelf: Shelf) -> None:
    """Before the command or after it, and for that one call only."""
    (shelf.runs / WIDE / "run.json").write_text("{")
    loud = shelf.call("list")
    for words in (["-q", "runs", "list"], ["runs", "list", "--quiet"]):
        result = shelf.place.invoke(*words)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == loud.stdout
    failed = shelf.place.invoke("--quiet", "runs", "show", "absent")
    assert failed.exit_code == 8
    assert failed.stderr.startswith("error: there is no run `absent`\nhint: ")
    assert "warning: " in shelf.call("list").stderr
    assert shelf.place.invoke("runs", "--quiet", "list").exit_code == 2
