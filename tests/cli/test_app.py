"""The program as a whole: help that loads nothing heavy, exit codes, and how errors look."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.program import EVERY, Workplace
from typer.testing import CliRunner

from lstmcast import __version__, errors
from lstmcast.cli.app import app
from lstmcast.errors import ConfigError, LstmcastError
from lstmcast.garbage import GARBAGE
from lstmcast.prices import selection

HEAVY = ("torch", "pandas", "matplotlib", "yfinance", "numpy", "sklearn", "scipy")


WORDS = pytest.mark.parametrize("words", EVERY, ids=lambda words: " ".join(words) or "lstmcast")


def branches(cls: type[LstmcastError]) -> Iterator[type[LstmcastError]]:
    for branch in cls.__subclasses__():
        yield branch
        yield from branches(branch)


# Those of the one module: other modules have kinds for themselves, and are loaded or not.
ERRORS = sorted(
    {cls for cls in branches(LstmcastError) if cls.__module__ == errors.__name__},
    key=lambda cls: cls.__name__,
)


def test_the_commands_are_there() -> None:
    assert {("fetch",), ("train",), ("evaluate",), ("plot",), ("forecast",)} <= EVERY.keys()


def test_help_of_every_command_loads_nothing_heavy() -> None:
    program = f"""
import sys
from lstmcast.cli.app import app
for words in {[*EVERY]!r}:
    app([*words, "--help"], standalone_mode=False)
print("LOADED", [name for name in {HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED []"
    assert done.stdout.count("Usage: ") == len(EVERY)


def test_the_program_spares_python_its_looks_for_garbage() -> None:
    """A second of every command goes there otherwise, half of it after the last line."""
    program = """
import atexit, gc
from lstmcast.cli.app import main
atexit.register(lambda: print("LOOKS", gc.get_threshold()[0], gc.get_freeze_count() > 10_000))
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == f"LOOKS {GARBAGE} True"


@WORDS
def test_every_command_and_option_has_help(words: tuple[str, ...]) -> None:
    command = EVERY[words]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{parameter.name} of {words}"


@WORDS
def test_help_answers_to_both_spellings(words: tuple[str, ...]) -> None:
    answers = [CliRunner().invoke(app, [*words, option]) for option in ("--help", "-h")]
    assert [answer.exit_code for answer in answers] == [0, 0]
    assert answers[0].stdout == answers[1].stdout
    assert "Usage: " in answers[0].stdout


def test_the_program_tells_its_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"lstmcast {__version__}\n"
    done = subprocess.run(
        [sys.executable, "-m", "lstmcast", "--version"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (f"lstmcast {__version__}\n", "")


@pytest.mark.parametrize(
    "words", [["predict"], ["train"], ["train", "--config"], ["plot", "--kind", "pie"], ["--loud"]]
)
def test_a_call_that_is_wrong_ends_with_2(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.search("error", result.stderr, re.IGNORECASE)


def test_each_branch_of_the_exception_tree_has_its_own_exit_code() -> None:
    roots = LstmcastError.__subclasses__()
    assert sorted(root.exit_code for root in roots) == list(range(2, 2 + len(roots)))
    for root in roots:
        assert {cls.exit_code for cls in branches(root)} <= {root.exit_code}


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"── (\w+)(?: +(\d+))?", errors.__doc__ or "")
    assert sorted(name for name, _ in drawn) == [cls.__name__ for cls in ERRORS]
    codes = {name: int(code) for name, code in drawn if code}
    assert codes == {cls.__name__: cls.exit_code for cls in LstmcastError.__subclasses__()}


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(selection, "select_histories", fail)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__name__)
def test_an_error_is_a_line_a_hint_and_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cls: type[LstmcastError]
) -> None:
    failing(monkeypatch, cls("`a.b` is [bold]3[/] in /x/:smile:/y", "try `[/]4`"))
    result = Workplace.make(tmp_path).invoke("train", "--config", tmp_path / "small.yaml")
    assert result.exit_code == cls.exit_code
    assert result.stdout == ""
    assert result.stderr == ("error: `a.b` is [bold]3[/] in /x/:smile:/y\nhint: try `[/]4`\n")


def test_every_fault_of_a_configuration_has_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ConfigError("my.yaml has 2 faults", problems=("`a` is 1", "`b` is 2")))
    result = Workplace.make(tmp_path).invoke("train", "--config", tmp_path / "small.yaml")
    assert result.stderr == "error: my.yaml has 2 faults\n  - `a` is 1\n  - `b` is 2\n"


def test_ctrl_c_ends_with_130_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    result = Workplace.make(tmp_path).invoke("train", "--config", tmp_path / "small.yaml")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_a_bug_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("a bug"))
    result = Workplace.make(tmp_path).invoke("train", "--config", tmp_path / "small.yaml")
    assert result.exit_code == 1
    assert isinstance(result.exception, ZeroDivisionError)


def test_json_is_strict(capsys: pytest.CaptureFixture[str]) -> None:
    from lstmcast.cli.console import print_json

    print_json({"a": [1, None], "b": "é"})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None], "b": "é"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"a": float("nan")})
