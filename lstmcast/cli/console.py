"""What goes to the terminal besides data: notes and errors on stderr, figures on stdout.

Outside a terminal output is plain and not wrapped, so that it can be read by a program or a log.
All of it goes through a `console` or a table of `figures`, which show text as it stands: brackets
are no markup, and what would act on a terminal is made `harmless`.
"""

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from lstmcast.cli.streams import spelled
from lstmcast.errors import ConfigError, LstmcastError
from lstmcast.harmless import harmless

if TYPE_CHECKING:
    from rich.box import Box
    from rich.console import Console
    from rich.table import Table

MOST = 4_000
"""Characters of one line or message: a source's answer or a configuration may hold megabytes."""

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
EN_DASH = "\N{EN DASH}"

_quiet = False
"""Whether standard error is for errors alone."""

UNWRAPPED = 200
"""Columns assumed where there is no terminal whose width could be asked."""


def be_quiet(*, wanted: bool) -> None:
    """Print data and errors alone, or notes, warnings and progress as well."""
    global _quiet  # noqa: PLW0603 - of the process, as its streams are
    _quiet = wanted


def console(stream: TextIO, *, quiet: bool = False) -> "Console":
    """A rich console on a stream; plain and wide where that is not a terminal.

    Text of several lines, each of which the program made, is printed as rich's `Text`.

    Args:
        stream: where it prints.
        quiet: print nothing.
    """
    from rich.console import Console

    class Screen(Console):
        """A console that makes the text that it prints harmless, line breaks among it."""

        def print(self, *objects: Any, **options: Any) -> None:
            shown = (harmless(x, most=MOST) if isinstance(x, str) else x for x in objects)
            super().print(*shown, **options)

    width = None if stream.isatty() else UNWRAPPED
    return Screen(
        file=stream,
        markup=False,
        width=width,
        highlight=False,
        soft_wrap=not stream.isatty(),
        quiet=quiet,
        emoji=False,  # `:x:` in a path is part of the path
    )


def out() -> "Console":
    """The console for figures."""
    return console(sys.stdout)


def err() -> "Console":
    """The console for everything else but errors; it says nothing under `--quiet`."""
    return console(sys.stderr, quiet=_quiet)


def failures(screen: "Console") -> "Console":
    """Where to tell what failed: on a console of `err`, or beside it where that says nothing."""
    return console(sys.stderr) if screen.quiet else screen


def figures(title: str | None = None, caption: str | None = None) -> "Table":
    """An empty table of figures; without lines between columns, so that 80 columns hold nine."""
    from rich.table import Table

    class Figures(Table):
        """A table whose cells and headers are made harmless."""

        def add_column(self, header: Any = "", *further: Any, **options: Any) -> None:
            super().add_column(harmless(header, lines=True), *further, **options)

        def add_row(self, *cells: Any, **options: Any) -> None:
            shown = (harmless(cell) if isinstance(cell, str) else cell for cell in cells)
            super().add_row(*shown, **options)

    return Figures(
        title=title,
        caption=caption,
        box=_box(),
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )


def _box() -> "Box":
    """A line below the header: drawn, or of hyphens where the encoding has no lines."""
    from rich import box

    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    if encoding.startswith("utf"):
        return box.SIMPLE_HEAD
    return box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def print_table(table: "Table", screen: "Console | None" = None) -> None:
    """A table with its title and caption; where it is too wide it goes on below.

    No number is broken: columns that have no room, although they are set closer together, follow
    in a further table, beside the first column again.

    Args:
        table: of figures, the first column naming the rows.
        screen: standard output by default.
    """
    from rich.text import Text

    screen = screen or out()
    if table.title:
        screen.print(str(table.title), style="table.title")
    for number, part in enumerate(_parts(table, screen)):
        if number:
            screen.print()
        screen.width = max(screen.width, _width(part, screen))
        screen.print(part)
    if table.caption:
        screen.print(Text(harmless(table.caption, lines=True), style="table.caption"))


