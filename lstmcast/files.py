"""The one way to write a file: a crash leaves the old one or the new one, never a half.

What is no file but a device, a pipe or one of the program's own streams is written as it is, and a
link stays a link: the file that it points to is replaced.
"""

import contextlib
import errno
import json
import os
import re
import select
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lstmcast.errors import OutputError
from lstmcast.left_overs import sweep, temporary_file

MOST_LINKS = 40
"""Links that are followed from one to the next, as many as Linux follows."""


def make_folder(path: Path, hint: str) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        OutputError: if that cannot be, with the hint.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"`{path}` cannot be made: {error.strerror or error}", hint) from error


def to_json(value: Mapping[str, Any]) -> bytes:
    """JSON as every file has it: indented, strict, with a final newline."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def write_atomically(
    path: Path, content: bytes, hint: str = "choose another folder, or free space on the disk"
) -> None:
    """`replace_file`, with the system's word for what went wrong as an error of this program.

    Args:
        path: of the file.
        content: all of it.
        hint: what to do where the error itself does not tell.

    Raises:
        OutputError: if the folder is missing or cannot be written, or the disk is full.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise _refusal(path, error, hint) from error


def check_place(path: Path) -> None:
    """Say before long work what `write_atomically` would say after it.

    Raises:
        OutputError: if the folder is missing, or a folder is where the file would be.
    """
    for wrong, kind, number in (
        (os.path.isdir(path), IsADirectoryError, errno.EISDIR),  # noqa: PTH112 - never raises
        (not os.path.exists(path.parent), FileNotFoundError, errno.ENOENT),  # noqa: PTH110 - as above
    ):
        if wrong:
            raise _refusal(path, kind(number, os.strerror(number)), "choose another place")


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write `content` to `path`: into a temporary file beside it, to the disk, then renamed.

    A file that is replaced keeps its permissions. Devices, pipes and `/dev/stdout` are written as
    they are; a reader who leaves such a pipe is no error, as for everything that is printed.

    Args:
        path: of the file.
        content: all of it.
        durable: whether a file must outlast a power failure, and left-overs of this name are
            looked for.

    Raises:
        OSError: whatever the system says; what was at `path` is untouched.
    """
    if (number := _own_stream(path)) is not None:
        _pour(os.dup(number), content)
        return
    try:
        there = path.stat()
    except FileNotFoundError:
        there = None
    if there is not None and stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(21, "Is a directory", str(path))
    if there is not None and not stat.S_ISREG(there.st_mode):
        _pour(os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0)), content)
        return
    target = Path(os.path.realpath(path))
    with temporary_file(target) as (temporary, file):
        if there is not None:
            _keep_permissions(file, there)
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
        if os.name == "nt":  # which renames nothing that is open
            file.close()
        temporary.replace(target)
    if durable:
        _sync_folder(target.parent)
        sweep(target.parent, target)


def reason(path: Path, error: OSError) -> str:
    """Why a file cannot be opened; the system calls a missing folder a missing file."""
    words = error.strerror or str(error)
    if isinstance(error, FileNotFoundError) and not os.path.exists(path.parent):  # noqa: PTH110 - never raises
        return f"{words}, the folder {path.parent} is missing"
    return words


def _refusal(path: Path, error: OSError, hint: str) -> OutputError:
    return OutputError(
        f"`{path}` cannot be written: {reason(path, error)}", _remedy(path, error, hint)
    )


def _remedy(path: Path, error: OSError, otherwise: str) -> str:
    """What to do where a file cannot be written: what the error tells, or else what is given."""
    if isinstance(error, FileNotFoundError):
        return f"make the folder first: `mkdir -p {path.parent}`"
    if isinstance(error, IsADirectoryError):
        return "that is a folder: give the name of a file in it"
    return otherwise


def _own_stream(path: Path) -> int | None:
    """The open file of this process that a path such as `/dev/stdout` stands for.

    To open that path anew would begin at the first byte again, over what was printed before.
    """
    streams = re.compile(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd")
    for _ in range(MOST_LINKS):
        folder = os.path.realpath(path.parent)
        if streams.fullmatch(folder) and path.name.isdecimal():
            return int(path.name)
        try:
            path = Path(folder) / path.readlink()
        except (OSError, ValueError):
            return None
    return None


def _pour(descriptor: int, content: bytes) -> None:
    """Write to a device or a pipe, and close it."""
    for stream in (sys.stdout, sys.stderr):  # what was printed before comes before
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    left = memoryview(content)
    with open(descriptor, "wb", buffering=0) as file, contextlib.suppress(BrokenPipeError):
        while left:
            written = file.write(left)
            if written is None:  # a pipe that does not block, and is full
                select.select([], [file], [])
            left = left[written or 0 :]


def _keep_permissions(file: BinaryIO, there: os.stat_result) -> None:
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # nobody but root may give a file away
        os.chown(file.fileno(), there.st_uid, there.st_gid)
    os.chmod(file.fileno(), there.st_mode & 0o777)  # noqa: PTH101 - of the open file


def _sync_folder(folder: Path) -> None:
    """Let the rename reach the disk, where the folder may be read and its file system can do it."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
