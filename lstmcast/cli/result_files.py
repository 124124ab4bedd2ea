"""The files in which a command keeps what it found in a run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lstmcast.cli.console import note
from lstmcast.reading import METRICS_BYTES, read_file
from lstmcast.seals import OWNER, Owner, parse_sealed


def write_result(
    path: Path, values: Mapping[str, Any], whole: Callable[[Mapping[str, Any]], bool]
) -> None:
    """Write what a command found, to `result_path`.

    Raises:
        OutputError: if it cannot be written.
    """
    from lstmcast.files import to_json, write_atomically

    write_atomically(result_path(path, values, whole), to_json(values))


def result_path(
    path: Path, values: Mapping[str, Any], whole: Callable[[Mapping[str, Any]], bool]
) -> Path:
    """The file for what a command found: a part never takes the place of a whole that is there.

    Args:
        path: of the whole.
        values: what was found, with what it belongs to where it says so.
        whole: whether such values are a whole.

    Returns:
        `path`, or `NAME-partial.json` beside it.
    """
    if whole(values) or not whole(_kept(path, values.get(OWNER))):
        return path
    part = path.with_stem(f"{path.stem}-partial")
    note(f"note: only some baselines were scored; see {part.name} ({path.name} is unchanged)")
    return part


def _kept(path: Path, owner: Owner | None) -> Mapping[str, Any]:
    """What is there; nothing where it is missing, damaged, or of something else."""
    try:
        return parse_sealed(read_file(path, METRICS_BYTES), owner)
    except (OSError, ValueError):
        return {}
