"""`lstmcast train`: what it writes and says, what it refuses, and Ctrl-C."""

import io
import json
import os
import pty
import re
import resource
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from support.experiments import trained
from support.histories import as_history, simulated, simulated_bars
from support.program import Workplace

from lstmcast.cli.train import _tell_of_idle_training
from lstmcast.cli.train_progress import BarProgress, LineProgress
from lstmcast.run import Run
from lstmcast.training import EpochRecord
from lstmcast.training.forecaster import Forecaster

ONE = ("--set", "model.members=1")


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace.make(tmp_path)


def test_training_leaves_a_run_and_says_what_is_next(place: Workplace) -> None:
    result = place.invoke("train", "-c", place.config)
    assert (result.exit_code, result.stdout) == (0, "")
    run = Run.open(None, place.runs)
    assert run.record["status"] == "complete"
    lines = result.stderr.splitlines()
    number = r"\d+\.\d{4}"
    for member in (0, 1):
        pattern = rf"member {member} epoch 1/2: train {number} validation {number} best {number}"
        assert len([line for line in lines if re.match(pattern, line)]) == 1
        pattern = rf"member {member} done: best validation {number} in epoch [12]$"
        assert len([line for line in lines if re.match(pattern, line)]) == 1
    assert re.fullmatch(rf"trained 2 networks in \d+\.\d s on cpu; run {run.path}", lines[-2])
    assert lines[-1] == "next: lstmcast evaluate"
    (layers,) = [line for line in lines if line.startswith("each network: ")]
    assert re.search(r"LSTMCell 29 -> 4 \(\d+\), head \w+.* [\d,]+ parameters in all$", layers)
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("rest", [("0.4", "0.1"), ("0.3", "0.2")])
def test_training_says_when_its_test_part_is_too_short(
    tmp_path: Path, rest: tuple[str, str]
) -> None:
    place = Workplace.make(tmp_path, simulated(rows=460))
    shares = zip(("train", "validation", "test"), ("0.5", *rest), strict=True)
    options = [word for name, share in shares for word in ("--set", f"split.{name}={share}")]
    result = place.invoke("train", "-c", place.config, *options, *ONE)
    assert result.exit_code == 0, result.stderr
    days = Run.open(None, place.runs).predictions()["origin"].nunique()
    said = rest == ("0.4", "0.1")
    assert (days < 60) is said
    note = f"note: forecasts from {days} test sessions have a known outcome; with fewer than 60"
    assert (note in result.stderr) is said


def test_training_says_on_which_prices_and_who_had_none(tmp_path: Path) -> None:
    late = as_history(simulated_bars(8, 260, first="2001-11-01"), "BBB")
    place = Workplace.make(tmp_path, simulated(rows=460), late)
    options = ["--set", "data.symbols=[AAA, BBB]", "--set", "split.train=0.4"]
    options += ["--set", "split.validation=0.4", *ONE]
    result = place.invoke("train", "-c", place.config, *options)
    assert result.exit_code == 0, result.stderr
    first, last = (f"{day:%Y-%m-%d}" for day in (simulated().first, simulated(rows=460).last))
    assert f"AAA from csv: 460 sessions, {first} to {last}" in result.stderr
    split = Run.open(None, place.runs).record["split"]
    assert (
        f"training to {split['train_end']}, validation to {split['validation_end']},"
        f" test to {split['test_end']}\n"
        "note: BBB: no session to train on; forecast by networks trained on the other symbols\n"
    ) in result.stderr


def test_json_is_all_that_is_on_stdout(place: Workplace) -> None:
    result = place.invoke("train", "-c", place.config, "--json")
    told = json.loads(result.stdout)
    run = Run.open(None, place.runs)
    assert told["run"] == str(run.path)
    assert (told["status"], told["device"], told["diverged_members"]) == ("complete", "cpu", [])
    history = run.history()
    assert told["validation_loss"] == pytest.approx(
        list(history["validation_loss"][history["kept"]])
    )


