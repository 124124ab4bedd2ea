"""Writing files so that a crash leaves the old one or the new one, never a half."""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lstmcast.errors import OutputError

LONGEST_NAME = 100
"""Characters of a file's name that its temporary neighbour repeats: names may have 255 bytes."""


def make_folder(path: Path, hint: str) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        OutputError: if that cannot be, with the hint.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made: {error.strerror or error}", hint) from error


def open_whole(path: Path) -> BinaryIO:
    """Open a file that another process may replace at any moment; close it when it is read.

    Given a path, readers of Parquet open it more than once, and may find the old file's structure
    and the new one's pages. What is open stays the same file.
    """
    return path.open("rb")


def to_json(value: Mapping[str, Any]) -> bytes:
    """JSON as every file has it: indented, strict, with a final newline."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`: into a temporary file beside it, to the disk, then renamed.

    The temporary file is hidden and called `.NAME.<random>.tmp`.

    Raises:
        OSError: whatever the system says; what was at `path` is untouched.
    """
    temporary = path.with_name(f"{_hidden(path)}{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the rename itself reaches the disk with the folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def remove_left_overs(path: Path) -> None:
    """Remove what processes that were killed while they replaced `path` left beside it.

    Nobody else may be replacing it: hold its lock. Files of other names are theirs, also where this
    one's is the beginning of theirs.
    """
    left_over = re.compile(re.escape(_hidden(path)) + r"\w+\.tmp")
    for file in path.parent.glob(".*.tmp"):
        if left_over.fullmatch(file.name):
            file.unlink(missing_ok=True)


def _hidden(path: Path) -> str:
    """How the names of temporary files beside a file begin."""
    return f".{path.stem[:LONGEST_NAME]}."


def write_atomically(path: Path, content: bytes) -> None:
    """`replace_file`, with the system's word for what went wrong as an error of this program.

    Raises:
        OutputError: if the folder is missing or cannot be written, or the disk is full.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {reason(path, error)}", remedy(path, error)
        ) from error


def reason(path: Path, error: OSError) -> str:
    """Why a file cannot be opened; the system calls a missing folder a missing file."""
    words = error.strerror or str(error)
    if isinstance(error, FileNotFoundError) and not path.parent.exists():
        return f"{words}, the folder {path.parent} is missing"
    return words


def remedy(
    path: Path, error: OSError, otherwise: str = "choose another folder, or free space on the disk"
) -> str:
    """What to do where a file cannot be written: what the error tells, or else what is given."""
    if isinstance(error, FileNotFoundError):
        return f"make the folder first: `mkdir -p {path.parent}`"
    if isinstance(error, IsADirectoryError):
        return "that is a folder: give the name of a file in it"
    return otherwise
