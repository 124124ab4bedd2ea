"""Ctrl-C, SIGTERM and SIGHUP: what is kept is said, and nothing that is finished is lost."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from support.histories import simulated
from support.program import Workplace

import lstmcast.api.fitting
import lstmcast.run
import lstmcast.training
from lstmcast.cli import backtest, interrupts
from lstmcast.cli.interrupts import patience
from lstmcast.cli.train_progress import Finished
from lstmcast.evaluation.backtest import Backtest
from lstmcast.evaluation.backtest.walk import FoldFiles
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.sample import SampleSource
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run
from lstmcast.training import EpochRecord

ONE = ("--set", "model.members=1")
WALK = ("--folds", "2", "--from", "2002-12-10", "--baselines", "random_walk,ewma")


SIGNALS = [
    (signal.SIGINT, 130, "interrupted"),
    (signal.SIGTERM, 143, "ended by SIGTERM"),
    (signal.SIGHUP, 129, "ended by SIGHUP"),
]


def press(number: int = signal.SIGINT) -> None:
    """Ctrl-C, or another signal."""
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Tests in the background of a shell have Ctrl-C ignored."""
    numbers = (signal.SIGINT, *interrupts.ENDING)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.listen()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    interrupts._heard.clear()


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace.make(tmp_path, simulated(rows=620))


def test_only_the_first_one_while_finishing_is_put_off(capsys: pytest.CaptureFixture[str]) -> None:
    finishing = False
    with patience(lambda: finishing, "wait") as late:
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            press()
        assert [late.asked] == [False]
        finishing = True
        press()
        assert [late.asked] == [True]
        assert capsys.readouterr().err == "wait; Ctrl-C again gives it up\n"
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            press()
    with pytest.raises(KeyboardInterrupt, match=r"^$"):  # as before
        press()


def test_before_the_first_epoch_nothing_is_kept(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lstmcast.training, "train_experiment", lambda *_, **__: press())
    result = place.invoke("train", "-c", place.config, *ONE)
    assert (result.exit_code, result.stderr) == (130, "nothing is kept\ninterrupted\n")
    assert list(place.runs.iterdir()) == []


