"""The table in a JSON document, whichever way it lies: an answer of a data service, or of pandas.

    [{"date": ..., "close": ...}, ...]                records, also a line each
    {"2024-06-28": {"close": ...}, ...}               a record for each date
    {"t": [...], "c": [...]}                          a list for each column
    {"close": {"2024-06-28": ..., ...}}               a column for each name
    {"columns": [...], "index": [...], "data": [[...], ...]}
    {"prices": [[1719532800000, 1.5], ...]}           pairs, or rows without names

It may lie anywhere in the document. A symbol that the document states is the symbol of all rows.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from lstmcast.errors import DataError
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.names import SYMBOL, lines_of, roles_of
from lstmcast.prices.sources.files.table import Column, Table, levels_of, text_array

DEEPEST = 6
LOOKED_AT = 20
"""Values of a list or keys of an object by which their kind is told."""
MOST_KEYS = 5000
"""Keys of an object under which a table is looked for."""

Cells = dict[str, list[Any]]
Keys = tuple[str, ...]
"""The keys under which a value lies in a document."""


def is_json(text: str) -> bool:
    """Whether a text begins as JSON that can hold a table."""
    return text[:200].lstrip()[:1] in ("{", "[")


def read_json(path: Path, text: str, notes: tuple[str, ...]) -> Table:
    """Return the table in a JSON document, the one with most rows that has dates and prices.

    Raises:
        DataError: not JSON, or without such a table.
    """
    value = _parsed(path, text)
    found = [(keys, cells) for keys, cells in _tables(value, ()) if _has_prices(cells)]
    if not found:
        raise DataError(
            f"`{path}` is JSON without a table of dates and closes" + _message(value),
            hint="save the prices as CSV, Parquet or xlsx",
        )
    best = _best(path, found)
    symbol = _symbol(value, 0)
    if symbol and not any(SYMBOL in roles_of(name) for name in best):
        best = {**best, "symbol": [symbol] * _rows(best)}
    named = not all(name.isdigit() for name in best)
    columns = tuple(Column(levels_of(name), _array(cells, named)) for name, cells in best.items())
    return Table(path, columns, named=named, notes=notes, angled=True)


def _rows(cells: Cells) -> int:
    return len(next(iter(cells.values())))


def _best(path: Path, found: list[tuple[Keys, Cells]]) -> Cells:
    """Return the table with most rows; of several with the same columns, all, by their symbols.

    Raises:
        DataError: nothing says whose they are.
    """
    keys, best = max(found, key=lambda item: _rows(item[1]))
    alike = [item for item in found if set(item[1]) == set(best) and item[1] != best]
    if not alike or any(SYMBOL in roles_of(name) for name in best):
        return best
    alike.insert(0, (keys, best))
    paths = list(zip(*(keys for keys, _ in alike), strict=False))
    told = next((names for names in paths if len(set(names)) == len(alike)), None)
    if told is None:
        raise DataError(
            f"`{path}` is JSON with {len(alike)} tables of the same columns",
            hint="save the one of the symbol in a file of its own",
        )
    joined = {name: [cell for _, cells in alike for cell in cells[name]] for name in best}
    of = [name for name, (_, cells) in zip(told, alike, strict=True) for _ in range(_rows(cells))]
    return {**joined, "symbol": of}


def _loaded(text: str) -> Any:
    """Return the value of JSON, also where a program wrote NaN."""
    return json.loads(text, parse_constant=lambda _: None)


def _parsed(path: Path, text: str) -> Any:
    try:
        return _loaded(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            if len(lines) > 1:
                return [_loaded(line) for line in lines]
        except (ValueError, RecursionError):
            pass
        raise DataError(
            f"`{path}` is JSON that cannot be read: {str(error)[:80]}",
            hint="save it again, or as CSV, Parquet or xlsx",
        ) from error


def _message(value: Any) -> str:
    """Return what a service says in the place of prices."""
    if isinstance(value, Mapping):
        said = [text for text in value.values() if isinstance(text, str) and " " in text]
        return f": it says {said[0][:80]!r}" if said else ""
    return ""


# --- where the table is --------------------------------------------------------------------------


def _tables(value: Any, keys: Keys) -> Iterator[tuple[Keys, Cells]]:
    """Yield the tables in a value with where they lie; rows without names are numbered from 1."""
    if len(keys) > DEEPEST:
        return
    if isinstance(value, list):
        for cells in _in_list(value, keys[-1] if keys else ""):
            yield keys, cells
        for at, item in enumerate(value[:LOOKED_AT]):
            if isinstance(item, Mapping) and not _is_flat(item):
                yield from _tables(item, (*keys, _symbol(item, 3) or str(at)))
    elif isinstance(value, Mapping):
        for cells in _in_object(value):
            yield keys, cells
        for name, item in islice(value.items(), MOST_KEYS):
            yield from _tables(item, (*keys, name))


def _in_list(value: list[Any], name: str) -> Iterator[Cells]:
    if not value:
        return
    if all(isinstance(item, Mapping) for item in value):
        if all(_is_flat(item) for item in value[:LOOKED_AT]):
            yield _by_name(value)
    elif all(isinstance(item, list) and len(item) == len(value[0]) for item in value):
        yield _of_rows(value, name)


def _of_rows(rows: list[list[Any]], name: str) -> Cells:
    """Return rows without names; pairs of a day and a number are named by where they lie."""
    name = name if "close" in roles_of(name) else name.removesuffix("s")
    if len(rows[0]) == 2 and "close" in roles_of(name) and looks_like_date(str(rows[0][0])):
        return {"date": [row[0] for row in rows], name: [row[1] for row in rows]}
    return {str(at + 1): [row[at] for row in rows] for at in range(len(rows[0]))}


def _in_object(value: Mapping[str, Any]) -> Iterator[Cells]:
    inner = [item for item in value.values() if isinstance(item, Mapping)]
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        yield from _split(value)
    elif inner and len(inner) == len(value):
        rows = list(inner[0])
        columns = {name: [column.get(row) for row in rows] for name, column in value.items()}
        if all(map(looks_like_date, islice(value, LOOKED_AT))):
            yield {"date": list(value), **_by_name(inner)}
        elif rows and all(map(looks_like_date, rows[:LOOKED_AT])):
            yield {"date": rows, **columns}
        elif rows and any("date" in roles_of(name) for name in value):  # its rows are numbered
            yield columns
    yield from _of_lists(value)


def _split(value: Mapping[str, Any]) -> Iterator[Cells]:
    names = [
        " ".join(map(str, name)) if isinstance(name, list) else str(name)
        for name in value["columns"]
    ]
    data = value["data"]
    if not data or not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return
    cells = {name: [row[at] for row in data] for at, name in enumerate(names)}
    index = value.get("index")
    if isinstance(index, list) and len(index) == len(data) and looks_like_date(str(index[0])):
        cells = {"date": index, **cells}
    yield cells


def _of_lists(value: Mapping[str, Any]) -> Iterator[Cells]:
    """Yield columns that are lists of one length, also those one object further in."""
    lists = dict(_lists(value, 0))
    longest = max(map(len, lists.values()), default=0)
    cells = {name: cells for name, cells in lists.items() if len(cells) == longest}
    if len(cells) > 1:
        yield cells


def _lists(value: Any, depth: int) -> Iterator[tuple[str, list[Any]]]:
    if not isinstance(value, Mapping) or depth > 2:
        return
    for name, item in value.items():
        if isinstance(item, list) and item and not any(isinstance(x, list | dict) for x in item):
            yield name, item
        elif isinstance(item, list) and len(item) == 1:  # as Yahoo's charts have them
            yield from _lists(item[0], depth + 1)
        else:
            yield from _lists(item, depth + 1)


def _by_name(records: list[Any]) -> Cells:
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [_plain(record.get(name)) for record in records] for name in names}


def _plain(cell: Any) -> Any:
    """Return the value of a cell that MongoDB writes with its kind, as `{"$date": ...}`."""
    if isinstance(cell, Mapping) and len(cell) == 1 and next(iter(cell)).startswith("$"):
        return next(iter(cell.values()))
    return cell


def _is_flat(record: Any) -> bool:
    return not any(isinstance(item, list) for item in record.values())


def _has_prices(cells: Cells) -> bool:
    """Whether there are dates and closes, or rows without names that may be both."""
    if all(name.isdigit() for name in cells):
        return len(cells) > 1 and any(looks_like_date(str(column[0])) for column in cells.values())
    roles = {line.role for name in cells for line in lines_of(name) if line.rank < 9}
    return "date" in roles and bool(roles & {"close", "adj_close"})


def _symbol(value: Any, depth: int) -> str:
    """Return the symbol that a document states for all its rows."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping) or depth > 3:
        return ""
    for name, item in value.items():
        ranks = [line.rank for line in lines_of(name) if line.role == SYMBOL]
        if ranks == [1] and isinstance(item, str) and item:
            return item
    found = (_symbol(item, depth + 1) for item in islice(value.values(), LOOKED_AT))
    return next(filter(None, found), "")


# --- cells ---------------------------------------------------------------------------------------


def _array(cells: list[Any], named: bool) -> pa.Array:
    """Return cells as numbers if all are, else as text; rows without names are told by text."""
    numeric = all(isinstance(cell, int | float) or cell is None for cell in cells)
    if named and numeric and any(isinstance(cell, float) for cell in cells):
        return pa.array(
            [None if cell is None else float(str(cell)) for cell in cells], pa.float64()
        )
    texts = ["" if cell is None else str(cell) for cell in cells]
    return text_array(pa.array(texts, pa.string()))
