"""Where prices and runs are kept where nobody says so."""

from pathlib import Path

from lstmcast.folders import RUNS, data_folder

RUNS_DIR = RUNS


def data_dir(given: Path | None) -> Path:
    """The folder of the price store."""
    return data_folder(given)
