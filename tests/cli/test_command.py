"""What holds for every command: values that none takes, and what the system refuses."""

import errno
import importlib
import os
import sys
import threading
from pathlib import Path
from py_compile import compile as compile_module

import pytest
from support.program import EVERY, Workplace

from lstmcast.cli.command import of_the_system, starved
from lstmcast.cli.console import print_error
from lstmcast.errors import ConfigError, OutputError, ResourcesError, StoreError
from lstmcast.prices.store import PriceStore

LONG = "x" * 256


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace.make(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("forecast", "--csv", ""), "`--csv` is empty"),
        (("forecast", "--csv="), "`--csv` is empty"),
        (("plot", "-o", ""), "`--output` is empty"),
        (("data", "list", "--data-dir", ""), "`--data-dir` is empty"),
        (("evaluate", "--runs-dir", ""), "`--runs-dir` is empty"),
        (("evaluate", ""), "`RUN | WALK` is empty"),
        (("train", "-c", ""), "`--config` is empty"),
        (("fetch", "AAA", "--path", ""), "`--path` is empty"),
        (("backtest", "-c", "small.yaml", "--cost-bps", "inf"), "`--cost-bps` is inf"),
        (("fetch", "AAA", "--timeout", "inf"), "`--timeout` is inf"),
        (("forecast", "--horizon", "9" * 30), "`--horizon` is over 1,000,000,000"),
        (("data", "show", "AAA", "--rows", "9" * 30), "`--rows` is over 1,000,000,000"),
    ],
)
def test_values_that_no_command_takes(place: Workplace, words: tuple[str, ...], said: str) -> None:
    result = place.invoke(*words)
    assert (result.exit_code, result.stderr.split("\n")[0]) == (2, f"error: {said}")
    assert "hint: " in result.stderr


def test_a_path_that_may_not_be_read_is_left_to_who_opens_it(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where typer looks first, a folder of mode 000 is wrong usage."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert place.invoke("data", "list").exit_code == 0


def test_a_clock_after_2262_is_told_and_no_bug() -> None:
    told = of_the_system(OverflowError("timestamp too large to convert to C _PyTime_t"))
    assert isinstance(told, ResourcesError)
    assert "clock shows a year" in told.message
    assert of_the_system(OverflowError("int too large")) is None


def test_every_command_has_these_rules() -> None:
    leaves = [command for command in EVERY.values() if not hasattr(command, "commands")]
    assert len(leaves) > 10
    assert {type(command).__name__ for command in leaves} == {"Command"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("data", "list", "--data-dir", LONG), 7),
        (("train", "-c", LONG), None),
        (("train", "-c", "small.yaml", "--runs-dir", LONG), None),
        (("evaluate", LONG), None),
        (("plot", LONG), None),
        (("data", "export", "AAA", "-o", LONG), 10),
        (("fetch", "AAA", "--source", "csv", "--path", LONG), None),
        (("fetch", "--symbols-file", LONG), None),
        (("fetch", "AAA", "--ca-bundle", LONG), None),
    ],
)
def test_names_that_no_file_can_have(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int | None
) -> None:
    monkeypatch.chdir(place.root)
    result = place.invoke(*words)
    assert result.exit_code == code if code else result.exit_code > 1
    assert "File name too long" in result.stderr
    assert result.stderr.count("error:") == 1


def caused(error: Exception, cause: Exception) -> Exception:
    """An error that something else is the reason for."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 8.00 TiB for an array"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 8 TB"),
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
        caused(ImportError("Unable to import numpy"), ImportError("x.so: failed to map segment")),
        caused(StoreError("it is damaged"), OSError(errno.EMFILE, os.strerror(errno.EMFILE))),
        caused(StoreError("it is damaged"), MemoryError()),
    ],
)
def test_what_the_system_does_not_give(
    place: Workplace, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(_: PriceStore) -> None:
        raise error

    monkeypatch.setattr(PriceStore, "entries", refuse)
    result = place.invoke("data", "list")
    assert result.exit_code == ResourcesError.exit_code == 15
    assert result.stderr.startswith("error: the system gives no more")


@pytest.mark.parametrize(
    ("words", "least", "needs"),
    [
        (("data", "list"), 350 * 10**6, "`data` needs 334 MiB"),
        (("plot",), 600 * 10**6, "`plot` needs 572 MiB"),
        (("backtest", "-c", "small.yaml"), 1_500 * 10**6, "`backtest` needs 1.4 GiB"),
    ],
)
def test_too_few_addresses_are_told_before_a_library_waits_for_more(
    place: Workplace,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    least: int,
    needs: str,
) -> None:
    """With 400 MB OpenBLAS spins for ever while SciPy is loaded; no signal ends it."""
    resource = pytest.importorskip("resource")
    limit = least - 1
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    result = place.invoke(*words)
    assert result.exit_code == 15
    assert f"{needs} or more\nhint: raise the limit: `ulimit -v " in result.stderr
    limit = least
    assert place.invoke(*words).exit_code != 15


def test_no_thread_is_told_before_a_library_aborts(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    result = place.invoke("fetch", "AAA", "--source", "csv", "--path", place.root)
    assert result.exit_code == 15
    assert result.stderr.startswith("error: the system gives no more threads: can't start")
    assert "`ulimit -u`" in result.stderr
    assert place.invoke("data", "list").exit_code == 0


def test_an_error_is_told_where_there_is_no_memory_for_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rich.text", None)
    print_error(ConfigError("no\x1b", "next", problems=("one\x1b",)))
    assert capsys.readouterr().err == "error: no\\x1b\n  - one\\x1b\nhint: next\n"


def test_a_path_that_may_not_be_looked_at_is_named() -> None:
    told = of_the_system(PermissionError(errno.EACCES, "Permission denied", "/closed/in"))
    assert isinstance(told, OutputError)
    assert told.message == "`/closed/in` cannot be used: Permission denied"


@pytest.mark.parametrize("kept", [30, 200])
def test_a_compiled_module_that_is_cut_off_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """Python writes one beside each source, keeps what fits on the disk, and then trusts it."""
    source = tmp_path / "cut_off.py"
    source.write_text("def answer(question, wait=7.5):\n    return 'six by nine', wait * 2\n")
    compiled = Path(str(compile_module(str(source), doraise=True)))
    compiled.write_bytes(compiled.read_bytes()[:kept])
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EOFError, match=r"marshal data too short|EOF read") as caught:
        importlib.import_module("cut_off")
    told = of_the_system(caught.value)
    assert isinstance(told, OutputError)
    assert told.message.startswith("a compiled module is cut off")
    assert told.hint is not None
    assert "`__pycache__`" in told.hint


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), OSError("a bug"), ValueError("a bug"), EOFError()]
)
def test_bugs_stay_bugs(error: Exception) -> None:
    assert of_the_system(error) is None


def test_errors_that_lead_back_to_themselves_are_read_once() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__context__ = second, first
    assert starved(first) is None
