"""Which column of a table is which: by the user's word, by names, by levels of tickers.

Three kinds of tables are told apart:

- a column for each field (`date, open, close, ...`), perhaps one that names the symbol of a row
- a column for each field and ticker: a header of two levels, or names such as `AAPL.Close`
- a column of closes for each ticker (`date, AAPL, MSFT`), or one series (`date, SP500`)
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.prices.sources.files.date_forms import LOOKS_LIKE
from lstmcast.prices.sources.files.faults import Faults
from lstmcast.prices.sources.files.names import (
    FIELDS,
    SYMBOL,
    lines_of,
    plain,
)
from lstmcast.prices.sources.files.numbers import MARKS, convert
from lstmcast.prices.sources.files.options import NO_COLUMN, ReadOptions
from lstmcast.prices.sources.files.table import Column, Table

NAMELESS = 9
"""The rank of names that say nothing, such as that of an index."""
SERIES_NAMES = ("observation date",)
"""Names of a date beside which a single column is a series under its own name, as of FRED."""


@dataclass(frozen=True)
class Candidate:
    """A column that may have a role."""

    rank: int
    column: Column


@dataclass(frozen=True)
class Fields:
    """The columns of a table by what they are.

    Args:
        shared: columns by role that all symbols have: the date, and the symbol of each row.
        by_ticker: prices by ticker, then by role; `""` where the table names no tickers.
        dates: further columns that could be the date, best first.
    """

    shared: dict[str, Column]
    by_ticker: dict[str, dict[str, Column]]
    dates: tuple[Column, ...] = ()
    remarks: list[str] = field(default_factory=list)


def find_fields(table: Table, options: ReadOptions, faults: Faults) -> Fields:
    """Return what the columns of a table are; what is missing or ambiguous goes to `faults`."""
    given = _given(table, options, faults)
    taken = {id(column) for column in given.values()}
    free = [column for column in table.columns if id(column) not in taken]
    excluded = {role for role, name in options.columns.items() if name == NO_COLUMN}
    split = _by_ticker(free, given)
    ticker_of = {} if split is None else split
    candidates: dict[str, dict[str, list[Candidate]]] = {}
    for column in free:
        ticker, name = ticker_of.get(id(column), ("", _field_name(column)))
        for line in lines_of(name) if table.named else ():
            if line.role in excluded or line.role in given:
                continue
            found = candidates.setdefault(ticker, {}).setdefault(line.role, [])
            found.append(Candidate(line.rank, column))
    common = candidates.pop("", {})
    shared = {role: column for role, column in given.items() if role in ("date", SYMBOL)}
    dates = _dates(table, common, shared, free)
    if "date" not in shared and dates:
        shared["date"] = dates[0]
    symbol = _symbols(common.get(SYMBOL, []), excluded)
    if SYMBOL not in shared and symbol is not None:
        shared[SYMBOL] = symbol
    used = {id(column) for column in shared.values()}
    prices = {role: column for role, column in given.items() if role not in shared}
    by_ticker = {}
    for ticker, own in (candidates or {"": common}).items():
        merged = {**common, **own}
        by_ticker[ticker] = _prices(merged, dict(prices), set(used), table, faults)
    fields = Fields(shared, by_ticker, tuple(dates[1:]))
    if (
        not any("close" in found for found in by_ticker.values())
        and table.named
        and "close" not in excluded
    ):
        fields = _series(table, fields)
    return fields


def _field_name(column: Column) -> str:
    """Return the level of a name that says what the column holds."""
    for level in column.levels:
        if any(line.rank < NAMELESS for line in lines_of(level)):
            return level
    return column.levels[-1] if column.levels else ""


def _given(table: Table, options: ReadOptions, faults: Faults) -> dict[str, Column]:
    """Return the columns that the user named."""
    found = {}
    for role, name in options.columns.items():
        if name == NO_COLUMN:
            continue
        column = find_column(table, name)
        if column is None:
            faults.add(
                f": `--columns` names {name!r} for `{role}`,"
                f" and its columns are {listed(table.columns)!r}",
                f"`--columns {role}=NAME` with one of these names, or its number from 1",
            )
        else:
            found[role] = column
    return found


def find_column(table: Table, name: str) -> Column | None:
    """Return the column of a name, of the same name but for its dress, or of a number from 1."""
    for same in (
        lambda column: column.name == name,
        lambda column: plain(column.name) == plain(name),
    ):
        matching = [column for column in table.columns if same(column)]
        if len(matching) == 1:
            return matching[0]
    if name.isdigit() and 1 <= int(name) <= len(table.columns):
        return table.columns[int(name) - 1]
    return None


def listed(columns: Iterable[Column], most: int = 12) -> str:
    """Return the names of columns as prose."""
    names = [column.name or "(no name)" for column in columns]
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


# --- tickers in names ----------------------------------------------------------------------------

_SIGN = re.compile(r"[A-Za-z0-9^$][A-Za-z0-9.^=&_/:\- ]{0,30}")
_NO_TICKERS = frozenset(
    ("bid", "ask", "mid", "prev", "previous", "adj", "avg", "last", "net", "raw")
)
_UNITS = {
    "usd",
    "eur",
    "gbp",
    "jpy",
    "cny",
    "inr",
    "krw",
    "元",
    "股",
    "手",
    "%",
    "没有单位",
    "shares",
    "float64",
    "int64",
}


def _by_ticker(
    columns: list[Column], given: dict[str, Column]
) -> dict[int, tuple[str, str]] | None:
    """Return the ticker and the field's name of columns that have both, by the column's id."""
    levelled: dict[int, tuple[str, str]] = {}
    for column in columns:
        if len(column.levels) > 1 and (parts := _two_levels(column.levels)):
            levelled[id(column)] = parts
    if levelled:
        return levelled
    direct = {line.role for column in columns for line in lines_of(column.name)}
    if direct & {"close", "adj_close"} or "close" in given:
        return None
    parted = {id(column): parts for column in columns if (parts := split_name(column.name))}
    often = Counter(ticker for ticker, _ in parted.values())
    parted = {
        key: parts
        for key, parts in parted.items()
        if plain(parts[0]) not in _NO_TICKERS and (parts[0].isupper() or often[parts[0]] > 1)
    }
    roles = {line.role for _, name in parted.values() for line in lines_of(name)}
    return parted if roles & {"close", "adj_close"} else None


def _two_levels(levels: tuple[str, ...]) -> tuple[str, str] | None:
    known = [level for level in levels if any(line.role in FIELDS for line in lines_of(level))]
    others = [level for level in levels if level not in known and plain(level) not in _UNITS]
    if not known or not others:
        return None
    return others[-1], known[0]


def split_name(name: str) -> tuple[str, str] | None:
    """Return ticker and field of a name such as `AAPL.Close`, `Close_AAPL` or `Adj Close AAPL`."""
    parts = re.split(r"([._ :-]+)", name)
    for at in range(2, len(parts), 2):
        before, after = "".join(parts[: at - 1]), "".join(parts[at:])
        if _is_field(after) and not _is_field(before) and _SIGN.fullmatch(before):
            return before, after
        whole = len(parts) - at
        left, right = "".join(parts[:whole]).rstrip("._ :-"), "".join(parts[whole:]).lstrip("._ :-")
        if _is_field(left) and not _is_field(right) and _SIGN.fullmatch(right):
            return right, left
    return None


def _is_field(name: str) -> bool:
    return (
        any(line.role in FIELDS[1:] and line.rank < 4 for line in lines_of(name)) and len(name) > 1
    )


# --- one column for each role --------------------------------------------------------------------


def _dates(
    table: Table, common: dict[str, list[Candidate]], shared: dict[str, Column], free: list[Column]
) -> list[Column]:
    """Return the columns that can be the date, best first: by name, then by what they hold."""
    if "date" in shared:
        return [shared["date"]]
    named = sorted(common.get("date", []), key=lambda item: item.rank)
    found = [item.column for item in named if item.rank < NAMELESS or _holds_dates(item.column)]
    nameless = [column for column in free if not column.levels and column not in found]
    found += [column for column in nameless if _holds_dates(column)]
    if not found and table.named:
        holding = [column for column in free if _holds_dates(column)]
        found = holding if len(holding) == 1 else []
    return found


def _holds_dates(column: Column) -> bool:
    """Whether the first cells of a column look like dates."""
    if pa.types.is_temporal(column.cells.type):
        return True
    if not pa.types.is_string(column.cells.type):
        return False
    first = [cell for cell in column.cells[:20].to_pylist() if cell]
    return bool(first) and all(LOOKS_LIKE.match(cell) for cell in first)


def _symbols(found: list[Candidate], excluded: set[str]) -> Column | None:
    """Return the column that names each row's symbol: a code before a name."""
    if SYMBOL in excluded or not found:
        return None
    return min(found, key=lambda item: item.rank).column


