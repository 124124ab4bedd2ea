"""The table of daily bars: its columns, and the rules that make a frame one.

`normalise` checks and puts right, in this order:

 1. the index holds session dates: no time, no time zone, the exchange's own date; rows outside the
    dates that were asked for are cut before anything is said of them
 2. there is a `close` column, and every column that is read holds numbers; an `open`, `high` or
    `low` of 0 is what some sources write for a price that they lack
 3. rows are put in the order of their dates; rows of one date are merged where they agree, and are
    an error where they do not
 4. rows that lack `close` or `adj_close` are left out and named; rows that lack another price are
    kept without it and named; a volume of zeros throughout is no volume
 5. prices are finite and above zero, volumes and dividends not negative
 6. `high >= low`, and both enclose `open` and `close`: a difference as small as rounding is widened
    away and noted, a larger one is an error

What 5 and 6 refuse can be accepted (`accept_suspect`): then impossible rows are left out, and the
findings say so.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.errors import DataError, NoDataInRangeError
from lstmcast.prices.findings import Finding, count, list_dates

PRICES = ("open", "high", "low", "close", "adj_close")
COLUMNS = (*PRICES, "volume", "dividends", "splits")
SPARE = ("open", "high", "low")
"""Prices that a session may lack: its row is kept, with NaN in their place."""
INDEX_DTYPE = "datetime64[us]"

ROUNDING = 5e-3
"""How far `open` or `close` may lie outside `low..high` and still pass for rounding, as a fraction.
Adjusted and converted prices are off by up to a few tenths of a percent."""

SINGLE = 1e-6
"""What single precision loses, as a fraction: Yahoo's prices went through it. Not worth a word."""

Kind = Literal["price", "level"]
"""`price`: positive, so it has log returns. `level`: any number, such as an interest
rate; a level can be context for a forecast and is never the thing forecast."""


_ACCEPTED: ContextVar[frozenset[str]] = ContextVar("accepted", default=frozenset())


@contextmanager
def accepting(days: Iterable[str]) -> Iterator[None]:
    """Leave impossible rows of these days out, as `accept_suspect` does, instead of refusing them.

    They were accepted at an earlier fetch; sources, which call `normalise`, know nothing of it.
    """
    before = _ACCEPTED.set(frozenset(days))
    try:
        yield
    finally:
        _ACCEPTED.reset(before)


def normalise(
    frame: pd.DataFrame,
    where: str,
    kind: Kind,
    *,
    accept_suspect: bool = False,
    start: date | None = None,
    end: date | None = None,
) -> tuple[pd.DataFrame, tuple[str, ...], tuple[Finding, ...]]:
    """Return a frame as bars, the columns that it lacks, and what was put right.

    Args:
        frame: rows by date, some or all of `COLUMNS`; other columns are ignored.
        where: what to call it in an error, such as "AAPL from csv".
        kind: whether prices must be positive.
        accept_suspect: leave impossible rows out instead of refusing the frame.
        start: first day wanted; earlier rows are not looked at.
        end: last day wanted, included; later rows are not looked at.

    Raises:
        DataError: a rule is broken.
        NoDataInRangeError: no row is left.
    """
    _has_close(frame, where)
    frame = frame.set_axis(session_dates(frame.index, where), axis="index")
    bars = _numbers(_within(frame, where, start, end), where)
    if (lacking := _lacking_of_normal(bars, kind)) is not None:
        return bars, lacking, ()
    if kind == "price":
        bars[list(SPARE)] = bars[list(SPARE)].mask(bars[list(SPARE)] == 0)
    present = [name for name in COLUMNS if not bars[name].isna().all()]
    if "volume" in present and not bars["volume"].fillna(0.0).any():
        present.remove("volume")  # currencies and some indices come with zeros throughout
        bars = bars.assign(volume=np.nan)
    table = _Table(bars, present, where, kind, accept_suspect)
    for rule in (_in_order, _complete_rows, _possible_rows, _enclosing_ranges):
        rule(table)
    if table.bars.empty:
        raise NoDataInRangeError(f"{where}: no complete bar is left")
    zeros = {name: 0.0 for name in COLUMNS if name in present and name not in PRICES}
    missing = tuple(name for name in COLUMNS if name not in present)
    return table.bars.fillna(zeros), missing, tuple(table.findings)