@pytest.mark.parametrize(("number", "code", "words"), SIGNALS)
@pytest.mark.parametrize("times", [1, 2])
def test_when_all_networks_are_trained_the_run_is_written(
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: int,
    words: str,
    times: int,
) -> None:
    """The rest takes seconds, and all of the training would be lost."""
    write = lstmcast.run.create_run

    def pressed(*arguments: object) -> Run:
        for _ in range(times):
            press(number)
        return write(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(lstmcast.api.fitting, "create_run", pressed)
    result = place.invoke("train", "-c", place.config, *ONE)
    assert result.exit_code == code
    assert "all networks are trained: writing the run" in result.stderr
    if times == 2 and number == signal.SIGINT:
        assert result.stderr.endswith("gives it up\nnothing is kept\ninterrupted\n")
        assert list(place.runs.iterdir()) == []
        return
    assert f"{words} when all networks were trained: the run is complete" in result.stderr
    assert Run.open(None, place.runs).record["status"] == "complete"


@pytest.mark.parametrize(("number", "code", "words"), SIGNALS)
@pytest.mark.parametrize("times", [1, 2])
def test_after_the_first_epoch_a_whole_run_is_kept(
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: int,
    words: str,
    times: int,
) -> None:
    """`timeout` sends SIGTERM twice, and a closed window may send more than one signal."""
    if number == signal.SIGINT and times == 2:
        pytest.skip("who presses Ctrl-C twice is in a hurry")
    tell = Finished.on_epoch_end

    def pressed(shown: Finished, record: EpochRecord, *, best: bool) -> None:
        tell(shown, record, best=best)
        if (record.member, record.epoch) == (0, 1):
            for _ in range(times):
                press(number)

    monkeypatch.setattr(Finished, "on_epoch_end", pressed)
    result = place.invoke("train", "-c", place.config, "--set", "training.epochs=2000")
    assert result.exit_code == code
    assert f"{words}: the best networks so far were kept" in result.stderr
    (run,) = (path for path in place.runs.iterdir())
    kept = Run.open(run, place.runs)
    assert kept.record["status"] == "interrupted"
    assert len(kept.predictions()) > 0
    assert len(kept.forecaster().networks) == 2


def test_a_signal_that_a_shell_has_ignored_stays_ignored() -> None:
    """As by `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.listen()
    with patience(lambda: True, "wait") as late:
        press(signal.SIGHUP)
        assert not late.asked
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.parametrize("number", [signal.SIGINT, *interrupts.ENDING])
def test_a_signal_after_the_work_changes_nothing(number: int) -> None:
    interrupts.work_is_over()
    press(number)
    interrupts.begin()
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        press(number)


def test_at_the_end_a_signal_leaves_with_the_code_of_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such as a second one, which must not end the program while it writes."""
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        press(signal.SIGTERM)
    press(signal.SIGHUP)
    assert interrupts.exit_code() == 143
    interrupts.leave_with(143)
    press(signal.SIGTERM)  # it is about to end in any case
    assert left == []
    monkeypatch.setattr(interrupts, "PATIENCE", 0.0)
    for number in (signal.SIGINT, *interrupts.ENDING):
        press(number)
    assert left == [143, 143, 143]


def test_python_does_not_end_an_interrupted_program_by_a_signal_of_its_own(
    place: Workplace,
) -> None:
    """As it does for `python -m` where a KeyboardInterrupt passed through `exec`."""
    (place.root / "interrupted.py").write_text(
        "import os, signal\n"
        "from lstmcast.cli.app import main\n"
        "from lstmcast.cli.console import note\n"
        "from lstmcast.prices.store import PriceStore\n"
        "note('first')\n"
        "PriceStore.entries = lambda _: exec('os.kill(os.getpid(), signal.SIGTERM)')\n"
        "main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "interrupted", "data", "list"],
        env={**os.environ, **place.environment},
        cwd=place.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (143, "first\nended by SIGTERM\n")


def test_every_command_ends_with_the_code_of_the_signal(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PriceStore, "entries", lambda _: press(signal.SIGTERM))
    result = place.invoke("data", "list")
    assert (result.exit_code, result.stderr) == (143, "ended by SIGTERM\n")


@pytest.mark.parametrize("kept", [0, 1])
def test_a_walk_shows_a_bar_from_the_start_and_says_what_it_keeps(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    def do(walk: Backtest, *_: object) -> FoldFiles:
        if len(walk.missing()) == len(walk.folds) - kept:
            assert f"{kept}/2" in shown.getvalue()
            press()
        return FoldFiles(b"the table")

    shown = io.StringIO()
    screen = Console(file=shown, width=80, force_terminal=True, color_system=None)
    monkeypatch.setattr(backtest, "err", lambda: screen)
    monkeypatch.setattr("lstmcast.evaluation.backtest.walk.Backtest.do", do)
    result = place.invoke("backtest", "-c", place.config, *WALK)
    words = (
        "none of 2 folds was finished, so nothing is kept"
        if kept == 0
        else "1 of 2 folds are kept; run the same command again to resume"
    )
    assert (result.exit_code, result.stderr) == (130, f"{words}\ninterrupted\n")


def test_a_walk_goes_on_with_the_folds_that_an_interrupt_left(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Backtest.do

    def do(walk: Backtest, *rest: object) -> FoldFiles:
        if len(walk.missing()) == 2:
            press()
        return honest(walk, *rest)  # type: ignore[arg-type]  # as they came

    words = ("backtest", "-c", place.config, *ONE, "--set", "training.epochs=1", "--folds", "3",
             *WALK[2:])  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr("lstmcast.evaluation.backtest.walk.Backtest.do", do)
        result = place.invoke(*words)
    assert result.exit_code == 130
    assert result.stderr.endswith(
        "1 of 3 folds are kept; run the same command again to resume\ninterrupted\n"
    )
    assert len(list(place.runs.glob("backtest-small-*/fold-*.parquet"))) == 1
    again = place.invoke(*words)
    assert again.exit_code == 0, again.stderr
    assert "1 of 3 folds were already done" in again.stderr
    assert len(list(place.runs.glob("backtest-small-*/fold-*.parquet"))) == 3


def test_a_fetch_says_how_many_symbols_are_stored(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = SampleSource.fetch

    def pressed(source: SampleSource, symbol: str, *days: object) -> PriceHistory:
        if symbol == "IBM":
            press()
        return fetch(source, symbol, *days)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(SampleSource, "fetch", pressed)
    result = place.invoke("fetch", "AAPL", "IBM", "MSFT", "--source", "sample")
    assert result.exit_code == 130
    assert result.stderr.endswith(
        "1 of 3 symbols are stored; run the same command again to resume\ninterrupted\n"
    )
    assert [place.store.sources(name) for name in ("AAPL", "IBM")] == [["sample"], []]
