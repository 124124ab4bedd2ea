"""The ledger: forecasts are appended when they are issued, and never changed."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from lstmcast.errors import LedgerError, UsageError
from lstmcast.ledger.database import damaged, reading, writing
from lstmcast.ledger.entries import HEADER, NUMBERS, Entry, ForecastRecord, Statement, digest
from lstmcast.ledger.schema import GENESIS, MODEL, columns, insertion
from lstmcast.prices.symbols import normalise_symbol
from lstmcast.reading import parse_json

_ENTRIES = columns("entries")
_TYPES: dict[str, tuple[type, ...]] = {
    "close_origin": (float, int),
    "run": (str, type(None)),
    "currency": (str, type(None)),
    "number": (int,),
    "replayed": (int,),
}


@dataclass(frozen=True)
class VerifiedChain:
    """A chain that holds.

    Args:
        entries: how many there are.
        sha256: hash of the last one; of an empty ledger, 64 zeros.
    """

    entries: int
    sha256: str


@dataclass(frozen=True)
class Ledger:
    """The record of issued forecasts in one file.

    Args:
        path: of the SQLite file; made by the first `append`.
    """

    path: Path

    def append(self, forecasts: Sequence[ForecastRecord]) -> list[Entry]:
        """Add forecasts, all or none, and return them in their places.

        Raises:
            LedgerError: if the file is locked, damaged, newer, or not a ledger.
            OutputError: if it cannot be written.
        """
        added = []
        with writing(self.path) as connection:
            last = connection.execute(
                "SELECT number, sha256 FROM entries ORDER BY number DESC LIMIT 1"
            ).fetchone()
            number, previous = last or (0, GENESIS)
            for issued in forecasts:
                number += 1
                entry = Entry(number, issued, previous, digest(number, previous, issued))
                _insert(connection, entry)
                previous = entry.sha256
                added.append(entry)
        return added

    def entries(self) -> list[Entry]:
        """Read all entries, and make sure that each is what was written.

        Raises:
            LedgerError: if there is no ledger, it cannot be read, or an entry was altered.
        """
        with reading(self.path) as connection:
            return list(_verified(self.path, connection))

    def check(self, expected: str | None = None) -> VerifiedChain:
        """Verify the file, every entry and the chain.

        Args:
            expected: hash of an entry that was noted earlier and must be in the chain.

        Raises:
            LedgerError: naming the first bad entry, or that the expected hash is not there.
        """
        known = {GENESIS}
        last = GENESIS
        with reading(self.path) as connection:
            for entry in _verified(self.path, connection):
                last = entry.sha256
                known.add(last)
            (told,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if told != "ok":
            raise damaged(self.path, str(told).splitlines()[0])
        if expected is not None and expected not in known:
            raise LedgerError(
                f"`--expect` {expected} is no entry of the ledger `{self.path}`",
                "entries were removed or rewritten since then, or it belongs to another ledger",
            )
        return VerifiedChain(len(known) - 1, last)


def _insert(connection: sqlite3.Connection, entry: Entry) -> None:
    issued = entry.issued
    values = {name: getattr(issued, name) for name in HEADER}
    values |= {"number": entry.number, "previous": entry.previous, "sha256": entry.sha256}
    connection.execute(insertion("entries"), [values[name] for name in _ENTRIES])
    for part in issued.statements:
        connection.execute(
            insertion("statements"), [entry.number, part.forecaster, part.distribution]
        )
        connection.executemany(
            insertion("quantiles"),
            [
                [entry.number, part.forecaster, row + 1, date, assumed, *numbers]
                for row, (date, assumed, numbers) in enumerate(
                    zip(part.dates, part.assumed, part.numbers.tolist(), strict=True)
                )
            ],
        )


def _verified(path: Path, connection: sqlite3.Connection) -> Iterator[Entry]:
    """Every entry in its order, each compared with its hash and the one before.

    Raises:
        LedgerError: naming the first that is not what was written.
    """
    # Rows of what is no entry sort with the entries, and are found by the same comparison.
    said = _grouped(connection, "statements", "entry, forecaster")
    stated = _grouped(connection, "quantiles", "entry, forecaster, horizon")
    previous = GENESIS
    rows = connection.execute(f"SELECT {', '.join(_ENTRIES)} FROM entries ORDER BY number")  # noqa: S608 - own names
    for number, row in enumerate(rows, start=1):
        values = dict(zip(_ENTRIES, row, strict=True))
        entry = _entry(values, said.pop(number, []), stated.pop(number, []))
        if entry is None or values["number"] != number:
            raise _altered(path, number, "cannot be read, or an entry is missing before it")
        if entry.previous != previous:
            raise _altered(path, number, "does not name the hash of the entry before it")
        if entry.sha256 != _digest(entry):
            raise _altered(path, number, "is not what its hash was taken of")
        previous = entry.sha256
        yield entry
    if said or stated:
        first = next(iter([*said, *stated]))
        raise damaged(path, f"there are forecasts of an entry {first}, which is missing")


def _digest(entry: Entry) -> str | None:
    """The hash that an entry should have; None where it holds what cannot be written."""
    try:
        return digest(entry.number, entry.previous, entry.issued)
    except ValueError:
        return None


def _altered(path: Path, number: int, how: str) -> LedgerError:
    return LedgerError(
        f"the ledger `{path}` was altered: entry {number} {how}",
        f"restore a copy; the {number - 1} entries before it are as they were written",
    )


def _grouped(
    connection: sqlite3.Connection, table: str, order: str
) -> dict[int, list[tuple[Any, ...]]]:
    """The rows of a table by entry, in their order."""
    rows = connection.execute(f"SELECT {', '.join(columns(table))} FROM {table} ORDER BY {order}")  # noqa: S608 - own names
    return {number: list(part) for number, part in groupby(rows, key=lambda row: row[0])}


def _entry(
    values: Mapping[str, Any], said: list[tuple[Any, ...]], stated: list[tuple[Any, ...]]
) -> Entry | None:
    """An entry out of its rows; None where they cannot be one."""
    if any(not isinstance(values[name], _TYPES.get(name, (str,))) for name in _ENTRIES):
        return None
    by_forecaster = {name: list(rows) for name, rows in groupby(stated, key=lambda row: row[1])}
    try:
        parts = tuple(
            _statement(forecaster, document, by_forecaster.pop(forecaster))
            for _, forecaster, document in said
        )
    except (KeyError, ValueError, TypeError):
        return None
    if by_forecaster or all(part.forecaster != MODEL for part in parts):
        return None
    days = [values["origin"], *(day for part in parts for day in part.dates)]
    if values["replayed"] not in (0, 1) or not (
        _is_symbol(values["symbol"]) and all(map(_is_date, days))
    ):
        return None
    try:
        datetime.fromisoformat(values["issued_at"]).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    header = {name: values[name] for name in HEADER}
    header |= {"replayed": bool(values["replayed"]), "close_origin": float(values["close_origin"])}
    return Entry(
        values["number"],
        ForecastRecord(**header, statements=parts),
        values["previous"],
        values["sha256"],
    )


def _is_symbol(text: str) -> bool:
    try:
        return normalise_symbol(text) == text
    except UsageError:
        return False


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _statement(forecaster: str, document: str, rows: list[tuple[Any, ...]]) -> Statement:
    """What a forecaster said, out of its rows.

    Raises:
        ValueError, TypeError: if they are not those of horizons 1, 2, ...
    """
    if [row[2] for row in rows] != list(range(1, len(rows) + 1)):
        raise ValueError("a horizon is missing")
    numbers = [[np.nan if x is None else x for x in row[5:]] for row in rows]
    flags = [row[4] for row in rows]
    if not isinstance(document, str) or not isinstance(parse_json(document), dict):
        raise TypeError("a distribution is of another kind")
    if any(flag not in (0, 1) for flag in flags):
        raise TypeError("a value is of another kind")
    array = np.array(numbers, dtype=np.float64).reshape(len(rows), len(NUMBERS))
    dates = tuple(str(row[3]) for row in rows)
    return Statement(forecaster, document, dates, tuple(map(bool, flags)), array)
