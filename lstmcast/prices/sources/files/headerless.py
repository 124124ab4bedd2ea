"""Files without a header: the few shapes that are unmistakable get names, others must be named.

A shape is known by how many columns it has and by what the first ones look like; then the prices
must fit too: no high below an open or close, no low above one. A bare table of a date and five
numbers is not unmistakable: some write the open first, some the close.
"""

import re
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from lstmcast.errors import DataError
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.numbers import convert
from lstmcast.prices.sources.files.options import ReadOptions
from lstmcast.prices.sources.files.table import Column, Table

LOOKED_AT = 50


@dataclass(frozen=True)
class Shape:
    """A kind of file without a header.

    Args:
        name: who writes it.
        columns: the names that its columns get.
        cells: for the first columns, the pattern of a cell; further columns hold anything.
    """

    name: str
    columns: tuple[str, ...]
    cells: tuple[str, ...]


_BARS = ("open", "high", "low", "close", "volume")
SHAPES = (
    Shape(
        "Binance klines",
        (
            "open_time", *_BARS, "close_time", "quote_volume", "count", "taker_buy_volume",
            "taker_buy_quote_volume", "ignore",
        ),
        (r"\d{13}(\d{3})?", *[r"[\d.]+"] * 5, r"\d{13}(\d{3})?"),
    ),
    Shape("Kraken OHLCVT", ("time", *_BARS, "trades"), (r"\d{9,10}", *[r"[\d.]+"] * 5, r"\d+")),
    Shape(
        "MetaTrader", ("date", "clock", *_BARS), (r"\d{4}\.\d{2}\.\d{2}", r"\d{2}:\d{2}(:\d{2})?")
    ),
    Shape("HistData", ("date", *_BARS), (r"\d{8} \d{6}",)),
    Shape(
        "EODData",
        ("symbol", "date", *_BARS),
        (r"[A-Z][A-Z0-9.-]*", r"\d{8}|\d{1,2}-[A-Za-z]{3}-\d{4}"),
    ),
    Shape(
        "ABC Bourse",
        ("symbol", "date", *_BARS),
        (r"[A-Z]{2}[A-Z0-9]{9}\d", r"\d\d/\d\d/\d\d(\d\d)?"),
    ),
)  # fmt: skip


def name_columns(table: Table, options: ReadOptions) -> Table:
    """Return a table with names: its own, those of a known shape, or those that the user gave.

    Raises:
        DataError: there is no header, no known shape, and the user named no columns.
    """
    if table.named or options.columns:
        return table
    for shape in SHAPES:
        if _has(table, shape):
            columns = tuple(
                Column((name,), column.cells)
                for name, column in zip(shape.columns, table.columns, strict=True)
            )
            note = f"no header: read as {shape.name}, {', '.join(shape.columns[:7])}"
            return replace(table, columns=columns, named=True, notes=(*table.notes, note))
    raise DataError(
        f"`{table.path}` has no header, and {len(table.columns)} columns can be in any order",
        hint=f"name them by number, as in `--columns {_guess(table)}`",
    )


def _has(table: Table, shape: Shape) -> bool:
    if len(table.columns) != len(shape.columns):
        return False
    firsts = [column.cells[:LOOKED_AT].to_pylist() for column in table.columns]
    for cells, pattern in zip(firsts, shape.cells, strict=False):
        if not all(re.fullmatch(pattern, cell) for cell in cells):
            return False
    prices = {}
    for name, column in zip(shape.columns, table.columns, strict=True):
        if name in ("open", "high", "low", "close"):
            prices[name], bad = _numbers(column.cells[:LOOKED_AT])
            if bad.any():
                return False
    top = np.maximum(prices["open"], prices["close"])
    bottom = np.minimum(prices["open"], prices["close"])
    return bool((prices["high"] >= top).all() and (prices["low"] <= bottom).all())


def _numbers(cells: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    values, bad = convert(cells, ".")
    return convert(cells, ",") if bad.any() else (values, bad)


def _guess(table: Table) -> str:
    """Return `--columns` for the most common order: date, open, high, low, close, volume."""
    cells = [column.cells[0].as_py() for column in table.columns]
    date = next((at for at, cell in enumerate(cells) if looks_like_date(str(cell))), 0)
    rest = [at for at in range(date + 1, len(cells)) if re.search(r"\d", str(cells[at]))]
    if rest and re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", str(cells[rest[0]])):
        rest = rest[1:]
    names = _BARS if len(rest) >= 4 else ("close", "volume")
    pairs = [("date", date), *zip(names, rest, strict=False)]
    return ",".join(f"{name}={at + 1}" for name, at in pairs)
