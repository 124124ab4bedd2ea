"""What goes to the terminal besides data: notes and errors on stderr, figures on stdout.

Outside a terminal output is plain and not wrapped, so that it can be read by a program or a log.
"""

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from lstmcast.errors import ConfigError, LstmcastError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

UNWRAPPED = 200
"""Columns assumed where there is no terminal whose width could be asked."""


def console(stream: TextIO) -> "Console":
    """A rich console on a stream; plain and wide where that is not a terminal."""
    from rich.console import Console

    width = None if stream.isatty() else UNWRAPPED
    return Console(
        file=stream,
        width=width,
        highlight=False,
        soft_wrap=not stream.isatty(),
        emoji=False,  # `:x:` in a path is part of the path
    )


def out() -> "Console":
    """The console for figures."""
    return console(sys.stdout)


def err() -> "Console":
    """The console for everything else."""
    return console(sys.stderr)


def figures(title: str, caption: str | None = None) -> "Table":
    """An empty table of figures; without lines between columns, so that 80 columns hold nine."""
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def print_table(table: "Table") -> None:
    """A table on stdout, whole: where the terminal is too narrow it breaks lines, not numbers."""
    from rich.measure import Measurement

    screen = out()
    wide = screen.options.update(width=UNWRAPPED)
    screen.width = max(screen.width, Measurement.get(screen, wide, table).maximum)
    screen.print(table)


def note(message: str) -> None:
    """A line on stderr, as it is."""
    err().print(message, markup=False)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Strict JSON on stdout: a number that is not finite is a bug, not a NaN."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def print_error(error: LstmcastError) -> None:
    """An error as every command shows it: `error:`, its faults, and a `hint:`."""
    screen = err()
    screen.print(f"[bold red]error:[/] {_plain(error.message)}")
    for problem in error.problems if isinstance(error, ConfigError) else ():
        screen.print(f"  - {_plain(problem)}")
    if error.hint:
        screen.print(f"[bold cyan]hint:[/] {_plain(error.hint)}")


def number(value: float, digits: int = 4) -> str:
    """A number with so many decimals; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def share(value: float) -> str:
    """A share in percent; a dash where none is stated."""
    return "-" if math.isnan(value) else f"{value:.1%}"


def _plain(text: str) -> str:
    """Text that rich prints as it stands."""
    from rich.markup import escape

    return escape(text)
