"""Ctrl-C while a command works: what is kept, and that it is said.

Once every network is trained, what is left takes seconds, and to give up then would cost all of
the training: a first Ctrl-C is put off until the run is written.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from lstmcast.cli.console import note


class Patience:
    """Whether a Ctrl-C ends the work at once or is put off to its end.

    Args:
        finishing: whether the work is so far that a Ctrl-C is put off.
        words: said when one is.
    """

    def __init__(self, finishing: Callable[[], bool], words: str) -> None:
        self._finishing, self._words = finishing, words
        self.asked = False
        """Whether a Ctrl-C was put off."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signal."""
        if self.asked or not self._finishing():
            signal.default_int_handler(number, frame)
        self.asked = True
        note(self._words)


@contextmanager
def patience(finishing: Callable[[], bool], words: str) -> Iterator[Patience]:
    """Put off the first Ctrl-C that comes while the work is `finishing`; a second one ends it."""
    handler = Patience(finishing, words)
    here = threading.current_thread() is threading.main_thread()
    # Where a shell has told the program to ignore Ctrl-C, it goes on ignoring it.
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield handler
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield handler
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def saying(words: Callable[[], str]) -> Iterator[None]:
    """On Ctrl-C, say what is kept, and let it end the command."""
    try:
        yield
    except KeyboardInterrupt:
        note(words())
        raise