def _lacking_of_normal(bars: pd.DataFrame, kind: Kind) -> tuple[str, ...] | None:
    """The columns that bars lack which obey every rule; None for others, which the rules look at.

    What comes out of the store has passed before, and to find that out at once takes a fraction of
    the time.
    """
    values = dict(zip(COLUMNS, bars.to_numpy().T, strict=True))
    lacking = tuple(name for name in COLUMNS if np.isnan(values[name]).all())
    there = {name: column for name, column in values.items() if name not in lacking}
    least = np.nextafter(0.0, 1.0) if kind == "price" else -np.inf
    if (
        "close" not in there
        or not bars.index.is_monotonic_increasing
        or not bars.index.is_unique
        or not all(np.isfinite(column).all() for column in there.values())
        or not all((there[name] >= (least if name in PRICES else 0.0)).all() for name in there)
        or not there.get("volume", np.ones(1)).any()
    ):
        return None
    ends = [there[name] for name in ("open", "close") if name in there]
    low, high = there.get("low"), there.get("high")
    inside = (low is None or all((low <= end).all() for end in ends)) and (
        high is None or all((high >= end).all() for end in (*ends, *([] if low is None else [low])))
    )
    return lacking if inside else None


def iso_dates(index: pd.Index) -> tuple[str, ...]:
    """Return the dates of an index of sessions, as ISO text."""
    return tuple(str(day)[:10] for day in index.to_numpy().astype("datetime64[D]"))


def without(days: pd.Index, known: Collection[str]) -> pd.Index:
    """Leave out the days that are known, which are given as ISO text."""
    return days[np.array([day not in known for day in iso_dates(days)], dtype=bool)]


def session_dates(index: pd.Index, where: str) -> pd.DatetimeIndex:
    """Return `index` as session dates: the date that each stamp shows in its own time zone.

    Converting to UTC first would move the sessions of Asian exchanges to the day before.

    Raises:
        DataError: the index does not hold dates.
    """
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(f"{where}: the index is {index.dtype}, not dates")
    if index.hasnans:
        raise DataError(f"{where}: a row has no date")
    # By NumPy: pandas would also look for a frequency.
    days = index.tz_localize(None).to_numpy().astype("datetime64[D]")
    return pd.DatetimeIndex(days.astype(INDEX_DTYPE), name="date")


@dataclass
class _Table:
    """Bars on their way through the rules."""

    bars: pd.DataFrame
    present: list[str]
    where: str
    kind: Kind
    accept_suspect: bool
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, rows: pd.Series, what: str, *columns: str, rule: str = "") -> None:
        """Raise for the first of the marked rows, unless such rows are accepted.

        `what` has a place for that row's number in each of the columns.
        """
        news = rows & ~self.bars.index.isin(pd.DatetimeIndex(list(_ACCEPTED.get())))
        if self.accept_suspect or not news.any():
            return
        numbers = (f"{float(self.bars[name][news].iloc[0]):g}" for name in columns)
        days = iso_dates(self.bars.index[news])
        others = f" (and on {count(len(days) - 1, 'more day')})" if len(days) > 1 else ""
        hint = "correct the row, or drop such rows with `--accept-suspect`"
        if len(days) > 3 and len(days) > len(self.bars) / 3:
            hint = "check which column is which: so many rows are not wrong by chance"
        raise DataError(
            f"{self.where}: {what.format(*numbers)} on {days[0]}{rule}{others}", hint=hint
        )


def _has_close(frame: pd.DataFrame, where: str) -> None:
    if "close" not in frame.columns:
        raise DataError(
            f"{where}: there is no `close` column among {', '.join(map(str, frame.columns))!r}",
            hint="date and close are required; open, high, low, adj_close and volume are optional",
        )