def _prices(
    found: dict[str, list[Candidate]],
    prices: dict[str, Column],
    used: set[int],
    table: Table,
    faults: Faults,
) -> dict[str, Column]:
    """Return the column of each role but the date, each column once."""
    used |= {id(column) for column in prices.values()}
    for role in ("close", "adj_close", "open", "high", "low", "volume", "dividends", "splits"):
        if role in prices:
            continue
        free = [item for item in found.get(role, []) if id(item.column) not in used]
        if role == "volume":
            free = [item for item in free if not _is_nothing(item.column)] or free
        best = [item for item in free if item.rank == min(other.rank for other in free)]
        if not best:
            continue
        chosen = best[0].column
        if any(not item.column.cells.equals(chosen.cells) for item in best[1:]):
            names = [item.column.name for item in best]
            faults.add(
                f" has more than one column for `{role}`: {' and '.join(map(repr, names))}",
                " or ".join(
                    f"`--columns {role}={address(item.column, table)}`" for item in best[:3]
                ),
            )
        prices[role] = chosen
        used.add(id(chosen))
    if "close" not in prices and "adj_close" in prices:
        prices["close"] = prices.pop("adj_close")
    return prices


def address(column: Column, table: Table) -> str:
    """Return what `--columns` finds a column by: its name, or its number where names are equal."""
    if find_column(table, column.name) is column:
        return word(column.name)
    return str(next(at for at, each in enumerate(table.columns) if each is column) + 1)


