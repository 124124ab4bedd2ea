"""Opening the ledger's file: SQLite's errors become errors of this program."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from lstmcast.errors import LedgerError, LstmcastError, OutputError
from lstmcast.files import make_folder, reason
from lstmcast.ledger.schema import APPLICATION_ID, SCHEMA, TABLES, columns, statements

LOCK_TIMEOUT = 20.0
"""Seconds to wait for another process that writes."""

_BEGIN = "`lstmcast forecast SYMBOL` begins one"
_ELSEWHERE = (
    "give yourself the right to write there, name another file with `--ledger`, or forecast with "
    "`--no-record`"
)
_TO_READ = "give yourself the right to read it, or name another file with `--ledger`"
_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL,
               sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)  # fmt: skip
_FILES = 4
"""Files that SQLite opens at once: the ledger, its log, the index of that, and their folder."""
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextlib.contextmanager
def writing(path: Path, patience: float | None = None) -> Iterator[sqlite3.Connection]:
    """A connection in a transaction that nobody else writes in, committed at the end.

    The file is made where there is none, with the folders above it.

    Raises:
        LedgerError: if it is locked, damaged, newer, or not a ledger.
        OutputError: if it cannot be written.
    """
    patience = LOCK_TIMEOUT if patience is None else patience
    make_folder(path.parent, _ELSEWHERE)
    with _explained(path), contextlib.closing(_connect(path, "rwc", patience)) as connection:
        # Nothing of another program's file is changed, not even how it logs. What is looked at
        # stands in one transaction: another process may be about to make the tables.
        connection.execute("BEGIN")
        _check(path, connection, made=True)
        connection.execute("COMMIT")
        _use_log(connection, patience)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            _check(path, connection, made=True)
            if _is_empty(connection):
                for statement in statements():
                    connection.execute(statement)
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.execute("COMMIT")


@contextlib.contextmanager
def reading(path: Path, patience: float | None = None) -> Iterator[sqlite3.Connection]:
    """A connection that sees one state of the file, whatever others append meanwhile.

    Raises:
        LedgerError: if there is none, or it cannot be read, is locked, newer, or not a ledger.
    """
    patience = LOCK_TIMEOUT if patience is None else patience
    with _explained(path, write=False):
        if not path.exists():
            raise LedgerError(f"there is no ledger `{path}` yet", _BEGIN)
        with contextlib.closing(_opened(path, patience)) as connection:
            connection.execute("BEGIN")
            _check(path, connection, made=False)
            yield connection


def _opened(path: Path, patience: float) -> sqlite3.Connection:
    """Open for reading; in a folder that cannot be written SQLite must be told that nobody does."""
    connection = None
    try:
        # The last to close a file that it may write clears the log away; nothing is written.
        connection = _connect(path, "rw", patience)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        log = path.with_name(f"{path.name}-wal")
        if _code(error) not in _UNWRITABLE or (log.exists() and log.stat().st_size):
            raise
        return _connect(path, "ro&immutable=1", patience)
    return connection


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, timeout=patience, isolation_level=None, uri=True)


def _use_log(connection: sqlite3.Connection, patience: float) -> None:
    """Use a write-ahead log, so that readers and the writer do not wait for one another.

    SQLite does not wait where two processes change that at once, so it is asked again.
    """
    until = time.monotonic() + patience
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) not in _LOCKED or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return  # where a file system has no such logs, the older kind serves


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _check(path: Path, connection: sqlite3.Connection, *, made: bool) -> None:
    """Make sure that the file is a ledger that this program reads.

    Args:
        path: for the messages.
        connection: to it.
        made: whether an empty file is about to be made one.

    Raises:
        LedgerError: if it is not.
    """
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if owner == version == 0 and _is_empty(connection):
        if made:
            return
        raise LedgerError(f"the ledger `{path}` is empty", _BEGIN)
    if owner != APPLICATION_ID:
        raise LedgerError(
            f"`{path}` is a SQLite database of another program, not a ledger",
            "name another file with `--ledger`",
        )
    if version > SCHEMA:
        raise LedgerError(
            f"the ledger `{path}` has schema {version}, this lstmcast reads up to {SCHEMA}",
            "upgrade lstmcast",
        )
    for table in TABLES:
        found = tuple(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
        if found != columns(table):
            raise damaged(path, f"its table `{table}` is not that of schema {SCHEMA}")


def damaged(path: Path, how: str) -> LedgerError:
    """A file that is a ledger, and not as it was written."""
    return LedgerError(
        f"the ledger `{path}` is damaged: {how}",
        "restore a copy, or move it away: the next forecast begins a new one",
    )


@contextlib.contextmanager
def _explained(path: Path, *, write: bool = True) -> Iterator[None]:
    """Turn what SQLite and the system say into an error of this program."""
    try:
        yield
    except sqlite3.Error as error:
        raise _told(path, error, write=write) from (_starved() or error)
    except UnicodeDecodeError as error:  # SQLite quotes the damage, and Python cannot read that
        raise damaged(path, "its tables cannot be read") from error
    except OSError as error:
        if not write:
            words = f"the ledger `{path}` cannot be read: {reason(path, error)}"
            raise LedgerError(words, _TO_READ) from error
        raise OutputError(
            f"the ledger `{path}` cannot be used: {reason(path, error)}", _ELSEWHERE
        ) from error


def _told(path: Path, error: sqlite3.Error, *, write: bool) -> LstmcastError:
    code = _code(error)
    if code in _LOCKED:
        return LedgerError(
            f"the ledger `{path}` is locked by another process",
            "wait for it, or end it, and try again",
        )
    if path.is_dir():
        return OutputError(f"the ledger `{path}` is a folder", "name a file with `--ledger`")
    if code in _UNWRITABLE and write:
        return OutputError(f"the ledger `{path}` cannot be written: {error}", _ELSEWHERE)
    if code in _UNWRITABLE:
        return LedgerError(f"the ledger `{path}` cannot be read: {error}", _TO_READ)
    if code == sqlite3.SQLITE_NOTADB:
        return LedgerError(
            f"`{path}` is not a ledger: {error}", "name another file with `--ledger`"
        )
    return damaged(path, str(error))


def _starved() -> OSError | None:
    """Why no more files can be opened, which SQLite does not tell; None if they can."""
    with contextlib.ExitStack() as stack:
        try:
            for _ in range(_FILES):
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            return error
    return None


def _code(error: sqlite3.Error) -> int:
    """The primary code of what SQLite met; 0 where it has none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
