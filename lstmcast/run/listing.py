"""The runs under a folder: those that can be read, and what is wrong with the others."""

from pathlib import Path

from lstmcast.errors import RunError
from lstmcast.run.directory import Run
from lstmcast.run.folders import read_folders


def list_runs(runs_dir: Path) -> list[Run]:
    """The readable runs under a folder, oldest first; others are passed over."""
    return find_runs(runs_dir)[0]


def find_runs(runs_dir: Path) -> tuple[list[Run], list[RunError]]:
    """The readable runs under a folder, oldest first, and what is wrong with each of the others.

    Raises:
        RunError: if the folder cannot be read.
    """
    runs, damaged = sort_out(runs_dir)
    return runs, [error for _, error in damaged]


def sort_out(runs_dir: Path) -> tuple[list[Run], list[tuple[Path, RunError]]]:
    """The same, with the folders of those that cannot be read.

    Raises:
        RunError: if the folder cannot be read.
    """
    readable, damaged = read_folders(runs_dir)
    return [Run(path, record) for path, record in readable], damaged
