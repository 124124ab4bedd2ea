"""What a file holds before anything is made of it: columns of cells under their names."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.prices.sources.files.scripts import with_plain_digits


@dataclass(frozen=True)
class Column:
    """One column: the levels of its name from top to bottom, and its cells.

    `("Close", "AAPL")` is a column of a table with a level of tickers; most have one level, and a
    column without a name has none.
    """

    levels: tuple[str, ...]
    cells: pa.Array

    @property
    def name(self) -> str:
        """The name as it is shown and as `--columns` takes it."""
        return " ".join(self.levels)


@dataclass(frozen=True)
class Table:
    """The cells of a file.

    Args:
        path: the file.
        columns: its columns, all equally long; texts are without surrounding space.
        named: whether the file has a header; where it has none, columns are named by their number.
        delimiter: what stands between cells; empty for files that are no text.
        notes: what was done to read it, such as which encoding was tried.
        line: the line of the file that a row stands on, for messages; None where rows have none.
        angled: whether names stand in angle brackets, as MetaTrader and Stooq write them.
    """

    path: Path
    columns: tuple[Column, ...]
    named: bool = True
    delimiter: str = ""
    notes: tuple[str, ...] = ()
    line: Callable[[int], int] | None = None
    angled: bool = False

    def __len__(self) -> int:
        return len(self.columns[0].cells) if self.columns else 0

    def place(self, row: int) -> str:
        """Return where a row stands, for a message."""
        if self.line is None:
            return f"`{self.path}`, row {row + 1}"
        return f"`{self.path}`, line {self.line(row)}"


def text_array(cells: pa.Array) -> pa.Array:
    """Return cells as plain text without surrounding space, empty where there is none."""
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    return pc.utf8_trim_whitespace(with_plain_digits(pc.fill_null(cells.cast(pa.string()), "")))


def levels_of(name: str) -> tuple[str, ...]:
    """Return the levels of a name: one, or those of a tuple that was written as it prints."""
    if name.startswith("('") and name.endswith(")"):
        try:
            parts = ast.literal_eval(name)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return (name,)
        if isinstance(parts, tuple):
            return tuple(str(part) for part in parts if str(part))
    return (name,) if name else ()


def is_text(cells: pa.Array) -> bool:
    """Whether an array holds text, in any of Arrow's types for it."""
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
