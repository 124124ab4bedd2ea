"""Standard output and standard error as a program meets them outside a terminal.

A reader may leave (`| head -1`), an encoding may lack a character (`PYTHONIOENCODING=cp437`), a
disk may be full, and a stream may have been closed before the program began (`>&-`). None of these
is a reason to stop halfway: what a command writes to files it writes all the same.
"""

import codecs
import contextlib
import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

HANDLER = "lstmcast.plain"
"""Name of the error handler for characters that an encoding lacks."""

PLAIN = {
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{BULLET}": "*",
    "\N{NO-BREAK SPACE}": " ",
    "\N{NARROW NO-BREAK SPACE}": " ",
}
"""What stands in for a sign of punctuation; other characters are written as `\\uXXXX`."""

_GONE = {errno.EPIPE, errno.ESHUTDOWN, errno.ECONNRESET}
if os.name == "nt":
    _GONE.add(errno.EINVAL)  # how Windows says that nobody reads a pipe any more


class Patient(io.FileIO):
    """The descriptor of a stream: what cannot be written is dropped, and why is remembered.

    Args:
        descriptor: left open when this object is closed.
    """

    failure: OSError | None = None
    """What went wrong, where it was not just that the reader left."""

    _closed_by_reader = False

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write it all, or drop what a reader who left would have got."""
        left = memoryview(data).cast("B")
        size = left.nbytes
        while left and not self._closed_by_reader and self.failure is None:
            try:
                if (written := super().write(left)) is None:  # full, and it does not block
                    select.select([], [self], [])
            except OSError as error:
                if error.errno in _GONE:
                    self._closed_by_reader = True
                else:
                    self.failure = error
            else:
                left = left[written or 0 :]
        return size


def steady_streams() -> Patient | None:
    """Put patient streams in the place of `sys.stdout` and `sys.stderr` for this process.

    Terminals as well: a window that is closed takes the terminal away from a program that goes on.

    Returns:
        The descriptor of standard output where it was replaced; see `failure_of`.
    """
    register()
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - to the end
    patient = None
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if stream is None:  # closed before the program began
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
            continue
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
        if stream.isatty() and os.name == "nt":  # written by calls of its own
            continue
        try:
            raw = Patient(stream.fileno())
        except (OSError, ValueError):  # not a file of the system's: nothing to be patient with
            continue
        stream.flush()
        direct = name == "stderr"
        setattr(
            sys,
            name,
            io.TextIOWrapper(
                # A buffer has a lock. Python aborts at its end where a thread that shows progress
                # holds that of standard error.
                raw if direct else io.BufferedWriter(raw),
                encoding=stream.encoding,
                errors=HANDLER,
                line_buffering=direct or stream.isatty(),
                write_through=direct,
            ),
        )
        patient = raw if name == "stdout" else patient
    return patient


def register() -> None:
    """Let streams name the error handler `HANDLER`."""
    codecs.register_error(HANDLER, _plain)


def failure_of(stdout: Patient | None) -> OSError | None:
    """Flush the streams and return what kept figures from being written, such as a full disk.

    Notes and progress that cannot be written are dropped: the work is done all the same.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return None if stdout is None else stdout.failure


def spelled(character: str, stream: IO[str] | None = None) -> str:
    """A sign of punctuation as the stream can show it; for text that is laid out in columns.

    Args:
        character: a key of `PLAIN`.
        stream: standard output by default.
    """
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    try:
        character.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return PLAIN[character]
    return character


def _plain(error: UnicodeError) -> tuple[str, int]:
    """The error handler: plain characters for signs, escapes for the rest."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    text = "".join(
        PLAIN.get(one) or one.encode("ascii", "backslashreplace").decode() for one in lacking
    )
    return text, error.end
