"""Ctrl-C, SIGTERM and SIGHUP while a command works: what is kept, and that it is said.

All three end a command alike, with the exit code that shells know them by. Once every network is
trained, what is left takes seconds, and to give up then would cost all of the training: a first
signal is put off until the run is written.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lstmcast.cli.console import note

ENDING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP

PATIENCE = 5.0
"""Seconds that the end of a process may take before a signal cuts it short."""

_heard: list[int] = []
"""The first of these signals, where one came."""

_raised = False
"""Whether a signal became a KeyboardInterrupt."""

_over = False
"""Whether the work of a command is done, so that no signal can end it any more."""


def listen() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, unless it was told to ignore them."""
    _heard.clear()
    begin()
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(ENDING, signal.SIG_DFL)}
    for number, handler in usual.items():
        if signal.getsignal(number) is handler:
            signal.signal(number, _end)


def begin() -> None:
    """From here on a signal ends the work."""
    global _over  # noqa: PLW0603 - of the process, as its signals are
    _over = False


def work_is_over() -> None:
    """From here on no signal does: what is left is to say what came of it."""
    global _over  # noqa: PLW0603 - of the process, as its signals are
    _over = True


def leave_with(code: int) -> None:
    """From here on no signal changes the exit code, for what came of the work is told.

    The process is about to end: a KeyboardInterrupt would come in the middle of Python's own end,
    and to leave at once would leave worker processes behind. Where it takes long, as it may if
    threads wait for an answer, a signal ends it all the same.
    """
    since = time.monotonic()

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's arguments
        if time.monotonic() - since >= PATIENCE:
            os._exit(code)

    for number in (signal.SIGINT, *ENDING):
        if signal.getsignal(number) is _end:
            signal.signal(number, leave)


def last_of_all(code: Callable[[], int]) -> None:
    """Have the very last word, after all that other modules register with `atexit`.

    A signal can no longer change anything then. And where one came while a module was loaded,
    Python would end with a SIGINT of its own in the place of the exit code: it remembers any
    KeyboardInterrupt that passed through `exec`, which makes named tuples and data classes.

    Args:
        code: tells the exit code that the program ends with.
    """

    def end() -> None:
        for number in (signal.SIGINT, *ENDING):
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_IGN)
        if _raised:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(code())

    atexit.register(end)


def exit_code() -> int:
    """What a command that was ended exits with: 130, 143 or 129."""
    return 128 + (_heard[0] if _heard else signal.SIGINT)


def ending() -> str:
    """How it was ended, in words."""
    return f"ended by {signal.Signals(_heard[0]).name}" if _heard else "interrupted"


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's arguments
    """End the command at the first signal only.

    A second one says nothing new: `timeout` sends its signal twice, and a terminal that is closed
    sends SIGHUP beside SIGTERM. Whoever is in a hurry has Ctrl-C and SIGKILL.
    """
    global _raised  # noqa: PLW0603 - of the process, as its signals are
    if _over or (number != signal.SIGINT and _heard):
        return
    if number != signal.SIGINT:
        _heard.append(number)
    _raised = True
    raise KeyboardInterrupt


class Patience:
    """Whether a signal ends the work at once or is put off to its end.

    Args:
        finishing: whether the work is so far that a signal is put off.
        words: said when one is.
    """

    def __init__(self, finishing: Callable[[], bool], words: str) -> None:
        self._finishing, self._words = finishing, words
        self.asked = False
        """Whether a signal was put off."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signal."""
        late = not self.asked and self._finishing()
        if number != signal.SIGINT and late and not _heard:
            _heard.append(number)
        elif number != signal.SIGINT or not late:
            _end(number, frame)
            return
        self.asked = True
        with contextlib.suppress(OSError, RuntimeError):  # it may come in the middle of a line
            note(self._words + ("; Ctrl-C again gives it up" if number == signal.SIGINT else ""))


@contextmanager
def patience(finishing: Callable[[], bool], words: str) -> Iterator[Patience]:
    """Put off the first signal that comes while the work is `finishing`; another Ctrl-C ends it."""
    handler = Patience(finishing, words)
    here = threading.current_thread() is threading.main_thread()
    # Where a shell has told the program to ignore a signal, it goes on ignoring it.
    usual = (signal.default_int_handler, _end)
    ours = {
        number: before
        for number in (signal.SIGINT, *ENDING)
        if here and (before := signal.getsignal(number)) in usual
    }
    try:
        for number in ours:
            signal.signal(number, handler)
        yield handler
    finally:
        for number, before in ours.items():
            signal.signal(number, before)


@contextmanager
def saying(words: Callable[[], str]) -> Iterator[None]:
    """When a signal ends the command, say what is kept, and let it end."""
    try:
        yield
    except KeyboardInterrupt:
        note(words())
        raise
