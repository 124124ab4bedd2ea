"""Writing files so that a crash leaves the old one or the new one, never a half."""

import contextlib
import os
import secrets
from pathlib import Path

from lstmcast.errors import OutputError

LONGEST_NAME = 100
"""Characters of a file's name that its temporary neighbour repeats: names may have 255 bytes."""


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`: into a temporary file beside it, to the disk, then renamed.

    The temporary file is hidden and called `.NAME.<random>.tmp`.

    Raises:
        OSError: whatever the system says; what was at `path` is untouched.
    """
    temporary = path.with_name(f".{path.stem[:LONGEST_NAME]}.{secrets.token_hex(6)}.tmp")
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


def write_atomically(path: Path, content: bytes) -> None:
    """`replace_file`, with the system's word for what went wrong as an error of this program.

    Raises:
        OutputError: if the folder is missing or cannot be written, or the disk is full.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}",
            "choose another folder, or free space on the disk",
        ) from error
