"""Where prices and runs are kept where nobody says so."""

from pathlib import Path

RUNS_DIR = Path("runs")


def data_dir(given: Path | None) -> Path:
    """The folder of the price store."""
    if given is not None:
        return given
    from platformdirs import user_data_path

    return user_data_path("lstmcast", appauthor=False)
