"""From a table to the bars of one symbol, with a line that says what was read as what."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lstmcast.errors import DataError, SymbolNotFoundError
from lstmcast.prices.findings import Finding, Level, count
from lstmcast.prices.sources.files.blocks import MOST_NAMES, block_of, named_blocks
from lstmcast.prices.sources.files.calendar_columns import join_dates
from lstmcast.prices.sources.files.choice import ALIKE, NEUTRAL, as_symbol, best_match, is_symbol
from lstmcast.prices.sources.files.columns import address, find_fields, is_counter, listed, word
from lstmcast.prices.sources.files.date_cells import Days
from lstmcast.prices.sources.files.date_forms import looks_like_date
from lstmcast.prices.sources.files.dates import Choice, read_dates
from lstmcast.prices.sources.files.faults import Faults
from lstmcast.prices.sources.files.headerless import name_columns
from lstmcast.prices.sources.files.names import FIELDS, SYMBOL
from lstmcast.prices.sources.files.numbers import (
    Mark,
    convert,
    currencies,
    decide,
    in_thirty_seconds,
)
from lstmcast.prices.sources.files.options import ReadOptions
from lstmcast.prices.sources.files.rows import Events, find_events, is_header, only_bars
from lstmcast.prices.sources.files.table import Column, Table
from lstmcast.prices.sources.files.zones import session_days


@dataclass(frozen=True)
class ParsedTable:
    """The bars of one symbol as a file has them.

    Args:
        frame: rows by session date, numbers under the names of `prices.bars`.
        said: one line that says which column was read as what, and which was not.
        findings: what was decided on the way, for the record.
    """

    frame: pd.DataFrame
    said: str
    findings: tuple[Finding, ...]


def symbols_in(table: Table, options: ReadOptions) -> list[str]:
    """Return the names of the symbols that a table holds; none where it names none."""
    table = join_dates(name_columns(table, options), options)
    if blocks := named_blocks(table, options):
        return [name for name, _ in blocks]
    fields = find_fields(table, options, Faults(table.path))
    if SYMBOL in fields.shared:
        cells = fields.shared[SYMBOL].cells
        return [str(name) for name in pc.unique(cells.cast(pa.string())).to_pylist() if name]
    return [name for name in fields.by_ticker if name]


def _would_fetch(name: str) -> str:
    """Return the start of a hint: the symbol to fetch instead, where the name can be one."""
    return f"fetch {as_symbol(name)}, or " if is_symbol(name) else ""


def read(table: Table, symbol: str, options: ReadOptions) -> ParsedTable:
    """Return the bars of `symbol` in a table.

    Raises:
        DataError: the table leaves open how to read it; one error names all such places.
        SymbolNotFoundError: the table holds other symbols.
    """
    table = join_dates(name_columns(table, options), options)
    if blocks := named_blocks(table, options):
        table, taken = block_of(table, blocks, symbol)
        reading = _Reader(table, symbol, options, Faults(table.path)).read()
        return replace(reading, said=f"{reading.said}; {taken}")
    return _Reader(table, symbol, options, Faults(table.path)).read()


class _Reader:
    """One symbol's way out of a table."""

    def __init__(self, table: Table, symbol: str, options: ReadOptions, faults: Faults) -> None:
        self.table, self.symbol, self.options, self.faults = table, symbol, options, faults
        self.findings: list[Finding] = []
        self.remarks: list[str] = []
        self.rows = self.tried = np.arange(len(table))
        self.fields = find_fields(table, options, faults)

    def read(self) -> ParsedTable:
        """Return the bars, or raise for all faults at once."""
        prices = self._choose()
        self._check_columns(prices)
        date = self.fields.shared.get("date")
        days = None if date is None else self._dates(date, prices)
        events = find_events(self.rows, self.table.columns)
        numbers = self._numbers(prices, days, events)
        self.faults.raise_any()
        assert days is not None  # noqa: S101  # else there is a fault
        dates, moved = session_days(days, self.symbol)
        if moved:
            self._note("dates", moved)
        frame = pd.DataFrame(numbers, index=pd.DatetimeIndex(dates, name="date"))
        if events.marked.any():
            frame = events.merged(frame)
            rows = count(int(events.marked.sum()), "row")
            self._note("rows", f"{rows} of dividends and splits between the bars")
        if self.options.adjusted is False and not {"adj_close", "splits"} & set(frame):
            what = "prices are as traded and the file has no splits, so splits show as jumps"
            self._note("prices", what, "warning")
        for note in self.table.notes:
            self._note("text", note)
        return ParsedTable(frame, self._said(prices, days.form), tuple(self.findings))

    def _note(self, about: str, message: str, level: Level = "note") -> None:
        self.findings.append(Finding(f"file_{about}", level, message))

    # --- which rows and columns

    def _choose(self) -> dict[str, Column]:
        """Return the price columns of the symbol, and keep its rows."""
        column = self.fields.shared.get(SYMBOL)
        if column is not None:
            cells = column.cells.cast(pa.string())
            names = [name for name in pc.unique(cells).to_pylist() if name]
            names = [name for name in names if not self._is_remark(name, cells)]
            chosen = self._pick(names, "rows")
            if chosen is not None:
                mask = pc.fill_null(pc.equal(cells, chosen), fill_value=False)
                self.rows = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        tickers = self.fields.by_ticker
        if set(tickers) == {""}:
            return tickers[""]
        chosen = self._pick([name for name in tickers if name], "columns")
        if chosen is None:
            chosen = next(iter(tickers))
        return tickers[chosen]

    def _is_remark(self, name: str, cells: pa.Array) -> bool:
        """Whether a cell of the symbol's column is a line below the table."""
        return len(name) > 40 or (
            not is_symbol(name) and pc.sum(pc.equal(cells, name)).as_py() == 1 and len(cells) > 3
        )

    def _pick(self, names: list[str], where: str) -> str | None:
        """Return the name that is the symbol, or None where the table may be any symbol's.

        Raises:
            SymbolNotFoundError: the table holds others.
        """
        if not names:
            return None
        best, level = best_match(self.symbol, names)
        if level >= ALIKE and len(best) == 1:
            others = f" (one of {len(names)})" if len(names) > 1 else ""
            self.remarks.append(f"symbol={best[0]}{others}")
            return best[0]
        if level == NEUTRAL and len(names) == 1:
            self.remarks.append(f"taken for {self.symbol}: {names[0]}")
            return None if where == "rows" else names[0]
        path = self.table.path
        if where == "columns" and not any(map(_may_be_ticker, names)):
            raise DataError(
                f"`{path}` has no column `close` among {listed(self.table.columns)!r}",
                hint=f"name it, as in `--columns close={self._close_of(names[0])}`",
            )
        if len(names) == 1:
            option = "symbol=-" if where == "rows" else f"close={self._close_of(names[0])}"
            raise SymbolNotFoundError(
                f"`{path}` holds {names[0]}, not {self.symbol}",
                hint=_would_fetch(names[0]) + f"read it as {self.symbol} with `--columns {option}`",
            )
        shown = ", ".join(names[:MOST_NAMES]) + (
            f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        )
        what = f"`{path}` holds {len(names)} symbols"
        if level >= ALIKE:
            what += f", of which {' and '.join(best[:3])} could each be {self.symbol}"
        else:
            what += f", and none is {self.symbol}: {shown}"
        hint = "fetch one of these names, or every symbol of the file with `--all`"
        if where == "columns":
            hint += (
                f"; `--columns close={self._close_of(names[0])}` takes a column for {self.symbol}"
            )
        raise SymbolNotFoundError(what, hint=hint)

    def _close_of(self, ticker: str) -> str:
        """Return what `--columns` finds a ticker's column of closes by."""
        prices = self.fields.by_ticker[ticker]
        return address(prices.get("close", next(iter(prices.values()))), self.table)

    def _check_columns(self, prices: dict[str, Column]) -> None:
        every = self.table.columns
        found = {**self.fields.shared, **prices}
        if "date" not in found and sum(looks_like_date(column.name) for column in every) > 2:
            self.faults.add(
                " has its dates in the header, a column for each",
                "transpose it: a row for each date, a column for each kind of price",
            )
            self.faults.raise_any()
        for role in ("date", "close"):
            if role in found or role in self.options.columns:
                continue
            taken = {id(column) for column in found.values()}
            free = [column.name for column in every if id(column) not in taken and column.name]
            what = f" has no column `{role}` among {listed(every)!r}"
            self.faults.add(what, _would_read(role, free))

    # --- dates

    def _dates(self, date: Column, prices: dict[str, Column]) -> Days | None:
        """Return the days of the rows wanted, after rows that are no bars are left out."""
        for column in (date, *self.fields.dates):
            choice = self._try(column, prices)
            if choice.days is not None:
                self.fields.shared["date"] = column
                if choice.why:
                    self._note("dates", f"dates are {choice.days.form}: {choice.why}")
                return choice.days
            if column is date:
                first, tried = choice, self.tried
        self._explain(date, first, tried)
        return None

    def _try(self, column: Column, prices: dict[str, Column]) -> Choice:
        rows, remarks = only_bars(self.rows, column, prices)
        cells = column.cells.take(pa.array(rows))
        if not len(cells) or cells.null_count:
            bad = (
                int(np.flatnonzero(pc.is_null(cells).to_numpy(zero_copy_only=False))[0])
                if len(cells)
                else 0
            )
            choice = Choice(None, (), bad=bad)
        else:
            choice = read_dates(
                cells,
                symbol=self.symbol,
                form=self.options.date_format,
                context=column.cells if len(cells) < len(column.cells) else None,
            )
        if choice.days is None:
            self.tried = rows
            return choice
        self.rows = rows
        if remarks:
            self._note("rows", f"left out {count(remarks, 'line')} below the table")
        return choice

    def _explain(self, date: Column, choice: Choice, rows: np.ndarray) -> None:
        cells = date.cells.take(pa.array(rows)) if len(rows) else date.cells
        if not len(rows):
            self.faults.add(" has a header and no rows", "")
            return
        if choice.candidates:
            forms = " or ".join(choice.candidates)
            what = f": `date` is {_shown(cells[0])}, which can be {forms} in every row"
            first = self._reads(cells, choice.candidates)
            self.faults.add(what, first)
            return
        at = choice.bad or 0
        place = self.table.place(int(rows[at])).removeprefix(f"`{self.table.path}`")
        if is_header(str(cells[at].as_py()), date):
            self.faults.add(
                f"{place}: the columns change", "put the rows from there in another file"
            )
            self.faults.raise_any()
        what = f"{place}: `date` is {_shown(cells[at])}, not a date"
        if self.options.date_format is not None:
            what += f" in the format {self.options.date_format!r}"
        if re.match(r"1[34]\d\d[-/.]\d|\d{1,2}[-/.]\d{1,2}[-/.]1[34]\d\d", str(cells[at])):
            self.faults.add(
                f"{what}: is its year one of the Persian or Islamic calendar?",
                "convert the dates to the Gregorian calendar",
            )
            return
        others = [row for row in (0, len(rows) - 1) if row != at]
        known = next(
            (cells[row] for row in others if looks_like_date(str(cells[row].as_py()))), None
        )
        like = f" as {_shown(known)} is" if known is not None else ""
        self.faults.add(
            what,
            f"correct the line, or say how dates are written{like}, as in `--date-format %d.%m.%Y`",
        )

    def _reads(self, cells: pa.Array, forms: tuple[str, ...]) -> str:
        """Return what each form would read, with its option."""
        told = []
        for form in forms:
            option = {"unix s": "s", "unix ms": "ms", "unix us": "us", "unix ns": "ns"}.get(
                form, form
            )
            days = read_dates(cells[:1], symbol=self.symbol, form=option).days
            read = "" if days is None else f" reads {days.local[0]:%Y-%m-%d}"
            told.append(f"`--date-format {option}`{read}")
        return ", ".join(told)

    # --- numbers

    def _numbers(
        self, prices: dict[str, Column], days: Days | None, events: Events
    ) -> dict[str, np.ndarray]:
        rows = pa.array(self.rows)
        cells = {role: column.cells.take(rows) for role, column in prices.items()}
        mark = self._decimal([each for role, each in cells.items() if role != "splits"])
        numbers = {}
        for role in FIELDS:
            if role not in cells:
                continue
            if role == "splits":
                values, bad = _ratios(cells[role], mark)
            else:
                values, bad = convert(cells[role], mark)
            bad &= ~events.marked
            if role == "close" and in_thirty_seconds(cells[role]):
                self.faults.add(
                    f": `close` is {_shown(cells[role][0])} and the like, which is thirty-seconds",
                    "write prices as decimal numbers",
                )
            if role == "close" and len(found := currencies(cells[role], mark)) > 1:
                self.faults.add(
                    f": `close` is in more than one currency: {' and '.join(found)}",
                    "give the prices of one currency in a file",
                )
            if bad.any():
                self._bad_number(role, cells[role], bad, days)
            numbers[role] = values
        return numbers

    def _decimal(self, cells: list[pa.Array]) -> Mark:
        if self.options.decimal is not None:
            return self.options.decimal
        date = self.fields.shared.get("date")
        beside = [column.cells for column in self.table.columns if column is not date]
        decision = decide(cells, beside)
        if decision.mark is None and self.table.angled:  # MetaTrader and its like know no locale
            return "."
        if decision.mark is None:
            example = decision.examples[0]
            written = " and ".join(map(repr, decision.examples))
            what = f": numbers are written as {written} in every row,"
            what += f" which can be {_as(example, '.')} or {_as(example, ',')}"
            self.faults.add(
                what,
                f"`--decimal .` reads {_as(example, '.')}, `--decimal ,` reads {_as(example, ',')}",
            )
            return "."
        if decision.why:
            name = "point" if decision.mark == "." else "comma"
            self._note("numbers", f"numbers have a decimal {name}: {decision.why}")
        return decision.mark

    def _bad_number(self, role: str, cells: pa.Array, bad: np.ndarray, days: Days | None) -> None:
        at = int(np.flatnonzero(bad)[0])
        place = self.table.place(int(self.rows[at])).removeprefix(f"`{self.table.path}`")
        more = f" (and in {count(int(bad.sum()) - 1, 'more row')})" if bad.sum() > 1 else ""
        option = (
            "correct it"
            if role == "close"
            else f"correct it, or leave the column out with `--columns {role}=-`"
        )
        if role == "close" and bad.mean() > 0.5:
            option = "name the column of closes, as in `--columns close=NAME`"
        on = "" if days is None else f" on {days.local[at]:%Y-%m-%d}"
        self.faults.add(f"{place}: `{role}` is {_shown(cells[at])}{on}, not a number{more}", option)

    # --- what was read

    def _said(self, prices: dict[str, Column], form: str) -> str:
        """Return one line: each role with its column, what was not used, what is not there."""
        found = {**self.fields.shared, **prices}
        read = [
            f"{role}={found[role].name or '(no name)'}" + (f" ({form})" if role == "date" else "")
            for role in FIELDS
            if role in found
        ]
        taken = {id(column) for column in found.values()}
        unused = [column for column in self.table.columns if id(column) not in taken]
        parts = [", ".join([*read, *self.remarks])]
        if unused:
            parts.append(f"not used: {listed(unused)}")
        absent = [role for role in ("adj_close", "volume") if role not in found]
        if absent:
            parts.append(f"not in the file: {', '.join(absent)}")
        return "; ".join(parts)


