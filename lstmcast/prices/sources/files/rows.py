"""Rows of a file that are no bars: blank ones, a header again, remarks below the table, events."""

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.prices.sources.files.date_cells import all_iso
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.table import Column

_EVENT = (
    r"^(?P<first>\d+(?:\.\d+)?)\s*"
    r"(?:(?::|/|-for-|for)\s*(?P<other>\d+(?:\.\d+)?)\s*(?:stock\s*)?splits?"
    r"|(?:cash\s*)?dividend)\s*$"
)
"""A cell that tells of a dividend or a split, as pages of Yahoo's have them between the bars."""


def only_bars(rows: np.ndarray, date: Column, prices: dict[str, Column]) -> tuple[np.ndarray, int]:
    """Return the rows that can be bars, and how many remarks below the table were left out.

    Args:
        rows: numbers of the rows looked at.
        date: the column of dates.
        prices: the columns of prices by role.
    """
    odd = _without_date(date.cells.take(pa.array(rows)))
    if not odd.any():
        return rows, 0
    below = len(rows) - int(np.argmin(odd[::-1])) if not odd.all() else 0  # the first row there
    keep = np.ones(len(rows), dtype=bool)
    remarks = 0
    for at in np.flatnonzero(odd).tolist():
        row = int(rows[at])
        cell = _text(date, row)
        values = [_text(column, row) for column in prices.values()]
        blank = not cell and not any(values)
        header = is_header(cell, date) and all(
            not value or value in column.levels
            for value, column in zip(values, prices.values(), strict=True)
        )
        # every date has a digit: what has none below the last date is no bar in any language
        said = bool(cell) and not (_has_digit(cell) and any(map(_has_digit, values)))
        remark = said and 0 < below <= at
        keep[at] = not (blank or header or remark)
        remarks += remark
    return rows[keep], remarks


def is_header(cell: str, date: Column) -> bool:
    """Whether a cell in the column of dates is its name again."""
    return bool(cell) and cell in date.levels


def _without_date(cells: pa.Array) -> np.ndarray:
    """Mark the cells that do not even look like a date."""
    if not pa.types.is_string(cells.type):
        return np.asarray(pc.is_null(cells).to_numpy(zero_copy_only=False))
    if all_iso(cells):
        return np.zeros(len(cells), dtype=bool)
    coded = cells.dictionary_encode()
    strange = [not _may_be_date(str(cell)) for cell in coded.dictionary.to_pylist()]
    places = coded.indices.to_numpy(zero_copy_only=False)
    return np.asarray(np.array(strange, dtype=bool)[places])


def _may_be_date(cell: str) -> bool:
    return looks_like_date(cell) or re.fullmatch(r"-?\d{5,}(\.\d+)?", cell) is not None


def _text(column: Column, row: int) -> str:
    value = column.cells[row].as_py()
    return "" if value is None else str(value)


def _has_digit(text: str) -> bool:
    return re.search(r"\d", text) is not None


@dataclass
class Events:
    """Dividends and splits that stand in rows of their own.

    Args:
        marked: which rows are such.
        paid: by role, the values by their place among the rows.
    """

    marked: np.ndarray
    paid: dict[str, dict[int, float]] = field(default_factory=dict)

    def merged(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the bars without those rows, and their values on the bar of their day."""
        bars = frame[~self.marked].copy()
        for role, paid in self.paid.items():
            for at, value in paid.items():
                if role not in bars:
                    bars[role] = 0.0
                if frame.index[at] in bars.index:
                    bars.loc[frame.index[at], role] = value
        return bars


def find_events(rows: np.ndarray, columns: tuple[Column, ...]) -> Events:
    """Return the rows that tell of a dividend or a split instead of prices."""
    events = Events(np.zeros(len(rows), dtype=bool))
    for column in columns:
        if not pa.types.is_string(column.cells.type):
            continue
        cells = column.cells.take(pa.array(rows))
        marked = pc.match_substring_regex(cells, r"(?i)(dividend|splits?)\s*$")
        for at in np.flatnonzero(marked.to_numpy(zero_copy_only=False)).tolist():
            match = re.match(_EVENT, str(cells[at].as_py()), re.IGNORECASE)
            if match is None:
                continue
            events.marked[at] = True
            first, other = float(match["first"]), float(match["other"] or 0.0)
            role, value = ("splits", first / other) if other else ("dividends", first)
            events.paid.setdefault(role, {})[at] = value
    return events