def _width(table: "Table", screen: "Console") -> int:
    from rich.measure import Measurement

    wide = screen.options.update(width=UNWRAPPED)
    return Measurement.get(screen, wide, table).maximum


def _parts(table: "Table", screen: "Console") -> list["Table"]:
    """The columns in as few tables as fit, each with the first column.

    All in one where a first column and another have no room: then lines break in any case.
    """
    every = range(len(table.columns))
    whole = _with_columns(table, every)
    room, parts, chosen = screen.width, [], [0]
    if _width(table, screen) <= room:
        return [whole]
    table.padding = 0  # one space between columns in the place of two
    for number in range(1, len(table.columns)):
        if len(chosen) > 1 and _width(_with_columns(table, [*chosen, number]), screen) > room:
            parts.append(_with_columns(table, chosen))
            chosen = [0]
        chosen.append(number)
    parts.append(_with_columns(table, chosen))
    return [whole] if any(_width(part, screen) > room for part in parts) else parts


def _with_columns(table: "Table", numbers: Sequence[int]) -> "Table":
    """A table of some of another's columns, without its title and caption."""
    from rich.table import Table

    part = Table(
        box=table.box,
        padding=table.padding,
        pad_edge=table.pad_edge,
        show_edge=table.show_edge,
    )
    columns = [table.columns[number] for number in numbers]
    for column in columns:
        part.add_column(column.header, justify=column.justify, no_wrap=True)
    for cells in zip(*(column.cells for column in columns), strict=True):
        part.add_row(*cells)
    return part


def note(message: str) -> None:
    """A line on stderr, as it is."""
    err().print(message)


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Strict JSON on stdout: a number that is not finite is a bug, not a NaN."""
    sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")


def print_error(error: LstmcastError) -> None:
    """An error as every command shows it: `error:`, its faults, and a `hint:`."""
    lines = [("error:", "bold red", error.message)]
    if isinstance(error, ConfigError):
        lines += [("  -", "", problem) for problem in error.problems]
    if error.hint:
        lines.append(("hint:", "bold cyan", error.hint))
    try:
        from rich.text import Text

        screen = console(sys.stderr)
        for head, style, said in lines:
            screen.print(Text.assemble((head, style), f" {harmless(said, most=MOST)}"))
    except (ImportError, MemoryError, OSError):  # no memory or open files to load it with
        sys.stderr.writelines(f"{head} {harmless(said, most=MOST)}\n" for head, _, said in lines)


def number(value: float, digits: int = 4) -> str:
    """A number with so many decimals; a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:z.{digits}f}"


def decimals_of_scores(scores: Iterable[float], usual: int = 4) -> int:
    """Decimals for scores in one table: the usual ones, or three digits of the smallest.

    The returns of a pegged coin are hundredths of a percent, and so are its scores.
    """
    known = [abs(score) for score in scores if math.isfinite(score) and score != 0]
    return max(usual, 2 - math.floor(math.log10(min(known)))) if known else usual


def give_or_take(value: str, error: str) -> str:
    """A figure with its standard error."""
    return f"{value}{spelled(PLUS_MINUS)}{error}"


def share(value: float) -> str:
    """A share in percent; a dash where none is stated."""
    return "-" if math.isnan(value) else f"{value:.1%}"


def signed(value: float, decimals: int = 1) -> str:
    """A difference in percent with its sign, but for one that rounds to nothing."""
    text = f"{value:+.{decimals}%}"
    return text if any(digit in text for digit in "123456789") else text.lstrip("+-")


def age(moment: str) -> str:
    """How long ago a moment was, in the largest unit that fits.

    Args:
        moment: ISO 8601, in UTC where it names no zone.
    """
    then = datetime.fromisoformat(moment)
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    seconds = (datetime.now(UTC) - then).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"
