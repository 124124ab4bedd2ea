"""Ctrl-C, SIGTERM and SIGHUP while a command works: what is kept, and that it is said.

All three end a command alike, with the exit code that shells know them by. Once every network is
trained, what is left takes seconds, and to give up then would cost all of the training: a first
signal is put off until the run is written.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lstmcast.cli.console import note

ENDING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP

_heard: list[int] = []
"""The first of these signals, where one came."""


def listen() -> None:
    """Let SIGTERM and SIGHUP end this process as Ctrl-C does, unless it was told to ignore them."""
    _heard.clear()
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def stop_listening() -> None:
    """Leave further signals to the system; those that came already are not heard twice."""
    for number in ENDING:
        if not _heard and signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_DFL)


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
    if not _heard:
        _heard.append(number)
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
        elif number != signal.SIGINT:
            _end(number, frame)
            return
        elif not late:
            signal.default_int_handler(number, frame)
        self.asked = True
        with contextlib.suppress(OSError, RuntimeError):  # it may come in the middle of a line
            note(self._words + ("; Ctrl-C again gives it up" if number == signal.SIGINT else ""))


@contextmanager
def patience(finishing: Callable[[], bool], words: str) -> Iterator[Patience]:
    """Put off the first signal that comes while the work is `finishing`; another Ctrl-C ends it."""
    handler = Patience(finishing, words)
    here = threading.current_thread() is threading.main_thread()
    # Where a shell has told the program to ignore a signal, it goes on ignoring it.
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(ENDING, _end)}
    ours = {
        number: before
        for number, before in usual.items()
        if here and signal.getsignal(number) is before
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
