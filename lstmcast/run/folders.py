"""Which folders are runs: reading their records, and saying what each of the others is."""

import operator
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from lstmcast.errors import RunError
from lstmcast.reading import RECORD_BYTES, read_file
from lstmcast.run.record import check_record, parse_record

SCHEMA = 1
"""Raised when a run directory changes so that older programs cannot read it."""

Record = Mapping[str, Any]
"""The contents of `run.json`."""


def no_run(run: Path, path: Path, runs_dir: Path) -> RunError:
    """What was named in the place of a run, as far as that can be told."""
    if path.is_file():
        inside = (path.parent / "run.json").is_file()
        return RunError(
            f"there is no run `{run}`: it is a file, and a run is a folder",
            f"name the folder: {path.parent}"
            if inside
            else "an experiment is trained with `lstmcast train --config`, which makes a run",
        )
    newest = f"the newest run under {runs_dir} is taken when none is named"
    names = [other.name for other, _ in read_folders(path.parent)[0]]
    close = get_close_matches(path.name, names, n=1)
    meant = f"did you mean `{close[0]}`? " if close else ""
    return RunError(f"there is no run `{run}`", meant + newest)


def _other_folder(path: Path) -> RunError | None:
    """What a folder without `run.json` is, where that can be told."""
    try:
        if (path / "run.json").exists():
            return None
    except OSError as error:
        return RunError(
            f"{path} cannot be read: {error.strerror or error}",
            "give yourself the right to read it, or name another run",
        )
    if (path / "plan.json").is_file():
        return RunError(
            f"{path} is a walk of `lstmcast backtest`, not a run",
            "`lstmcast evaluate`, `plot` and `report` take it; this command needs a run",
        )
    if read_folders(path)[0]:
        return RunError(
            f"{path} holds runs and is none itself",
            f"name one of them, or use `--runs-dir {path}` for the newest",
        )
    if (path.parent / "run.json").is_file():
        return RunError(f"{path} is a folder in a run", f"name the run itself: {path.parent}")
    return None


def read_record(path: Path) -> dict[str, Any]:
    """`run.json`, if this program can read the run.

    Raises:
        RunError: saying what the folder is instead, or what is wrong with it.
    """
    hint = "name another run, or train it again with `lstmcast train --config`"
    if other := _other_folder(path):
        raise other
    try:
        record = parse_record(read_file(path / "run.json", RECORD_BYTES))
        schema = operator.index(record["schema"])
    except FileNotFoundError as error:
        raise RunError(f"{path} is not a complete run: `run.json` is missing", hint) from error
    except OSError as error:
        raise RunError(
            f"`run.json` of the run {path} cannot be read: {error.strerror or error}",
            "check what it is and who may read it, or name another run",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"`run.json` of the run {path} cannot be read", hint) from error
    if schema > SCHEMA:
        raise RunError(
            f"the run {path} has schema {schema}, this lstmcast reads up to {SCHEMA}",
            "upgrade lstmcast",
        )
    required = {"split", "symbols", "status", "seed", "created"}
    if not required <= record.keys():
        missing = ", ".join(sorted(required - record.keys()))
        raise RunError(f"`run.json` of the run {path} lacks {missing}", hint)
    if record["symbols"] == [] or record["split"] == {}:
        raise RunError(f"`run.json` of the run {path} names no symbol or no split", hint)
    try:
        check_record(record)
    except ValueError as error:
        raise RunError(f"`run.json` of the run {path} cannot be read: {error}", hint) from error
    return record


def read_folders(runs_dir: Path) -> tuple[list[tuple[Path, Record]], list[tuple[Path, RunError]]]:
    """The readable runs under a folder with their records, oldest first, and all the others.

    Raises:
        RunError: if the folder cannot be read.
    """
    readable: list[tuple[Path, Record]] = []
    damaged: list[tuple[Path, RunError]] = []
    for path in _run_folders(runs_dir):
        try:
            readable.append((path, read_record(path)))
        except RunError as error:
            damaged.append((path, error))
    readable.sort(key=lambda run: (str(run[1]["created"]), _sequence(run[0].name)))
    return readable, damaged


def _run_folders(runs_dir: Path) -> list[Path]:
    try:
        paths = sorted(runs_dir.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RunError(
            f"{runs_dir} cannot be read: {error.strerror or error}",
            "get permission to read it, or choose another folder with `--runs-dir`",
        ) from error
    return [path for path in paths if path.name[0] != "." and _may_be_a_run(path)]


def _may_be_a_run(path: Path) -> bool:
    """Whether a folder holds `run.json`, or does not let anybody see whether it does."""
    try:
        (path / "run.json").lstat()
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def _sequence(name: str) -> tuple[int, str]:
    """Runs of one second are numbered -2, -3: shorter names first, then by number."""
    return len(name), name


def newest(runs_dir: Path) -> tuple[Path, Record]:
    """The newest readable run.

    Raises:
        RunError: if there is none.
    """
    readable, damaged = read_folders(runs_dir)
    if readable:
        return readable[-1]
    if damaged:
        raise damaged[-1][1]
    raise RunError(
        f"there is no run under {runs_dir}",
        "run `lstmcast train SYMBOL...` first, or set `--runs-dir`; "
        "`lstmcast forecast SYMBOL` forecasts without a run",
    )
