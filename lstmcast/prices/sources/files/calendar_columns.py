"""A date in three columns, as `Year, Month, Day`, made into one."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.prices.sources.files.names import plain
from lstmcast.prices.sources.files.options import ReadOptions
from lstmcast.prices.sources.files.table import Column, Table, text_array

PARTS = (
    ("year", "month", "day"),
    ("yyyy", "mm", "dd"),
    ("jahr", "monat", "tag"),
    ("année", "mois", "jour"),
    ("año", "mes", "día"),
    ("ano", "mês", "dia"),
    ("anno", "mese", "giorno"),
    ("年", "月", "日"),
)
"""Names of the columns of years, months and days in several languages."""


def join_dates(table: Table, options: ReadOptions) -> Table:
    """Return a table with one column of dates in the place of three, where it has those."""
    if "date" in options.columns or not table.named:
        return table
    by_name = {plain(column.name): column for column in table.columns}
    for names in PARTS:
        parts = [by_name.get(name) for name in names]
        year, month, day = parts
        if year is None or month is None or day is None:
            continue
        years, months, days = (_whole(column.cells) for column in (year, month, day))
        numeric = pc.all(pc.match_substring_regex(months, r"^\d*$")).as_py()
        cells = (years, months, days) if numeric else (days, months, years)
        joined = pc.binary_join_element_wise(*cells, "-" if numeric else " ")
        date = Column(("Date",), _blank(joined))
        rest = tuple(column for column in table.columns if not _is_one_of(column, parts))
        told = f"dates are joined from {', '.join(column.name for column in (year, month, day))}"
        return replace(table, columns=(date, *rest), notes=(*table.notes, told))
    return table


def _is_one_of(column: Column, parts: list[Column | None]) -> bool:
    return any(column is part for part in parts)


def _whole(cells: pa.Array) -> pa.Array:
    """Return numbers as text without a fraction."""
    return pc.replace_substring_regex(text_array(cells.cast(pa.string())), r"\.0+$", "")


def _blank(cells: pa.Array) -> pa.Array:
    """Return joined cells, empty where all parts were."""
    return pc.if_else(pc.match_substring_regex(cells, r"^[- ]*$"), "", cells)
