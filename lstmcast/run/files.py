"""The files of a run, checked before they are read: there, not too large, not altered."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lstmcast.errors import RunError
from lstmcast.reading import FORECASTS_BYTES, RUN_BYTES, TooLargeError, hash_file
from lstmcast.run.record import FILES

WEIGHTS = "model.safetensors"
PREDICTIONS = "predictions.parquet"

_WRITTEN = ("config.yaml", WEIGHTS, "history.csv", PREDICTIONS)
"""What every training writes beside `run.json`."""

RETRAIN = "train the run again with `lstmcast train --config`"
"""What helps where a file is lost."""


def verified_file(run: Path, record: Mapping[str, Any], name: str, most: int) -> Path:
    """A file of a run that has at most so many bytes and is what training wrote.

    Args:
        run: the run's folder.
        record: the contents of its `run.json`.
        name: of the file.
        most: bytes.

    Raises:
        RunError: if it is missing, cannot be read, or has changed since.
    """
    path = run / name
    known = record.get(FILES, {}).get(name)
    try:
        if known is not None and hash_file(path, most) != known:
            raise RunError(
                f"`{name}` of the run {run} is not what training wrote",
                f"restore it from a copy, or {RETRAIN}",
            )
        if known is None and path.stat().st_size > most:
            raise TooLargeError(most)
    except FileNotFoundError as error:
        raise RunError(f"`{name}` is missing from the run {run}", RETRAIN) from error
    except OSError as error:
        raise RunError(
            f"`{name}` of the run {run} cannot be read: {error.strerror or error}",
            "check what it is and who may read it",
        ) from error
    if not path.is_file():
        raise RunError(f"`{name}` of the run {run} is not a file", RETRAIN)
    return path


def fault_of_small_files(run: Path, record: Mapping[str, Any]) -> str | None:
    """What is wrong with the files of a run that are read in no time; None where nothing is.

    Two trainings that have the same configuration do not have the same learning curves, with their
    seconds: so a `run.json` of another run is found.
    """
    return next(iter(_faults(run, record, ("config.yaml", "history.csv"))), None)


def file_faults(run: Path, record: Mapping[str, Any]) -> list[str]:
    """What is wrong with the files that training wrote, a line each."""
    graphs = (name for name in record.get(FILES, {}) if name.endswith(".onnx"))
    return list(_faults(run, record, (*_WRITTEN, *graphs)))


def _faults(run: Path, record: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        try:
            most = FORECASTS_BYTES if name == PREDICTIONS else RUN_BYTES
            verified_file(run, record, name, most)
        except RunError as error:
            yield error.message
