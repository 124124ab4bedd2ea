"""Where the table in a text begins: delimiter, header and first row, found by what they look like.

Exporters write titles, addresses, `sep=;` and dates of the query before the header, one to three
rows of header, and sometimes none. A row of prices has a cell that looks like a date and another
that looks like a number, and so has the next row; a header has names that `names` knows. Each
delimiter is tried on the first lines, and the one under which most names are known, then most rows
are equally long, is taken.
"""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lstmcast.errors import DataError
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.names import SYMBOL, roles_of
from lstmcast.prices.sources.files.numbers import MISSING
from lstmcast.prices.sources.files.table import levels_of

HEAD = 200
"""Lines in which a table must begin."""
DELIMITERS = (",", ";", "\t", "|", "^", "~")
MOST_LEVELS = 3

_NUMBER = re.compile(
    r"\(?[-+−]?\s?[^\w\s]{0,3}\s?(\d[\d.,'’\s\u00a0\u202f]*|[.,]\d+)([eE][+-]?\d+)?\s?\S{0,4}$"
)

Row = tuple[int, list[str]]
"""The line that a row begins on, counted from 1, and its cells."""


@dataclass(frozen=True)
class Layout:
    """How the text of a table is laid out.

    Args:
        delimiter: what stands between cells.
        names: for each column, the levels of its name; none where there is no header.
        first_line: the line of the first row, counted from 1.
        width: how many cells a row has.
        known: how many of the names are known.
        even: share of the rows looked at that have as many cells.
    """

    delimiter: str
    names: tuple[tuple[str, ...], ...]
    first_line: int
    width: int
    known: int
    even: float

    @property
    def score(self) -> tuple[int, float, int]:
        """What a layout is better by."""
        return self.known, self.even, self.width


def find_layout(path: Path, lines: list[str], wanted: frozenset[str]) -> Layout:
    """Return the layout of a text by its first lines.

    Args:
        path: the file, for messages.
        lines: its first lines.
        wanted: names of columns that the user gave, which count as known.

    Raises:
        DataError: empty, or no table at all.
    """
    first = next((line.strip() for line in lines if line.strip()), "")
    if not first:
        raise DataError(f"`{path}` is empty", hint="it needs a header with at least date and close")
    if first[0] in "<{[" and not first.upper().startswith(
        ("<TICKER", "<DATE", "<PER", "<DTYYYYMMDD", "<OPEN", "<SYMBOL", "<TIME")
    ):
        what = "HTML or XML" if first[0] == "<" else "JSON"
        raise DataError(f"`{path}` is {what}, not a table", hint="save it as CSV, Parquet or xlsx")
    if re.match(r"%PDF-|version\s+https://git-lfs", first):
        what = "a PDF" if first[0] == "%" else "a pointer to a file that Git LFS keeps"
        step = (
            "save it as CSV, Parquet or xlsx" if first[0] == "%" else "get the file: `git lfs pull`"
        )
        raise DataError(f"`{path}` is {what}, not a table", hint=step)
    said = re.match(r"\"?sep=(.)\"?", first, re.IGNORECASE)
    tried = (said[1],) if said else DELIMITERS
    found = [layout for mark in tried if (layout := _under(mark, lines, wanted)) is not None]
    if not found:
        found = [layout for mark in tried if (layout := _unknown(mark, lines)) is not None]
    if not found:
        raise DataError(
            f"`{path}` is not a CSV file: no line has more than one cell, and the first is"
            f" {first[:60]!r}",
            hint="it needs a header with at least date and close",
        )
    return max(found, key=lambda layout: layout.score)


def _unknown(delimiter: str, lines: list[str]) -> Layout | None:
    """Return the layout of a text in which nothing is known: its first line is the header."""
    try:
        rows = read_rows(lines, delimiter)
    except csv.Error:
        return None
    wide = next((at for at, (_, cells) in enumerate(rows) if len(cells) > 1), None)
    if wide is None:
        return None
    line, cells = rows[wide]
    names = tuple((cell,) if cell else () for cell in cells)
    known = sum(bool(roles_of(cell)) for cell in cells if cell)
    return Layout(delimiter, names, line + 1, len(names), known, 0.0)


def read_rows(lines: list[str], delimiter: str, start: int = 1) -> list[Row]:
    """Return the cells of lines, blank lines left out; `start` is the number of the first line."""
    reader = csv.reader(
        (line.rstrip("\r\n") + "\n" for line in lines), delimiter=delimiter, skipinitialspace=True
    )
    rows: list[Row] = []
    before = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            rows.append((start + before, [cell.strip() for cell in cells]))
        before = reader.line_num
    return rows


def looks_like_number(cell: str) -> bool:
    """Whether a cell can be a number in some locale."""
    return len(cell) < 40 and _NUMBER.match(cell) is not None


