"""Text with delimiters as a table: Arrow reads it where all rows are equally long, Python else."""

import csv
import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from lstmcast.errors import DataError
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.fixed_width import widen
from lstmcast.prices.sources.files.layout import (
    HEAD,
    Layout,
    Row,
    find_layout,
    read_rows,
)
from lstmcast.prices.sources.files.names import roles_of
from lstmcast.prices.sources.files.scripts import plain_digits
from lstmcast.prices.sources.files.table import Column, Table

ABOVE_CUT = 20
"""Lines before the last one that are whole rows where only that is cut off."""
_KEPT = re.compile(r'(^|[,;\t|])"?="{1,2}([^"\n]*)"{1,3}', re.MULTILINE)
_WRAPPED = re.compile(r'^"(.*)"$')


def read_text(path: Path, text: str, notes: tuple[str, ...], wanted: frozenset[str]) -> Table:
    """Return the table in a text.

    Args:
        path: the file, for messages.
        text: all of it.
        notes: what was done to get it.
        wanted: names of columns that the user gave.

    Raises:
        DataError: empty, no table, or a row with more cells than the header.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    ended = text.endswith("\n")
    if '="' in text:  # as text is kept from a spreadsheet's guesses
        text = _KEPT.sub(r'\1"\2"', text)
    text = _plainer(widen(plain_digits(text.rstrip("\x1a\n"))))
    head = _first_lines(text, HEAD)
    layout = find_layout(path, head, wanted)
    body = text[_offset(text, layout.first_line) :]
    if not ended and (whole := _without_cut_line(body, layout)) is not None:
        body, notes = whole, (*notes, "the last line is cut off: left out")
    columns, lines = _columns(path, body, layout)
    if not columns or not len(columns[0]):
        raise DataError(f"`{path}` has a header and no rows")
    named = bool(layout.names)
    levels = layout.names if named else tuple((str(at + 1),) for at in range(layout.width))
    kept = [
        Column(name, cells)
        for name, cells in zip(levels, columns, strict=True)
        if name or _any_cell(cells)  # a delimiter at the end of each line makes an empty column
    ]
    angled = any(level.startswith("<") and level.endswith(">") for name in levels for level in name)
    first = layout.first_line
    at = (lambda row: lines[row]) if lines is not None else (lambda row: first + row)
    return Table(path, tuple(kept), named, layout.delimiter, notes, at, angled)


def _first_lines(text: str, most: int) -> list[str]:
    end = -1
    for _ in range(most):
        end = text.find("\n", end + 1)
        if end < 0:
            return text.split("\n")
    return text[:end].split("\n")


def _offset(text: str, line: int) -> int:
    """Return where a line begins, counted from 1."""
    at = 0
    for _ in range(line - 1):
        found = text.find("\n", at)
        if found < 0:
            return len(text)
        at = found + 1
    return at


def _plainer(text: str) -> str:
    """Undo what stands around whole lines: quotes about them, or spaces as the only delimiter."""
    head = [line for line in _first_lines(text, HEAD) if line.strip()]
    if len(head) > 1 and all(_WRAPPED.match(line) and _inner(line) for line in head):
        unwrapped = [
            line[1:-1].replace('""', '"') if _WRAPPED.match(line) else line
            for line in text.split("\n")
        ]
        return "\n".join(unwrapped)
    if head and re.fullmatch(r"\s*'[^']*'(\s*[,;\t|]\s*'[^']*')+\s*", head[0]):
        return re.sub(r"'([^'\n]*)'", r'"\1"', text)
    digits = any(character.isdigit() for line in head for character in line)
    if digits and not any(mark in line for line in head[-3:] for mark in ",;\t|"):
        wide = any(re.search(r"\S {2,}\S", line) for line in head[-3:])
        between = r" {2,}" if wide else r" +"
        lines = [re.sub(between, "\t", line.strip(" ")) for line in text.split("\n")]
        return "\n".join(_with_name_of_index(lines))
    return text


def _with_name_of_index(lines: list[str]) -> list[str]:
    """Put the name of an index that pandas prints on a line of its own before the other names."""
    if len(lines) < 3 or not lines[1] or "\t" in lines[1]:
        return lines
    names, index, first = lines[:3]
    if "date" not in roles_of(index) or not looks_like_date(first.split("\t")[0]):
        return lines
    return [f"{index}\t{names}", "", *lines[2:]]


def _inner(line: str) -> bool:
    """Whether a line in quotes is one cell with a whole line in it."""
    try:
        cells = next(csv.reader([line]))
    except (csv.Error, StopIteration):
        return False
    return len(cells) == 1 and any(mark in cells[0] for mark in ",;\t")


def _columns(path: Path, body: str, layout: Layout) -> tuple[list[pa.Array], list[int] | None]:
    """Return the cells by column, and the line of each row where they do not just follow."""
    spaced = re.search(r'[,;\t|] +"', body[:2000])  # Arrow takes such a quote as a part of the cell
    if "\n\n" not in body and not body.startswith("\n") and spaced is None:
        columns = _fast(body, layout)
        if columns is not None:
            return columns, None
    try:
        rows = read_rows(body.split("\n"), layout.delimiter, layout.first_line)
    except csv.Error as error:
        raise DataError(f"`{path}` is not a CSV file: {error}") from error
    return _evened(path, rows, layout.width)


def _fast(body: str, layout: Layout) -> list[pa.Array] | None:
    """Return the cells as Arrow reads them, or None if a row is longer or shorter than the rest."""
    names = [str(at) for at in range(layout.width)]
    try:
        table = pacsv.read_csv(
            io.BytesIO(body.encode()),
            read_options=pacsv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pacsv.ParseOptions(delimiter=layout.delimiter, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except (pa.ArrowInvalid, UnicodeError):
        return None
    return [pc.utf8_trim_whitespace(column.combine_chunks()) for column in table.columns]


def _evened(path: Path, rows: list[Row], width: int) -> tuple[list[pa.Array], list[int]]:
    """Return rows by column, short ones filled up.

    Raises:
        DataError: a row has more cells than the header, and they are not empty.
    """
    rows = _without_wide_remarks(rows, width)
    long = next((row for row in rows if any(row[1][width:])), None)
    if long is not None:
        raise DataError(
            f"`{path}` is not a CSV file: line {long[0]} has {len(long[1])} cells,"
            f" its header {width}",
            hint="correct the line; quote any cell that contains the delimiter",
        )
    columns = [
        pa.array([cells[at] if at < len(cells) else "" for _, cells in rows], pa.string())
        for at in range(width)
    ]
    return columns, [line for line, _ in rows]


def _without_cut_line(body: str, layout: Layout) -> str | None:
    """Return a text without its last line where that alone breaks off within a row, else None."""
    whole, _, last = body.rpartition("\n")
    try:
        above = read_rows(whole.split("\n")[-ABOVE_CUT:], layout.delimiter)
        cut = read_rows([last], layout.delimiter)
    except csv.Error:
        return None
    if not above or not cut or any(len(cells) != layout.width for _, cells in above):
        return None
    return whole if 1 < len(cut[0][1]) < layout.width else None


def _without_wide_remarks(rows: list[Row], width: int) -> list[Row]:
    """Make one cell of each remark below the table that has more delimiters than a row has."""
    end = len(rows)
    while end and not any(map(looks_like_date, rows[end - 1][1])):
        end -= 1
    end = end or len(rows)
    return (
        rows[:end]
        + [  # where nothing looks like a date, nothing is known to be a remark
            (line, [" ".join(cells)] if any(cells[width:]) else cells) for line, cells in rows[end:]
        ]
    )


def _any_cell(cells: pa.Array) -> bool:
    return bool(pc.any(pc.not_equal(cells, "")).as_py())
