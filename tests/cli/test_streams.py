"""Output that nobody reads to the end, that lacks characters, or that has no room."""

import errno
import io
import os
import pty
import select
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.program import EVERY, Workplace
from support.streams import run, unread

from lstmcast.cli import console, streams
from lstmcast.cli.train_progress import Finished, LineProgress
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run
from lstmcast.training import EpochRecord

FULL = Path("/dev/full")
ONE = ("--set", "model.members=1")
NARROW = ("cp932", "cp949", "cp437", "ascii")


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one symbol, whose name file systems and encodings have trouble with."""
    place = Workplace.make(tmp_path / "d\N{LATIN SMALL LETTER E WITH ACUTE}p\N{EN DASH}t")
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return place.root


def test_every_command_can_be_piped_to_a_reader_that_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for words in EVERY:
        with unread() as gone:
            assert run(monkeypatch, *words, "--help", stdout=gone) == 0, words


@pytest.mark.parametrize("names", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_a_reader_that_leaves_keeps_the_command_from_nothing(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    with unread() as gone:
        both = dict.fromkeys(names, gone)
        assert run(monkeypatch, "data", "show", "AAA", **both) == 0
        target = tmp_path / "AAA.csv"
        assert run(monkeypatch, "data", "export", "AAA", "-o", target, **both) == 0
        assert target.stat().st_size > 1000
        assert run(monkeypatch, "data", "show", "BBB", **both) == 7


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
@pytest.mark.parametrize("kind", ["left", "full", "closed"])
def test_a_training_that_nobody_can_be_told_of_is_kept(
    stored: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with unread() as gone, FULL.open("w", encoding="utf-8") as full:
        stderr = {"left": gone, "full": full, "closed": None}[kind]
        assert run(monkeypatch, "train", "-c", stored / "small.yaml", *ONE, stderr=stderr) == 0
    assert Run.open(None, stored / "runs").record["status"] == "complete"


def test_no_training_ends_because_it_cannot_be_shown() -> None:
    class Broken(LineProgress):
        def _say(self, line: str) -> None:
            raise OSError(errno.EIO, line)

    shown = Finished(Broken(1, 10), 1)
    shown.on_epoch_end(EpochRecord(0, 1, 1.0, 1.0, 0.1, 0.1), best=True)
    shown.on_restart(0, 0.1)
    shown.on_train_end(0, kept=True)
    assert shown.all


def test_a_pipe_that_is_full_and_does_not_block_is_waited_for() -> None:
    """What another program reads slowly is not lost, and is no error."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    read = list[bytes]()

    def slowly() -> None:
        with io.FileIO(reader) as stream:
            read.append(stream.read())

    thread = threading.Thread(target=slowly)
    raw = streams.Patient(writer)
    while os.write(writer, b"x" * 4096) == 4096 and not read_ready(writer):
        pass
    thread.start()
    assert raw.write(b"end") == 3
    os.close(writer)
    thread.join()
    assert read[0].endswith(b"xend")
    assert raw.failure is None


def read_ready(writer: int) -> bool:
    """Whether a pipe is full."""
    return not select.select([], [writer], [], 0)[1]


def test_a_terminal_that_is_closed_ends_no_command(stored: Path, tmp_path: Path) -> None:
    """Its window is gone, and whatever is written to it fails."""
    ours, theirs = pty.openpty()
    os.close(ours)
    place, target = Workplace(stored), tmp_path / "AAA.csv"
    with place.start("data", "export", "AAA", "-o", target, stderr=theirs) as process:
        assert process.wait(60) == 0
    os.close(theirs)
    assert target.stat().st_size > 1000


def test_streams_that_are_closed_from_the_start_are_left_out(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert run(monkeypatch, "data", "show", "AAA", stdout=None, stderr=None) == 0
    assert run(monkeypatch, "data", "remove", "AAA", stdout=None, stderr=None) == 2
    sys.stdin.close()
    assert PriceStore(stored / "data").sources("AAA") == ["csv"]


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
def test_an_output_without_room_is_an_error_and_not_a_bug(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    with FULL.open("w", encoding="utf-8") as full, told.open("w") as stderr:
        assert run(monkeypatch, "data", "show", "AAA", stdout=full, stderr=stderr) == 10
    assert "error: the output cannot be written: No space left on device" in told.read_text()


@pytest.mark.parametrize("encoding", NARROW)
def test_every_command_speaks_in_a_narrow_encoding(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    for words, code in (
        (("data", "show", "AAA"), 0),  # the path of the store
        (("data", "list"), 0),
        (("data", "show", "B\N{EM DASH}B"), 2),
        (("train", "-c", stored / "absent.yaml"), 3),
        (("predict",), 2),
        # What is laid out for a screen: of all commands where least can be shown.
        *(((*words, "--help"), 0) for words in (EVERY if encoding == "ascii" else [("train",)])),
    ):
        with out.open("w", encoding=encoding) as stdout, err.open("w", encoding=encoding) as stderr:
            assert run(monkeypatch, *words, stdout=stdout, stderr=stderr) == code, words
        told = (out if code == 0 else err).read_text(encoding=encoding)
        assert told, words
        if words == ("data", "show", "AAA") and encoding == "ascii":
            assert "/d\\xe9p-t/" in told


def test_signs_that_an_encoding_lacks_become_plain_ones() -> None:
    raw = io.BytesIO()
    streams.register()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors=streams.HANDLER)
    stream.write("1\N{EN DASH}2 \N{PLUS-MINUS SIGN}3 \N{GREEK SMALL LETTER PI} \udcff")
    stream.flush()
    assert raw.getvalue() == b"1-2 +-3 \\u03c0 \\udcff"


@pytest.mark.parametrize(
    ("encoding", "sign"), [("utf-8", "\xb1"), ("cp437", "\xb1"), ("ascii", "+-")]
)
def test_columns_are_laid_out_with_what_can_be_shown(
    monkeypatch: pytest.MonkeyPatch, encoding: str, sign: str
) -> None:
    """Replaced afterwards, one character by two, a row would be longer than the others."""
    streams.register()
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors=streams.HANDLER)
    monkeypatch.setattr(sys, "stdout", stream)
    assert console.give_or_take("1", "2") == f"1{sign}2"
    table = console.figures("Title")
    for name in ("name", "slope"):
        table.add_column(name, justify="right")
    table.add_row("A", console.give_or_take("0.5", "0.25"))
    table.add_row("B", "-")
    console.print_table(table)
    stream.flush()
    lines = raw.getvalue().decode(encoding).splitlines()
    assert lines[0] == "Title"
    assert len({len(line) for line in lines[1:]}) == 1


def test_a_thread_that_still_shows_progress_does_not_abort_the_end() -> None:
    """Python aborts where such a thread holds a buffer's lock, here because its pipe is full."""
    program = (
        "import sys, threading, time; from lstmcast.cli.streams import steady_streams; "
        "steady_streams(); show = lambda: sys.stderr.write('x' * 1_000_000); "
        "threading.Thread(target=show, daemon=True).start(); time.sleep(0.2)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.stderr.close()