def _under(delimiter: str, lines: list[str], wanted: frozenset[str]) -> Layout | None:
    """Return the layout that a text has under a delimiter, or None."""
    if not any(delimiter in line for line in lines):
        return None
    try:
        rows = read_rows(lines, delimiter)
    except csv.Error:
        return None
    named = next((at for at, row in enumerate(rows) if _is_header(row[1], wanted)), None)
    if named is not None:
        below = range(named + 1, min(named + 4, len(rows)))
        first = next((at for at in below if _date_cells(rows, at)), named + 1)
        header = [named]
        cells = rows[named][1]
        doubled = max(Counter(cell for cell in cells if cell).values()) > 1
        if doubled and named and _same_block(rows, named - 1, named):
            header = [named - 1, named]
    else:
        begin = next((at for at in range(len(rows)) if _date_cells(rows, at)), None)
        if begin is None:
            return None
        first = begin
        header = _header_above(rows, first)
    body = rows[first : first + 60]
    sizes = Counter(_size(cells) for _, cells in body)
    top = [rows[at][1] for at in header]
    common = max(sizes, key=lambda size: (sizes[size], size), default=0)
    names = levels_above(top, body[0][1] if body else [])
    width = len(names) if top else common
    if width < 2:
        return None
    known = sum(
        any(roles_of(level) or level in wanted for level in levels if level) for levels in names
    )
    even = sum(number for size, number in sizes.items() if size <= width) / max(len(body), 1)
    line = rows[first][0] if first < len(rows) else len(lines) + 1
    return Layout(delimiter, names, line, width, known, even)


def _is_header(cells: list[str], wanted: frozenset[str]) -> bool:
    """Whether a row names a date and a close, or a column that the user named."""
    roles = [roles_of(cell) for cell in cells if cell]
    if wanted and len(wanted & {cell for cell in cells if cell}) == len(wanted):
        return True
    dates = sum("date" in found for found in roles)
    prices = sum(bool(found & {"close", "adj_close"}) for found in roles)
    others = sum(bool(found - {"date", SYMBOL}) for found in roles)
    return bool(dates and prices and others) and not any(map(looks_like_date, cells))


def _date_cells(rows: list[Row], at: int) -> bool:
    """Whether a row is one of prices: a date and a number, and a date in the same place below."""
    cells = rows[at][1]
    places = [place for place, cell in enumerate(cells) if looks_like_date(cell)]
    for place in places:
        others = [cell for other, cell in enumerate(cells) if other != place]
        if not any(looks_like_number(cell) or cell.casefold() in MISSING - {""} for cell in others):
            continue
        if at + 1 >= len(rows):
            return True
        for _, below in rows[at + 1 : at + 3]:
            if place < len(below) and looks_like_date(below[place]):
                return True
    return False


def _size(cells: list[str]) -> int:
    """Return how many cells a row has, without empty ones at its end."""
    size = len(cells)
    while size and not cells[size - 1]:
        size -= 1
    return size


def _header_above(rows: list[Row], first: int) -> list[int]:
    """Return the rows of the header that stand directly above the first row of prices."""
    header: list[int] = []
    for at in range(first - 1, max(first - 1 - MOST_LEVELS, -1), -1):
        if not _same_block(rows, at, at + 1):
            break
        header.insert(0, at)
    return header


def _same_block(rows: list[Row], upper: int, lower: int) -> bool:
    """Whether two rows follow each other directly and are about equally wide."""
    if rows[lower][0] - rows[upper][0] != 1:
        return False
    above, below = rows[upper][1], rows[lower][1]
    if any(looks_like_date(cell) for cell in above):
        return False
    return abs(len(above) - len(below)) <= 1 and len(above) > 1


def levels_above(header: list[list[str]], body: list[str]) -> tuple[tuple[str, ...], ...]:
    """Return for each column the levels of its name."""
    if not header:
        return ()
    if _size(header[-1]) == _size(body) - 1 and _misses_first(header[-1], body):
        header = [["", *cells] for cells in header]
    width = max(len(cells) for cells in header)
    padded = [[*cells, *[""] * (width - len(cells))] for cells in header]
    if len(padded) > 1 and "" in padded[0][2:] and padded[0][1]:
        padded[0] = _carried(padded[0])
    first = next((cells[0] for cells in reversed(padded) if cells[0]), "")
    titled = _titles(padded)
    if titled:
        padded[0] = _carried(padded[0])
    rest = [
        tuple(level for cells in padded for level in levels_of(cells[at]))
        for at in range(0 if titled else 1, width)
    ]
    if titled:
        return tuple(rest)
    return ((first,) if first else (), *rest)


def _titles(header: list[list[str]]) -> bool:
    """Whether the upper of two levels has a name above each of several columns of dates."""
    if len(header) != 2:
        return False
    starts = [at for at, cell in enumerate(header[1]) if cell and "date" in roles_of(cell)]
    filled = [at for at, cell in enumerate(header[0]) if cell]
    return len(starts) > 1 and starts[0] == 0 and filled == starts


def _carried(cells: list[str]) -> list[str]:
    """Return a level whose cells were merged: each name goes on until the next."""
    carried, last = cells[:1], ""
    for cell in cells[1:]:
        last = cell or last
        carried.append(last)
    return carried


def _misses_first(header: list[str], body: list[str]) -> bool:
    """Whether a header lacks the name of the first column, as R's `write.table` writes it."""
    place = next((at for at, cell in enumerate(header) if "date" in roles_of(cell)), None)
    if place is None:
        return looks_like_date(body[0])
    if place + 1 >= len(body):
        return False
    return looks_like_date(body[place + 1]) and not looks_like_date(body[place])
