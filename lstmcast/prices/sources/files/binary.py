"""Files that are no text: Parquet and Feather by Arrow, Excel and OpenDocument by calamine."""

import contextlib
import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather

from lstmcast.errors import DataError, UsageError
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.layout import MOST_LEVELS, levels_above, looks_like_number
from lstmcast.prices.sources.files.names import lines_of, roles_of
from lstmcast.prices.sources.files.table import Column, Table, is_text, levels_of, text_array

PARQUET = (b"PAR1",)
FEATHER = (b"ARROW1", b"FEA1")


def read_parquet(path: Path, content: bytes) -> Table:
    """Return the table of a Parquet file, with the index that pandas stored.

    Raises:
        DataError: damaged, or without rows.
    """
    return _arrow(path, content, "Parquet", pd.read_parquet)


def read_feather(path: Path, content: bytes) -> Table:
    """Return the table of a Feather or Arrow file, with the index that pandas stored.

    Raises:
        DataError: damaged, or without rows.
    """
    return _arrow(path, content, "Feather", _read_feather)


def _read_feather(file: io.BytesIO) -> pd.DataFrame:
    table = pyarrow.feather.read_table(file, memory_map=False)
    table.validate(full=True)  # Arrow trusts the offsets in such a file, and follows wrong ones
    frame: pd.DataFrame = table.to_pandas()
    return frame


_DAMAGED = (
    OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError,
    RuntimeError,
)  # fmt: skip
"""What pyarrow and pandas raise of damaged files and of metadata that others wrote."""


def _arrow(path: Path, content: bytes, kind: str, read: Any) -> Table:
    try:
        frame = read(io.BytesIO(content))
        columns = _with_index(frame)
        arrays = [Column(levels, _cells(cells)) for levels, cells in columns]
    except _DAMAGED as error:
        raise DataError(f"`{path}` is not a {kind} file: {_line(error)}") from error
    if not len(frame):
        raise DataError(f"`{path}` has no rows")
    return Table(path, tuple(arrays))


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__


def _with_index(frame: pd.DataFrame) -> list[tuple[tuple[str, ...], pd.Series]]:
    """Return the levels of each column's name with its cells, the index first."""
    found = []
    index = frame.index
    if not (isinstance(index, pd.RangeIndex) and index.name is None):
        for at in range(index.nlevels):
            name = index.names[at]
            values = index.get_level_values(at)
            found.append((_levels(name), pd.Series(values)))
    for at, name in enumerate(frame.columns):
        found.append((_levels(name), frame.iloc[:, at]))
    return found


def _levels(name: Any) -> tuple[str, ...]:
    if isinstance(name, str):
        return levels_of(name)
    parts = name if isinstance(name, tuple) else (name,)
    return tuple(str(part) for part in parts if part is not None and str(part))


def _cells(values: pd.Series) -> pa.Array:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    array = pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_decimal(array.type):
        return array.cast(pa.string()).cast(pa.float64())  # Arrow's own cast is off by a bit
    return text_array(array) if is_text(array) or pa.types.is_null(array.type) else array


# --- sheets --------------------------------------------------------------------------------------


def read_workbook(path: Path, content: bytes, sheet: str | None, wanted: frozenset[str]) -> Table:
    """Return the table of one sheet: the one named, or the only one with a date and a price.

    Raises:
        UsageError: the package that reads sheets is not installed, or no such sheet.
        DataError: damaged, no table in any sheet, or tables in several.
    """
    book = _open(path, content)
    names = list(book.sheet_names)
    if sheet is not None:
        matching = [name for name in names if name.casefold() == sheet.casefold()]
        if not matching:
            raise UsageError(
                f"`--sheet` is {sheet!r}, and `{path}` has {', '.join(names)!r}",
                hint=f"such as `--sheet {_quoted(names[0])}`" if names else None,
            )
        names = matching
    tables = {name: table for name in names if (table := _sheet(path, book, name, wanted))}
    if not tables:
        raise DataError(
            f"`{path}` has no sheet with a date and a price beside it",
            hint="save the sheet with the prices as CSV, with a header",
        )
    if len(tables) > 1:
        raise DataError(
            f"`{path}` has prices in {len(tables)} sheets: {', '.join(tables)}",
            hint=f"name one, as in `--sheet {_quoted(next(iter(tables)))}`",
        )
    return next(iter(tables.values()))


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


