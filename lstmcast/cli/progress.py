"""How long work shows itself: bars on a terminal, plain lines elsewhere, both on stderr."""

import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from lstmcast.cli.console import err, note

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

_Lines = TypeVar("_Lines")
_Bars = TypeVar("_Bars")


def lines_or_bars(lines: type[_Lines], bars: type[_Bars]) -> type[_Lines] | type[_Bars]:
    """Bars where stderr is a terminal, else lines."""
    return bars if sys.stderr.isatty() else lines


class Lines:
    """Plain lines, one after the other also where several threads print them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def say(self, line: str) -> None:
        """Print a line."""
        with self._lock:
            note(line)


class Bars:
    """Bars, and lines above them.

    Args:
        columns: what each bar shows on a terminal of a given width.
    """

    def __init__(self, columns: "Callable[[int], Iterable[ProgressColumn]]") -> None:
        from rich.progress import Progress

        screen = err()
        self.width = screen.width
        self._bars = Progress(*columns(screen.width), console=screen)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(line, markup=False)