def _within(frame: pd.DataFrame, where: str, start: date | None, end: date | None) -> pd.DataFrame:
    inside = np.ones(len(frame), dtype=bool)
    if start is not None:
        inside &= frame.index >= pd.Timestamp(start)
    if end is not None:
        inside &= frame.index <= pd.Timestamp(end)
    if len(frame) and not inside.any():
        raise NoDataInRangeError(
            f"{where} has no bars from {start or 'its start'} to {end or 'its end'}",
            hint=f"it has {frame.index.min():%Y-%m-%d} to {frame.index.max():%Y-%m-%d}",
        )
    return frame if inside.all() else frame[inside]


def _numbers(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    if tuple(frame.columns) == COLUMNS and (frame.dtypes == np.float64).all():
        return frame.copy()
    columns: dict[str, pd.Series] = {}
    for name in COLUMNS:
        if name not in frame.columns:
            columns[name] = pd.Series(np.nan, index=frame.index, dtype="float64")
            continue
        if frame[name].dtype == np.float64:
            columns[name] = frame[name]
            continue
        numbers = pd.to_numeric(frame[name], errors="coerce").astype("float64")
        wrong = numbers.isna() & frame[name].notna()
        if wrong.any():
            at = int(np.argmax(wrong.to_numpy()))
            raise DataError(
                f"{where}: `{name}` is {frame[name].iloc[at]!r} on {str(frame.index[at])[:10]}",
                hint="numbers need a decimal point and no thousands separator or currency sign",
            )
        columns[name] = numbers
    return pd.DataFrame(columns, index=frame.index)


def _in_order(table: _Table) -> None:
    index = table.bars.index
    if not index.is_monotonic_increasing:
        if not index.is_monotonic_decreasing:  # newest first is a habit, not a fault
            note = Finding("row_order", "note", "rows were not in the order of their dates")
            table.findings.append(note)
        table.bars = table.bars.sort_index(kind="stable")
    if not index.is_unique:
        _merge_rows_of_a_day(table)


def _merge_rows_of_a_day(table: _Table) -> None:
    """Make one row of those that share a date and differ only in which numbers they lack."""
    bars = table.bars
    twice = bars.index.duplicated(keep=False)
    doubled = bars[twice]
    prices = list(PRICES)
    known = doubled[prices].mask(doubled[prices] == 0).groupby(level=0)
    # prices that went through single precision once and not the other time are the same
    differ = (known.max() > known.min() * (1 + SINGLE)).any(axis=1)
    if differ.any():
        raise _several_bars(table, differ.index[differ])
    rest = [name for name in COLUMNS if name not in PRICES]
    merged = pd.concat([known.first(), doubled[rest].groupby(level=0).max()], axis=1)
    table.bars = pd.concat([bars[~twice], merged[list(COLUMNS)]]).sort_index()
    table.bars.index.name = "date"
    dates = iso_dates(merged.index)
    what = f"more than one row for {list_dates(dates)}; their values were merged"
    table.findings.append(Finding("duplicate_rows", "note", what, dates))


def _several_bars(table: _Table, days: pd.Index) -> DataError:
    """Return the error for days that have several bars, with the closes of the first such day."""
    first, *others = iso_dates(days)
    closes = table.bars.loc[days[0], "close"].drop_duplicates()
    what = f"more than one row for {first}"
    if len(closes) > 1:
        what += f", with `close` {' and '.join(f'{close:.10g}' for close in closes[:2])}"
    if others:
        what += f", and for {list_dates(others)}"
    hint = "keep the right one of such rows"
    if len(days) > len(table.bars.index.unique()) / 2:
        hint = (
            "daily bars need one row a session: resample intraday bars, or give the rows of one"
            " symbol on one exchange"
        )
    return DataError(f"{table.where}: {what}", hint=hint)


def _complete_rows(table: _Table) -> None:
    prices = [name for name in table.present if name in PRICES]
    if "close" not in prices:
        raise NoDataInRangeError(
            f"{table.where}: no row has a `close`",
            hint="give a column with prices; formulas in a workbook have values once a spreadsheet"
            " program has saved it",
        )
    needed = [name for name in prices if name not in SPARE]
    incomplete = table.bars[needed].isna().any(axis=1)
    if incomplete.any():
        dates = iso_dates(table.bars.index[incomplete])
        what = f"{count(len(dates), 'row')} without a price left out: {list_dates(dates)}"
        table.findings.append(Finding("missing_prices", "warning", what, dates))
        table.bars = table.bars[~incomplete]
    spare = [name for name in prices if name in SPARE]
    lacking = table.bars[spare].isna()
    if lacking.any(axis=None):
        names = ", ".join(f"`{name}`" for name in spare if lacking[name].any())
        dates = iso_dates(table.bars.index[lacking.any(axis=1)])
        span = list_dates(dates) if len(dates) < 4 else f"from {dates[0]} to {dates[-1]}"
        what = f"{count(len(dates), 'row')} kept without {names}: {span}"
        table.findings.append(Finding("missing_open_or_range", "warning", what, dates))


def _possible_rows(table: _Table) -> None:
    """Refuse, or drop where accepted, the rows that no market can have had."""
    bars = table.bars
    impossible = pd.Series(data=False, index=bars.index)
    for name in table.present:
        column = bars[name]
        wrong = ~np.isfinite(column.fillna(1.0))
        if name not in PRICES:
            wrong |= column < 0
        elif table.kind == "price":
            wrong |= column <= 0
        if wrong.any():
            rule = "0 or more" if name not in PRICES else "above 0"
            table.refuse(wrong, f"`{name}` is {{}}", name, rule=f", and must be {rule}")
        impossible |= wrong
    if {"high", "low"} <= set(table.present):
        wrong = bars["high"] < bars["low"] * (1 - ROUNDING)
        if wrong.any():
            table.refuse(wrong, "`high` {} is below `low` {}", "high", "low")
        impossible |= wrong
    impossible |= _outside(table)
    if impossible.any():
        dates = iso_dates(bars.index[impossible])
        what = f"{count(len(dates), 'row')} with impossible prices left out: {list_dates(dates)}"
        table.findings.append(Finding("impossible_rows", "warning", what, dates))
        table.bars = bars[~impossible]


def _outside(table: _Table) -> pd.Series:
    """Mark the rows whose `open` or `close` lies outside `low..high` by more than rounding."""
    bars, outside = table.bars, pd.Series(data=False, index=table.bars.index)
    ends = bars[[name for name in ("open", "close") if name in table.present]]
    for name, far in (
        ("low", ends.min(axis=1) < bars["low"] * (1 - ROUNDING)),
        ("high", ends.max(axis=1) > bars["high"] * (1 + ROUNDING)),
    ):
        if name in table.present and far.any():
            table.refuse(far, f"`{name}` {{}} does not enclose `open` and `close`", name)
            outside |= far
    return outside


def _enclosing_ranges(table: _Table) -> None:
    """Widen `low..high` to enclose `open` and `close` where rounding left them just outside."""
    ends: list[str] = [name for name in ("open", "close") if name in table.present]
    if "low" in table.present:
        bottom = table.bars[ends].min(axis=1)
        _move(table, "low", bottom, outside=table.bars["low"] > bottom)
        ends.append("low")  # a high just below the low is rounding too
    if "high" in table.present:
        top = table.bars[ends].max(axis=1)
        _move(table, "high", top, outside=table.bars["high"] < top)


def _move(table: _Table, name: str, target: pd.Series, outside: pd.Series) -> None:
    """Set a column to `target` on the rows where it lies `outside`."""
    if not outside.any():
        return
    bars = table.bars
    most = float((target / bars[name] - 1).abs()[outside].max())
    if most > SINGLE:
        dates = iso_dates(bars.index[outside])
        what = (
            f"`{name}` was moved by up to {100 * most:.2g} % to enclose `open` and `close` on"
            f" {list_dates(dates)}"
        )
        table.findings.append(Finding("range_widened", "note", what, dates))
    table.bars = bars.assign(**{name: bars[name].where(~outside, target)})
