"""Reading `predictions.parquet`: a run may come from a stranger, so what it holds is checked.

Apart from writing, which needs none of the limits and messages here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lstmcast.errors import RunError
from lstmcast.predictions.columns import COLUMNS, QUANTILES

MAX_ROWS = 20_000_000
"""Rows of a prediction table that is read at once; each takes some 250 bytes."""


_HINT = "train the run again with `lstmcast train --config`"


def read_predictions(path: Path, symbol: str | None = None) -> pd.DataFrame:
    """Read `predictions.parquet` and check what it holds.

    Args:
        path: the file.
        symbol: whose rows are wanted; those of all if None, which are at most `MAX_ROWS`.

    Raises:
        RunError: if the file is missing or unreadable, lacks a column, holds what no forecast can
            be, or has too many rows.
    """
    where = _where(path)
    with _readable(where):
        file = pq.ParquetFile(path)
    rows = file.metadata.num_rows
    if symbol is not None and file.num_row_groups > 1:
        return _of_one(path, symbol, file.schema_arrow.empty_table().to_pandas())
    if rows > MAX_ROWS:
        raise RunError(
            f"{where} has {rows:,} rows, and {MAX_ROWS:,} at most are read at once",
            "`lstmcast evaluate` reads a few symbols at a time, and `lstmcast plot --symbol` one",
        )
    with _readable(where):
        table: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    table = _checked(table, where)
    return table if symbol is None else table[table["symbol"] == symbol]


def _of_one(path: Path, symbol: str, none: pd.DataFrame) -> pd.DataFrame:
    """The rows of a symbol out of many, `none` where it has none."""
    found = {symbol: none}

    def put(name: str, table: pd.DataFrame) -> None:
        if name == symbol:
            found[name] = table

    read_by_symbol(path, put)
    return found[symbol]


def read_by_symbol(path: Path, put: Callable[[str, pd.DataFrame], None]) -> None:
    """Read `predictions.parquet` and check what it holds, with a few symbols in memory at once.

    Args:
        path: the file.
        put: is given each symbol and its rows; their index runs on from one symbol to the next.

    Raises:
        RunError: as of `read_predictions`.
    """
    where = _where(path)
    with _readable(where):
        file = pq.ParquetFile(path)
    known: set[str] = set()
    waiting: tuple[str, list[pd.DataFrame]] | None = None
    rows = 0

    def hand_on(symbol: str, parts: list[pd.DataFrame]) -> None:
        nonlocal rows
        table = pd.concat(parts) if len(parts) > 1 else parts[0]
        if len(parts) > 1:
            _checked(table, where)
        known.add(symbol)
        put(symbol, table.set_axis(pd.RangeIndex(rows, rows + len(table))))
        rows += len(table)

    for group in _groups(file, where):
        for name, part in group.groupby("symbol", sort=False):
            symbol = str(name)
            if waiting is not None and waiting[0] == symbol:
                waiting[1].append(part)
                continue
            if waiting is not None:
                hand_on(*waiting)
            if symbol in known:
                raise RunError(f"{where} cannot be used: the rows of {symbol} lie apart", _HINT)
            waiting = (symbol, [part])
    if waiting is not None:
        hand_on(*waiting)


def _groups(file: pq.ParquetFile, where: str) -> Iterator[pd.DataFrame]:
    """The checked rows of a file, group by group as they were written."""
    for number in range(file.num_row_groups):
        if file.metadata.row_group(number).num_rows > MAX_ROWS:
            raise RunError(f"{where} has more than {MAX_ROWS:,} rows in one group", _HINT)
        with _readable(where):
            table = file.read_row_group(number).to_pandas(ignore_metadata=True)
        yield _checked(table, where)


def _where(path: Path) -> str:
    """How messages call the file.

    Raises:
        RunError: if it is missing.
    """
    if not path.is_file():
        raise RunError(f"`{path.name}` is missing from the run {path.parent}", _HINT)
    return f"`{path.name}` of the run {path.parent}"


@contextmanager
def _readable(where: str) -> Iterator[None]:
    """Tell what a damaged file does to its reader as an error of the run."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise RunError(f"{where} cannot be read", _HINT) from error


def _checked(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """The columns of a forecast.

    Raises:
        RunError: if one is missing, or they hold what no forecast can be.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RunError(f"{where} lacks {', '.join(missing)}", _HINT)
    table = table[list(COLUMNS)]
    if fault := fault_of(table):
        raise RunError(f"{where} cannot be used: {fault}", _HINT)
    return table


def fault_of(table: pd.DataFrame) -> str | None:
    """What a table with the columns of a forecast holds that no forecast can; None if nothing."""
    if fault := wrong_type(table):
        return fault
    numbers = table[["close_origin", "close_actual", "return_actual", "mean"]].to_numpy()
    positive = bool((numbers[:, :2] > 0).all())
    moved = np.log(numbers[:, 1] / numbers[:, 0]) if positive else numbers[:, 2]
    quantiles = table[list(QUANTILES)].to_numpy()
    faults = {
        "a close, a return or a mean is not a number": not np.isfinite(numbers).all(),
        "a close is not above 0": not positive,
        "returns are not those of the closes": not np.allclose(
            moved, numbers[:, 2], rtol=0, atol=1e-6, equal_nan=True
        ),
        "a forecast does not lie after its origin": (table["date"] <= table["origin"]).any()
        or not table["horizon"].between(1, 1000).all(),
        "quantiles are not in their order": np.isinf(quantiles).any()
        or (np.diff(quantiles, axis=1) < 0).any(),
        "a density is infinite": np.isposinf(table["log_density"].to_numpy()).any(),
        "an origin is there twice": table.duplicated(["symbol", "origin", "horizon"]).any(),
    }
    return next((fault for fault, found in faults.items() if found), None)


def wrong_type(table: pd.DataFrame) -> str | None:
    """Which column holds other things than a forecast's; None if none."""
    for name in COLUMNS:
        kind = table[name].dtype
        if name == "symbol":
            right = all(isinstance(value, str) for value in table[name].unique())
        elif name in ("origin", "date"):
            right = kind.kind == "M" and getattr(kind, "tz", None) is None
            right = right and not table[name].isna().any()
        else:
            right = kind.kind == ("i" if name == "horizon" else "f")
        if not right:
            return f"`{name}` is of another type"
    return None