def _may_be_ticker(name: str) -> bool:
    """Whether a column's name can be a ticker's, and is not a word for something else."""
    return is_symbol(name) and not any(each.islower() for each in name)


def _would_read(role: str, free: list[str]) -> str:
    """Return the option that names a column for a role, as exactly as its names allow."""
    numbers = [name for name in free if is_counter(name)]
    if role == "close" and len(numbers) >= 4:
        order = zip(("open", "high", "low", "close", "volume"), numbers, strict=False)
        named = ",".join(f"{each}={name}" for each, name in order)
        return f"say which is which, as in `--columns {named}`"
    guess = word(free[0]) if free else "NAME"
    return f"date and close are required: name it, as in `--columns {role}={guess}`"


def _shown(cell: pa.Scalar) -> str:
    value = cell.as_py()
    return repr("" if value is None else str(value)[:40])


def _as(cell: str, mark: Mark) -> str:
    return f"{convert(pa.array([cell]), mark)[0][0]:g}"


def _ratios(cells: pa.Array, mark: Mark) -> tuple[np.ndarray, np.ndarray]:
    """Return splits as new shares for one old; `4:1` is four, and 1 is no split."""
    if pa.types.is_string(cells.type):
        parts = [
            re.fullmatch(r"(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)", cell)
            for cell in cells.to_pylist()
        ]
        texts = [
            cell if part is None else repr(float(part[1]) / max(float(part[2]), 1e-12))
            for cell, part in zip(cells.to_pylist(), parts, strict=True)
        ]
        cells = pa.array(texts, pa.string())
    values, bad = convert(cells, mark)
    return np.where(values == 1.0, 0.0, values), bad