def _open(path: Path, content: bytes) -> Any:
    try:
        import python_calamine
    except ImportError as error:
        raise UsageError(
            f"`{path}` is a workbook, and the package that reads workbooks is not installed",
            hint="`pip install 'lstmcast[excel]'`, or save the sheet as CSV",
        ) from error
    with _told(f"`{path}` is not a workbook that can be read"):
        return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn whatever calamine raises into one error; the panics of its Rust are no Exceptions."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise DataError(f"{what}: {_line(error)}") from error


def _sheet(path: Path, book: Any, name: str, wanted: frozenset[str]) -> Table | None:
    """Return the table of a sheet, or None where there is none."""
    with _told(f"`{path}`, sheet {name!r}, cannot be read"):
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
    first = next((at for at in range(len(rows)) if _is_bar(rows[at])), None)
    if first is None:
        return None
    header = _header(rows, first, wanted)
    if not header:
        return None
    body = rows[first:]
    names = levels_above(header, [_text(cell) for cell in body[0]])
    columns = []
    for at, levels in enumerate(names[: len(body[0])]):
        cells = _typed([row[at] for row in body])
        if levels or cells is not None:
            columns.append(Column(levels, cells or pa.array([""] * len(body))))
    return Table(path, tuple(columns), notes=(f"sheet {name}",))


def _header(rows: list[list[Any]], first: int, wanted: frozenset[str]) -> list[list[str]]:
    """Return the rows of names above the first row of prices: one, or more with levels."""
    header: list[list[str]] = []
    for at in range(first - 1, max(first - 1 - MOST_LEVELS, -1), -1):
        cells = [_text(cell) for cell in rows[at]]
        filled = [cell for cell in cells if cell]
        if len(filled) < 2 and not (filled and "date" in roles_of(filled[0])):
            break
        header.insert(0, cells)
        once = len(set(filled)) == len(filled) > 1
        if once and _is_header(rows[at], wanted):  # a whole header: what is above is a title
            break
    return header if any(_is_header(list(cells), wanted) for cells in header) else []


def _is_bar(row: list[Any]) -> bool:
    days = [isinstance(cell, dt.date) or looks_like_date(str(cell)) for cell in row]
    numbers = [_is_number(cell) and not day for cell, day in zip(row, days, strict=True)]
    return (any(days) and any(numbers)) or _serials(row)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) or (
        isinstance(cell, str) and looks_like_number(cell.strip())
    )


def _serials(row: list[Any]) -> bool:
    """Whether a row begins with a day that Excel shows as a number."""
    filled = [cell for cell in row if cell != ""]
    first = filled[0] if filled else None
    return len(filled) > 1 and isinstance(first, int | float) and 20_000 <= first < 80_000


def _is_header(row: list[Any], wanted: frozenset[str]) -> bool:
    names = [cell.strip() for cell in row if isinstance(cell, str) and cell.strip()]
    if wanted & set(names):
        return True
    return len(names) > 1 and any(lines_of(name) and roles_of(name) for name in names)


def _typed(cells: list[Any]) -> pa.Array | None:
    """Return cells as dates or numbers if all are, else as text; None if all are empty."""
    filled = [cell for cell in cells if cell not in ("", None)]
    if not filled:
        return None
    if all(isinstance(cell, dt.datetime) or type(cell) is dt.date for cell in filled):
        stamps = [None if cell in ("", None) else pd.Timestamp(cell) for cell in cells]
        return pa.array(stamps, pa.timestamp("us"))
    if all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in filled):
        return pa.array(
            [None if cell in ("", None) else float(cell) for cell in cells], pa.float64()
        )
    return text_array(pa.array([_text(cell) for cell in cells], pa.string()))


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()
