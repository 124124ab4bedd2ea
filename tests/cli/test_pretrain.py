"""`lstmcast pretrain`: what it writes and says, what it refuses, and Ctrl-C."""

import json
import os
import re
import signal
import sys
import threading
from pathlib import Path

import pytest
from safetensors import safe_open
from support.pretrained import same_weights, tiny
from typer.testing import CliRunner, Result

from lstmcast.cli.app import app
from lstmcast.cli.pretrain_progress import BarProgress, LineProgress
from lstmcast.pretraining.objective import HeldOutLoss
from lstmcast.pretraining.observers import Interrupted, References, Silent
from lstmcast.pretraining.progress import Training
from lstmcast.pretraining.settings import Settings
from lstmcast.pretraining.training import pretrain
from lstmcast.pretraining.weights import Pretrained

SMALL = (None, None, "cpu", 0, 1, 4, 8, 16, 110, 2, 16, ())
"""Defaults of `Settings` with which a pretraining takes a second; the command says no sizes."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command train small networks on few markets."""
    monkeypatch.setattr(Settings.__init__, "__defaults__", SMALL)
    assert Settings(steps=6) == tiny()


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["pretrain", "--device", "cpu", *map(str, words)])


@pytest.mark.usefixtures("small")
def test_it_writes_networks_that_others_can_begin_as(tmp_path: Path) -> None:
    out = tmp_path / "new" / "w.safetensors"
    done = run("--steps", "3", "--out", out, "--seed", "4", "--without", "news", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    found = Pretrained.load(out)
    assert same_weights(found, pretrain(tiny(steps=3, seed=4, without=("news",))))
    assert told == {
        "status": "complete", "out": str(out), "bytes": out.stat().st_size, **found.record
    }  # fmt: skip
    assert found.record["settings"]["without"] == ["news"]
    assert found.record["settings"]["seed"] == 4
    assert {"lstmcast", "torch", "date", "minutes", "steps", "markets"} <= found.record.keys()
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert re.search(r"untrained \(EWMA\) \d\.\d{4}, knowing the simulator's", done.stderr)
    assert re.search(r"network 1/1 step 3 \(100%, .* min\): held-out loss \d\.\d{4}", done.stderr)


@pytest.mark.usefixtures("small")
def test_it_goes_on_from_what_was_interrupted_and_says_what_came_out(tmp_path: Path) -> None:
    out, partial, stop = tmp_path / "w", tmp_path / "w.partial", threading.Event()

    class Stopper(Silent):
        def on_step_end(self, *_: object) -> None:
            stop.set()

    with pytest.raises(Interrupted, match="after 1 steps"):
        pretrain(tiny(), Stopper(), partial_file=partial, stop=stop)
    refused = run("--steps", "6", "--out", out)
    assert refused.exit_code == 2
    assert f"{partial} keeps a pretraining that was interrupted" in refused.stderr
    assert "--resume" in refused.stderr
    other = run("--steps", "6", "--out", out, "--resume", "--seed", "3")
    assert other.exit_code == 2
    assert "`seed` was 0, now 3" in other.stderr
    assert partial.exists()
    assert not out.exists()
    done = run("--steps", "6", "--out", out, "--resume")
    assert done.exit_code == 0, done.stderr
    assert same_weights(Pretrained.load(out), pretrain(tiny()))
    assert not partial.exists()
    assert "trained 1 network in" in done.stderr
    assert "6 steps, 48 markets" in done.stderr
    assert f"wrote {out} (0.01 MB)" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "`--minutes` or `--steps` is missing"),
        (("--steps", "0"), 2, "`steps` must be at least 1, got 0"),
        (("--minutes", "-1"), 2, "`minutes` must be above 0, got -1.0"),
        (("--minutes", "nan"), 2, "`--minutes` is nan"),
        (("--steps", "1", "--networks", "0"), 2, "`networks` must be at least 1, got 0"),
        (("--steps", "1", "--without", "nws"), 2, "`without` names nws"),
        (("--steps", "1", "--device", "gpu"), 3, "`--device` is 'gpu', which is not a device"),
        (("--steps", "1", "--device", "cuda:99"), 9, "`--device` is 'cuda:99', and PyTorch"),
        (("--steps", "1", "--resume"), 8, "does not exist: there is nothing to resume"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_before_anything_is_simulated(
    tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = run("--out", tmp_path / "w", *words)
    assert done.exit_code == code
    assert message in done.stderr
    assert "hint:" in done.stderr or "must be" in message
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for out, words in ((tmp_path, "is a folder"), (file / "w", "cannot be made")):
        done = run("--steps", "1", "--out", out)
        assert done.exit_code == 10
        assert words in done.stderr


@pytest.mark.usefixtures("small")
def test_ctrl_c_keeps_what_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "my weights"
    tell = LineProgress.on_step_end

    def pressed(shown: LineProgress, network: int, training: Training, *rest: float) -> None:
        tell(shown, network, training, *rest)
        if training.steps == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(LineProgress, "on_step_end", pressed)
    command = ["pretrain", "--device", "cpu", "--steps", "100000", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["lstmcast", *command])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = CliRunner().invoke(app, command)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.exit_code == 130
    rest = done.stderr
    assert "Traceback" not in rest
    partial = tmp_path / "my weights.partial"
    steps = re.search(rf"interrupted after (\d+) steps; {partial} keeps what was trained", rest)
    assert steps is not None
    assert f"to go on: lstmcast pretrain --device cpu --steps 100000 --out '{out}' --resume" in rest
    with safe_open(partial, framework="pt") as file:
        kept = json.loads(file.metadata()["lstmcast.partial"])
    assert kept["training"]["steps"] == int(steps[1]) == 3
    assert not out.exists()


def test_on_a_terminal_each_network_has_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    settings = tiny()
    training = Training(3, settings, 0)
    loss = HeldOutLoss(1.5, (2.0,) * 6)
    with BarProgress(networks=2) as progress:
        progress.on_train_begin(References(HeldOutLoss(1.75, (2.0,) * 6), 1.25))
        training.steps = 6
        progress.on_step_end(0, training, 1.0, 1.625)
        progress.on_evaluate(0, training, 1.0, loss)
    shown = capsys.readouterr().err
    assert "untrained (EWMA) 1.7500, knowing the simulator's volatility 1.2500" in shown
    assert re.search(r"network 1 .*100 %  step 6 training 1\.6250  held out 1\.5000", shown)
    assert re.search(r"network 2 .* 0 %  step 0", shown)
