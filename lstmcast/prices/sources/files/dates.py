"""The dates of a whole column: of the forms that exporters write, only one may fit all rows.

A column has a form (`date_forms`) if each of its cells does and names a day that exists, between
1900 and 2100. `04/01/2021` has two forms, and the file says which only if one of its days is above
12. Otherwise:

- one reading whose days follow each other on sessions of the exchange decides against one whose
  days jump from month to month or fall on closed days
- else the file is refused, and `--date-format` asked for

Cells are looked at once each, however often they are repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.prices.calendar import EVERY_DAY, calendar_of, sessions_between
from lstmcast.prices.sources.files.date_cells import (
    Days,
    read_form,
    read_iso,
    read_serial,
    read_unix,
    read_week,
)
from lstmcast.prices.sources.files.date_forms import FORMS

_DOTNET = r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$"
_YEAR_FIRST = r"^(\d{4})[-/](\d{2})[-/](\d{2})"
_COMPACT = next(form for form in FORMS if form.name == "%Y%m%d")

FEWEST = 3
"""Rows from which on the calendar decides."""
DENSE = 4.0
"""Median days from one row to the next, up to which bars are daily."""
SPARSE = 20.0
"""Median days above which they are not."""
MOSTLY = 0.99
"""Share of the days that must be sessions."""


@dataclass(frozen=True)
class Choice:
    """The days of a column, or the forms that fit it, none or several."""

    days: Days | None
    candidates: tuple[str, ...] = ()
    why: str = ""
    """What decided between several forms, for a note; empty where only one fitted."""
    bad: int | None = None
    """The first cell that the form which fits most cells does not fit."""


def read_dates(
    column: pa.Array,
    *,
    symbol: str,
    form: str | None = None,
    context: pa.Array | None = None,
) -> Choice:
    """Return the days of a column of text, dates or numbers.

    Args:
        column: the cells of the rows wanted, without surrounding space.
        symbol: whose days they are, for the exchange's calendar.
        form: what `--date-format` says: a format of `strptime`, or `s`, `ms`, `us`, `ns`, `excel`.
        context: the cells of all rows of the file, which may decide what these leave open.
    """
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return Choice(_typed(column))
    text = _as_text(column)
    cells = text.dictionary_encode()
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    distinct, codes = cells.dictionary, cells.indices.to_numpy(zero_copy_only=False)
    if form is not None:
        fitted = _given(distinct, form)
        if isinstance(fitted, Days):
            return Choice(_spread(fitted, codes))
        return Choice(None, (), bad=int(np.flatnonzero(fitted[codes])[0]))
    fits, best_bad = _fitting(distinct)
    if not fits:
        wrong = np.flatnonzero(best_bad[codes])
        return Choice(None, (), bad=int(wrong[0]) if len(wrong) else 0)
    if len(fits) > 1 and context is not None:
        everywhere = pc.unique(_as_text(context))
        held = {item.form for item in _fitting(everywhere)[0]}
        fits = [item for item in fits if item.form in held] or fits
    spread = [_spread(item, codes) for item in fits]
    return _decide(spread, symbol)


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_floating(column.type):
        whole = pc.all(pc.equal(column, pc.floor(column))).as_py()
        column = column.cast(pa.int64(), safe=False) if whole else column
    if pa.types.is_string(column.type):
        return column
    try:
        return column.cast(pa.string())
    except pa.ArrowNotImplementedError:  # of structures, say: no dates, and shown as they are
        return pa.array([None if cell is None else str(cell) for cell in column.to_pylist()])


def _typed(column: pa.Array) -> Days:
    """Return what a column of dates holds; one with a zone shows its own dates."""
    zone = getattr(column.type, "tz", None)
    stamps = pd.DatetimeIndex(column.to_pandas())
    local = stamps.tz_localize(None) if zone else stamps
    utc = stamps.tz_convert("UTC").tz_localize(None) if zone else stamps
    return Days(f"dates in {zone}" if zone else "dates", utc, local, bool(zone))


def _spread(days: Days, codes: np.ndarray) -> Days:
    return Days(days.form, days.stamps[codes], days.local[codes], days.aware)


def _fitting(cells: pa.Array) -> tuple[list[Days], np.ndarray]:
    """Return every form that all cells have, and which cells the form of most does not fit."""
    if (plain := read_iso(cells)) is not None:
        return [plain], np.ones(len(cells), dtype=bool)
    cells = pc.replace_substring_regex(cells, _DOTNET, r"\1")
    fits = []
    for attempt in (read_unix, read_serial, read_week):
        days = attempt(cells)
        if days is not None:
            fits.append(days)
    first = str(cells[0].as_py())
    likely = (read_form(cells, form) for form in FORMS if form.may_fit(first))
    fits += [read for read in likely if isinstance(read, Days)]
    best = np.ones(len(cells), dtype=bool)
    if not fits:
        misfits = (read for form in FORMS if not isinstance(read := read_form(cells, form), Days))
        best = min(misfits, key=lambda wrong: int(wrong.sum()), default=best)
    if not fits:  # the year first, separated in one row and not in the next, is as plain
        read = read_form(pc.replace_substring_regex(cells, _YEAR_FIRST, r"\1\2\3"), _COMPACT)
        if isinstance(read, Days):
            return [replace(read, form="%Y-%m-%d")], best
    return fits, best


def _given(cells: pa.Array, form: str) -> Days | np.ndarray:
    """Return the days in the form that the user names, or which cells are not in it."""
    special: dict[str, Callable[[pa.Array], Days | None]] = {"excel": read_serial}
    if form in ("s", "ms", "us", "ns"):
        special[form] = lambda cells: read_unix(cells, form)
    if form in special:
        days = special[form](cells)
        return np.ones(len(cells), dtype=bool) if days is None else days
    known = [item for item in FORMS if item.name == form]
    if known and isinstance(read := read_form(cells, known[0]), Days):
        return read
    stamps = pd.to_datetime(
        pd.Series(cells.to_pylist()), format=form, errors="coerce", utc="%z" in form
    )
    if stamps.isna().any():
        return np.asarray(stamps.isna())
    plain = pd.DatetimeIndex(stamps)
    plain = plain.tz_localize(None) if plain.tz is not None else plain
    return Days(form, plain, plain, "%z" in form)


def _decide(fits: list[Days], symbol: str) -> Choice:
    """Choose among forms by their days; forms of the same days are one."""
    different: list[Days] = []
    for item in fits:
        if not any(item.stamps.equals(other.stamps) for other in different):
            different.append(item)
    names = tuple(item.form for item in different)
    if len(different) == 1:
        return Choice(different[0], names)
    calendar = calendar_of(symbol)
    likely = [item for item in different if _daily_on(item, calendar)]
    others = [item for item in different if not _daily_on(item, calendar)]
    if len(likely) == 1 and all(_implausible(item, calendar) for item in others):
        why = f"its days follow each other on sessions of {calendar}"
        return Choice(likely[0], names, why)
    dotted = [item for item in different if item.form.startswith("%d.")]
    if not likely and len(dotted) == 1 and all(name[:3] in ("%d.", "%m.") for name in names):
        return Choice(dotted[0], names, "dots stand behind a day, then a month")
    return Choice(None, names)


def _step(days: Days) -> float:
    gaps = np.abs(
        np.diff(days.local.normalize().to_numpy().astype("datetime64[D]").astype("int64"))
    )
    return float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else np.inf


def _on_sessions(days: Days, calendar: str) -> float:
    dates = days.local.normalize().unique()
    sessions = sessions_between(calendar, dates.min(), dates.max()).days
    if calendar == EVERY_DAY:
        return 1.0
    return float(dates.isin(sessions).mean())


def _daily_on(days: Days, calendar: str) -> bool:
    """Whether the rows are daily bars in order, on days when the exchange was open."""
    dates = pd.Index(days.local.normalize())
    return (
        len(dates.unique()) >= FEWEST
        and (dates.is_monotonic_increasing or dates.is_monotonic_decreasing)
        and _step(days) <= DENSE
        and _on_sessions(days, calendar) >= MOSTLY
    )


def _implausible(days: Days, calendar: str) -> bool:
    """Whether the rows jump about, or fall on closed days, as daily bars do not."""
    return _step(days) >= SPARSE or _on_sessions(days, calendar) < MOSTLY
