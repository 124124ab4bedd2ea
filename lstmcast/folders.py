"""Where things are kept: the folders that commands and programs take by default."""

import os
from pathlib import Path

DATA_VARIABLE, RUNS_VARIABLE = "LSTMCAST_DATA_DIR", "LSTMCAST_RUNS_DIR"
RUNS = Path("runs")


def data_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the price store: the one given, `LSTMCAST_DATA_DIR`, or the platform's own."""
    if chosen := given if given is not None else os.environ.get(DATA_VARIABLE):
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("lstmcast", appauthor=False)


def runs_folder(given: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the runs: the one given, `LSTMCAST_RUNS_DIR`, or `runs` where one is."""
    chosen = given if given is not None else os.environ.get(RUNS_VARIABLE)
    return Path(chosen) if chosen else RUNS
