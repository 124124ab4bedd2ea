"""Tables side by side in one: a column of dates, its prices, then dates again, for the next symbol.

Terminals and sheets write them so, since symbols have days of their own:

    AAPL,,MSFT,
    Date,PX_LAST,Date,PX_LAST

Each is a table of its own; its symbol stands above it, or names its only column of prices.
"""

import re
from dataclasses import replace

from lstmcast.errors import DataError, SymbolNotFoundError
from lstmcast.prices.sources.files.choice import ALIKE, best_match
from lstmcast.prices.sources.files.columns import find_fields
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.faults import Faults
from lstmcast.prices.sources.files.names import lines_of, plain
from lstmcast.prices.sources.files.options import ReadOptions
from lstmcast.prices.sources.files.table import Column, Table, is_text

MOST_NAMES = 12
"""Symbols that an error names."""


def named_blocks(table: Table, options: ReadOptions) -> list[tuple[str, Table]]:
    """Return the tables that stand side by side in one with their symbols; none if it is single.

    Raises:
        DataError: there are several, and nothing says whose they are.
    """
    if "date" in options.columns:
        return []
    blocks = []
    for title, block in _side_by_side(table):
        tickers = find_fields(block, options, Faults(table.path)).by_ticker
        name = title or (next(iter(tickers)) if len(tickers) == 1 else "")
        blocks.append((name, block))
    if len({name for name, _ in blocks}) < len(blocks) or not all(name for name, _ in blocks):
        raise DataError(
            f"`{table.path}` has {len(blocks)} tables side by side, and not a symbol above each",
            hint="say which columns are meant by their numbers, as in `--columns date=1,close=2`",
        )
    return blocks


def block_of(table: Table, blocks: list[tuple[str, Table]], symbol: str) -> tuple[Table, str]:
    """Return the table of a symbol among those that stand side by side, and how it is named.

    Raises:
        SymbolNotFoundError: none is the symbol's, or more than one.
    """
    best, level = best_match(symbol, [name for name, _ in blocks])
    if level < ALIKE or len(best) > 1:
        raise SymbolNotFoundError(
            f"`{table.path}` has {len(blocks)} tables side by side, and none is only {symbol}'s:"
            f" {', '.join(name for name, _ in blocks[:MOST_NAMES])}",
            hint="fetch one of these names, or every symbol of the file with `--all`",
        )
    return dict(blocks)[best[0]], f"{best[0]} is one of {len(blocks)} tables side by side"


def _side_by_side(table: Table) -> list[tuple[str, Table]]:
    """Return the tables in a table with what stands above each; none where it is a single one."""
    columns = table.columns
    starts = [at for at, column in enumerate(columns) if _name_of_dates(column)]
    names = {_name_of_dates(columns[at]) for at in starts}
    if len(starts) < 2 or len(names) > 1 or starts[0] != 0 or not table.named:
        return []
    first = columns[0].cells
    titled = all(len(columns[at].levels) > 1 for at in starts)
    if not titled and all(columns[at].cells.equals(first) for at in starts[1:]):
        return []
    parts = [columns[at:end] for at, end in zip(starts, [*starts[1:], len(columns)], strict=True)]
    if any(len(part) < 2 for part in parts):
        return []
    return [(_title(part[0]), _untitled(table, part)) for part in parts]


def _name_of_dates(column: Column) -> str:
    """Return the name of a column of dates, without what pandas adds to names that come again."""
    name = re.sub(r"\.\d{1,2}$", "", column.levels[-1]) if column.levels else ""
    dated = any(line.role == "date" and line.rank < 9 for line in lines_of(name))
    return plain(name) if dated and _begins_with_date(column) else ""


def _begins_with_date(column: Column) -> bool:
    if not is_text(column.cells):
        return True
    cells = column.cells[:20].to_pylist()
    return any(map(looks_like_date, filter(None, cells)))


def _title(dates: Column) -> str:
    return " ".join(dates.levels[:-1])


def _untitled(table: Table, columns: tuple[Column, ...]) -> Table:
    title = columns[0].levels[:-1]
    own = tuple(Column(_own_levels(column.levels, title), column.cells) for column in columns)
    return replace(table, columns=own)


def _own_levels(levels: tuple[str, ...], title: tuple[str, ...]) -> tuple[str, ...]:
    own = levels[len(title) :] if title and levels[: len(title)] == title else levels
    return (*own[:-1], re.sub(r"\.\d{1,2}$", "", own[-1])) if own else own