def word(name: str) -> str:
    """Return a column's name as a shell takes it."""
    return f"'{name}'" if re.search(r"[\s*<>$&;()]", name) else name


def _is_nothing(column: Column) -> bool:
    """Whether a column holds zeros or nothing throughout; MetaTrader's real volume does."""
    numbers, bad = convert(column.cells[:2000], ".")
    return not bad.any() and not (numbers > 0).any()


# --- closes without the name of one --------------------------------------------------------------


def _series(table: Table, fields: Fields) -> Fields:
    """Return the fields of a table that has a column of closes for each ticker, under its name."""
    taken = {id(column) for column in fields.shared.values()}
    taken |= {id(column) for found in fields.by_ticker.values() for column in found.values()}
    taken |= {id(column) for column in fields.dates}
    values = [
        column
        for column in table.columns
        if id(column) not in taken
        and column.levels
        and not lines_of(column.name)
        and not is_counter(column.name)
        and _is_numbers(column)
    ]
    if "date" not in fields.shared or not values or any(fields.by_ticker.values()):
        return fields
    date_name = plain(fields.shared["date"].name)
    if len(values) == 1 and date_name in SERIES_NAMES:
        return Fields(fields.shared, {"": {"close": values[0]}}, fields.dates)
    by_ticker = {column.levels[-1]: {"close": column} for column in values}
    if len(by_ticker) < len(values):  # names that come twice are no tickers
        return fields
    return Fields(fields.shared, by_ticker, fields.dates)


def is_counter(name: str) -> bool:
    """Whether a name is just the number of its column, as pandas gives it where there is none."""
    return re.fullmatch(r"\d{1,3}|unnamed: \d+", name.casefold()) is not None


def _is_numbers(column: Column) -> bool:
    cells = column.cells[:200]
    if not pa.types.is_string(cells.type):
        return bool(pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type))
    if not pc.any(pc.not_equal(cells, "")).as_py():
        return False
    return any(not convert(cells, mark)[1].any() for mark in MARKS)