def test_set_overrides_the_file(place: Workplace) -> None:
    options = ("--set", "training.seed=3", *ONE, "--set", "features=[returns, calendar]")
    assert place.invoke("train", "-c", place.config, *options).exit_code == 0
    experiment = Run.open(None, place.runs).experiment()
    assert (experiment.training.seed, experiment.model.members) == (3, 1)
    assert experiment.features == ("returns", "calendar")


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file under a folder that is not a lock, with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.parametrize(
    ("options", "code", "fault", "hint"),
    [
        (["data.symbols=[ZZZ]"], 7, "ZZZ is not in the store", "run `lstmcast fetch ZZZ`"),
        (["data.source=yahoo"], 7, "AAA is stored from csv, not from yahoo", "`data.source`"),
        (["data.symbols=[../x]"], 2, "which cannot be a ticker", "letters, digits"),
        (["data.start=2030-01-01"], 5, "has no bars from 2030-01-01", "it has 2001-01-02"),
        (["data.end=2001-01-31"], 4, "has 22 sessions, features need more than", "longer"),
        (["training.lookback=300"], 4, "`training.lookback` 300 needs as many", "shorten"),
        (["target.horizon=60", "split.validation=0.1", "split.test=0.3"],
         4, "`target.horizon` 60 is longer than the validation part", "use `target.horizon: "),
        (["training.supervision=last", "training.lookback=300", "split.train=0.8",
          "split.validation=0.1", "split.test=0.1", "data.symbols=[AAA, BBB]"],
         4, "reaches back before the first session with features of BBB", "shorten"),
        (["split.train_end=2002-01-31", "split.validation_end=2030-01-01"],
         4, "no test sessions for AAA", "move `split` earlier"),
        (["features=[moon]"], 3, "`features` names moon", "the groups are returns"),
        (["model.network=gru"], 3, "`model.network` is 'gru', which does not exist", "choose"),
        (["model.head=oracle"], 3, "`model.head` is 'oracle', which does not exist", "choose"),
        (["target.kind=price", "model.head=student_t"],
         3, "does not fit `target.kind` price", "model.head: point"),
        (["target.kind=price", "features=[returns]"],
         3, "needs the feature group `price`", "add"),
        (["training.device=cuda:99"], 9, "`training.device` is 'cuda:99'", "training.device=cpu"),
        (["training.device=tpu"], 3, "`training.device` is 'tpu', which is not a device", "auto"),
        (["colour=red"], 3, "has 1 fault\n  - `colour` is not a key", ""),
        (["model.members=0", "model.network=gru", "features=[moon]"], 3,
         "equal to 1\n  - `model.network` is 'gru', which does not exist; choose", ""),
        (["training.device=tpu", "model.pool.baselines=[magic]"], 3,
         "the experiment has 2 faults\n  - `model.pool.baselines` names 'magic'", ""),
        (["data.symbols=[csv:AAA]"], 2, "which includes a source", "give AAA, and the source"),
        (["data.symbols"], 3, "`--set` must look like", "name a key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line_before_anything_is_written(
    place: Workplace, options: list[str], code: int, fault: str, hint: str
) -> None:
    place.store.save(simulated(2, 350, symbol="BBB", first="2001-04-09"))
    before = snapshot(place.root)
    overrides = [word for option in options for word in ("--set", option)]
    result = place.invoke("train", "-c", place.config, *overrides)
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert fault in result.stderr
    assert hint in result.stderr.partition("hint: ")[2]
    assert "Traceback" not in result.stderr
    assert snapshot(place.root) == before
    assert not place.runs.exists() or list(place.runs.iterdir()) == []


def test_a_column_that_the_source_lacks_is_named(tmp_path: Path) -> None:
    place = Workplace.make(tmp_path, as_history(simulated_bars(1, 420)[["close"]]))
    result = place.invoke("train", "-c", place.config, "--set", "features=[range]")
    assert result.exit_code == 4
    assert "feature group `range` needs `open`, `high`, `low`, which AAA" in result.stderr
    result = place.invoke("train", "-c", place.config, *ONE)
    assert result.exit_code == 0
    assert "note: features leave out `range`, `volume`: AAA lacks their columns\n" in result.stderr


@pytest.mark.usefixtures("painted_charts")
def test_walks_and_studies_name_it_as_well(tmp_path: Path) -> None:
    place = Workplace.make(tmp_path, as_history(simulated_bars(1, 620)[["close"]]))
    walk = place.invoke(
        "backtest", "-c", place.config, "--folds", "1", "--from", "2002-12-10",
        "--baselines", "random_walk", *ONE,
    )  # fmt: skip
    study = place.invoke("tune", "-c", place.config, "--trials", "1", *ONE)
    for result in (walk, study):
        assert result.exit_code == 0, result.output
        assert result.stderr.startswith("note: features leave out `range`, `volume`: AAA lacks")


def test_epochs_that_came_to_nothing_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The lowest validation loss is that of a later epoch, and the weights are those of epoch 0."""
    run = trained("model.start=pretrained", "training.refit=none")
    first, second = run.ensemble.members
    for records, said in (
        ((_kept(first.records, 1), _kept(second.records, 2)), None),
        ((_kept(first.records, 0), _kept(second.records, 1)), "member 0"),
        ((_kept(first.records, 0), _kept(second.records, 0)), "members 0, 1"),
        ((_kept(first.records[:1], 0), _kept(second.records, 1)), None),  # it was not to train
    ):
        members = [
            replace(member, records=one)
            for member, one in zip((first, second), records, strict=True)
        ]
        _tell_of_idle_training(replace(run, ensemble=replace(run.ensemble, members=members)))
        told = capsys.readouterr().err
        assert (f"early stopping kept epoch 0 of {said}, before" in told) if said else not told


def _kept(records: list[EpochRecord], epoch: int) -> list[EpochRecord]:
    return [replace(record, kept=record.epoch == epoch) for record in records]


def test_a_damaged_store_file_is_named(place: Workplace) -> None:
    place.store.path("AAA", "csv").write_bytes(b"PAR1")
    result = place.invoke("train", "-c", place.config)
    assert result.exit_code == 7
    assert "AAA.parquet` cannot be read" in result.stderr


def test_a_file_of_the_experiment_that_is_not_there(place: Workplace) -> None:
    result = place.invoke("train", "-c", place.root / "absent.yaml")
    assert result.exit_code == 3
    assert "absent.yaml cannot be read: No such file or directory" in result.stderr


def test_a_runs_folder_that_cannot_be_made_is_told_before_training(place: Workplace) -> None:
    place.runs.write_text("a file")
    result = place.invoke("train", "-c", place.config)
    assert result.exit_code == 10
    assert "runs` cannot be made: File exists" in result.stderr
    assert "member" not in result.stderr


def test_a_run_s_config_trains_the_same_run_after_newer_bars_have_come(place: Workplace) -> None:
    assert place.invoke("train", "-c", place.config).exit_code == 0
    first = Run.open(None, place.runs)
    place.store.save(simulated(1, 600))
    assert place.invoke("train", "-c", first.path / "config.yaml").exit_code == 0
    second = Run.open(None, place.runs)
    assert first.path != second.path
    for name in ("config.yaml", "model.safetensors", "predictions.parquet"):
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes()


ENDLESS = ("--set", "training.epochs=100000", "--set", "training.patience=100000")
BARS = [rf"member {k} .*━.*epoch \d+/100000 .*best \d\.\d{{4}}" for k in (0, 1)]


@pytest.mark.slow
def test_on_a_terminal_each_member_has_a_bar_and_ctrl_c_keeps_the_best_so_far(
    place: Workplace,
) -> None:
    ours, theirs = pty.openpty()
    with place.start("train", "-c", place.config, *ENDLESS, stderr=theirs) as process:
        os.close(theirs)
        shown, asked, end = b"", False, time.monotonic() + 60
        while piece := read(ours):
            shown += piece
            screen = shown.decode(errors="replace")
            begun = all(re.search(bar, screen) for bar in BARS)
            if not asked and (begun or time.monotonic() > end):
                process.send_signal(signal.SIGINT)
                asked = True
        assert process.wait(timeout=60) == 130
    os.close(ours)
    assert begun
    assert "\x1b[" in screen
    assert "interrupted: the best networks so far were kept" in screen
    assert "Traceback" not in screen
    run = Run.open(None, place.runs)
    assert run.record["status"] == "interrupted"
    assert isinstance(run.forecaster(), Forecaster)
    assert not run.predictions().empty
    assert place.invoke("forecast").exit_code == 0


def read(terminal: int) -> bytes:
    """What the other side wrote; nothing when it has closed the terminal."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_file_that_does_not_fit_leaves_no_run(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for the full disk: the system itself refuses to write."""
    # Python 3.11 cuts its own compiled modules off at the limit and keeps them so.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, usual[1]))
    try:
        result = place.invoke("train", "-c", place.config)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert result.exit_code == 10
    assert "cannot be written: File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(place.runs.iterdir()) == []


def record(member: int, epoch: int, loss: float) -> EpochRecord:
    return EpochRecord(member, epoch, loss, loss, 0.01, 0.1)


def test_lines_tell_of_restarts_and_of_members_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with LineProgress(members=2, epochs=20) as progress:
        progress.on_epoch_end(record(0, 1, 2.0), best=True)
        progress.on_epoch_end(record(0, 2, 1.5), best=True)
        progress.on_epoch_end(record(0, 10, 1.7), best=False)
        progress.on_restart(0, 0.003)
        progress.on_train_end(0, kept=False)
    assert capsys.readouterr().err.splitlines() == [
        "member 0 epoch 1/20: train 2.0000 validation 2.0000 best 2.0000 (epoch 1) 0.10 s/epoch",
        "member 0 epoch 10/20: train 1.7000 validation 1.7000 best 1.5000 (epoch 2) 0.10 s/epoch",
        "member 0 diverged; starting again with learning rate 0.003",
        "member 0 done: left out",
    ]


def test_bars_tell_of_restarts_and_of_members_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with BarProgress(members=2, epochs=20) as progress:
        progress.on_epoch_end(record(0, 1, 2.0), best=True)
        progress.on_epoch_end(record(1, 1, 2.0), best=True)
        progress.on_restart(0, 0.003)
        progress.on_train_end(0, kept=False)
        progress.on_train_end(1, kept=True)
    shown = capsys.readouterr().err
    assert "member 0 diverged; starting again with learning rate 0.003" in shown
    assert "diverged, left out" in shown
    assert re.search(
        r"member 1 .* epoch 1/1 train 2\.0000  validation 2\.0000  best 2\.0000", shown
    )


@pytest.mark.parametrize("columns", [60, 80, 100, 140])
def test_the_time_that_is_left_is_whole_on_any_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    shown = io.StringIO()
    screen = Console(file=shown, width=columns, force_terminal=True, color_system=None)
    monkeypatch.setattr("lstmcast.cli.progress.err", lambda: screen)
    with BarProgress(members=13, epochs=100_000) as progress:
        for epoch in (1, 99_998, 99_999):
            progress.on_epoch_end(record(12, epoch, -2.5), best=True)
    last = shown.getvalue().replace("\r", "\n").splitlines()
    lines = [line for line in last if "99999/100000" in line]
    assert lines
    for line in lines:
        assert re.search(
            r"12 .*99999/100000 .*-2\.5000 +best -2\.5000 \* .*at most [\d:-]{7}", line
        )
        assert "\N{HORIZONTAL ELLIPSIS}" not in line
        assert len(re.sub(r"\x1b\[[\d;?]*\w", "", line).rstrip()) <= columns
