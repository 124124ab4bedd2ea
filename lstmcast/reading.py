"""Reading what comes from outside: whole, but never more than there should be, and never for ever.

A configuration may be a pipe (`--config <(...)`) and is waited for; everything else must be a file.
What is refused here is an `OSError`, so that callers tell it as they tell a missing file.
"""

import errno
import hashlib
import io
import json
import os
import select
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import SupportsRead

CONFIG_BYTES = 2**20
"""Most of a configuration, a list of symbols or one `--set`."""
RECORD_BYTES = 32 * 2**20
"""Most of any other JSON file or of a table of text in a run."""
METRICS_BYTES = 512 * 2**20
"""Most of what was found of a run or walk: 115 kB a symbol with all baselines, of some 4,600."""
STORE_BYTES = 256 * 2**20
"""Most of a file of the price store: a century of daily bars is one or two."""
RUN_BYTES = 4 * 2**30
"""Most of the weights of a run, or of a walk's fold."""
FORECASTS_BYTES = 64 * 2**30
"""Most of the forecasts of a run, which are read a few symbols at a time: of some 35,000."""
PATIENCE = 10.0
"""Seconds that a pipe may stay silent."""
_PIECE = 2**20


class TooLargeError(OSError):
    """A file with more bytes than anything of its kind has."""

    def __init__(self, most: int) -> None:
        super().__init__(errno.EFBIG, f"it has more than {size(most)}")


class NotAFileError(OSError):
    """A device, a socket, a silent pipe: nothing that is read to its end."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EINVAL, what)


def size(count: int) -> str:
    """Bytes in the largest unit that fits, such as `32 MiB`."""
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1000 * 1024 ** (power - 1):  # 1000 KiB would need a fourth digit
            return f"{count / 1024**power:.3g} {unit}"
    return f"{count} bytes"


def read_file(path: Path, most: int, *, pipe: bool = False) -> bytes:
    """The content of a file that has at most so many bytes.

    Args:
        path: the file.
        most: bytes; see the limits above.
        pipe: whether a pipe will do, which then must not stay silent.

    Raises:
        OSError: it cannot be opened or read, is too large, or is no file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        about = os.fstat(handle)
        if stat.S_ISFIFO(about.st_mode) and pipe:
            return _read_pipe(handle, most)
        if stat.S_ISDIR(about.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(about.st_mode):
            raise NotAFileError("it is not a file")
        if about.st_size > most:
            raise TooLargeError(most)
        with os.fdopen(os.dup(handle), "rb") as file:
            content = read_beyond(file, most, about.st_size)
    finally:
        os.close(handle)
    if len(content) > most:
        raise TooLargeError(most)
    return content


def read_beyond(file: "SupportsRead[bytes]", most: int, expected: int = 0) -> bytes:
    """What is left in an open file, or one byte more than `most` where that is less.

    Python takes memory for all the bytes that it is asked for, whatever there is to read.

    Args:
        file: open for reading.
        most: bytes.
        expected: bytes that there seem to be, if that is known.
    """
    content = file.read(min(expected or _PIECE, most) + 1)
    if len(content) <= min(expected or _PIECE, most):
        return content
    whole = io.BytesIO()
    while content:
        whole.write(content)
        content = file.read(min(_PIECE, most + 1 - whole.tell()))
    return whole.getvalue()


def _read_pipe(handle: int, most: int) -> bytes:
    content = bytearray()
    until = time.monotonic() + PATIENCE
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    while True:
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(1000 * left):
            raise NotAFileError(f"it is a pipe, and nothing ended it for {PATIENCE:g} s")
        piece = os.read(handle, _PIECE)
        if not piece:
            return bytes(content)
        content += piece
        if len(content) > most:
            raise TooLargeError(most)


def hash_file(path: Path, most: int) -> str:
    """Hex SHA-256 of a file that has at most so many bytes, without holding them all.

    Raises:
        OSError: as of `read_file`.
    """
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise NotAFileError("it is not a file")
    if about.st_size > most:
        raise TooLargeError(most)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_json(content: bytes | str) -> Any:
    """The value of strict JSON: finite numbers, each key once, and not nested without end.

    Raises:
        ValueError: it is not that.
    """
    try:
        return json.loads(
            content,
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_keys_once,
        )
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:20]} is not a number that fits")
    return number


def _keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is there twice")
    return values
