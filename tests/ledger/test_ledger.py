"""The ledger's file: what is appended stays, and whatever is changed afterwards is found."""

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lstmcast
from lstmcast.errors import LedgerError, LstmcastError, OutputError
from lstmcast.ledger import ForecastRecord, Ledger, Statement, database
from lstmcast.ledger.database import reading, writing
from lstmcast.ledger.entries import NUMBERS
from lstmcast.ledger.schema import APPLICATION_ID, GENESIS, TABLES, columns


def statement(forecaster: str, seed: int, horizons: int = 2) -> Statement:
    numbers = np.sort(np.random.default_rng(seed).normal(0, 0.01, (horizons, len(NUMBERS))), axis=1)
    dates = tuple(f"2024-03-{day:02}" for day in range(5, 5 + horizons))
    return Statement(forecaster, '{"kind":"point"}', dates, (False,) * horizons, numbers)


def recorded(seed: int, symbol: str = "AAA", run: str | None = None) -> ForecastRecord:
    return ForecastRecord(
        f"2024-03-04T22:00:00.{seed:06}+00:00", False, symbol, "csv", None, "2024-03-04", 12.5, run,
        "a" * 64, "b" * 64, "1.0", (statement("ewma", seed), statement("model", seed + 100)),
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Three entries, the last two issued together."""
    book = Ledger(tmp_path / "data" / "ledger.sqlite")
    book.append([recorded(1)])
    book.append([recorded(2, "B-B.T", "run $1"), recorded(3)])
    return book


@pytest.fixture
def raw(ledger: Ledger) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as connection:
        yield connection


def test_what_is_appended_is_read_back_to_the_bit(ledger: Ledger) -> None:
    numbers = np.full((1, len(NUMBERS)), np.nan)
    numbers[0, :2] = -0.0, 1e-320
    point = Statement("model", "{}", ("2024-03-05",), (True,), numbers)
    odd = replace(
        recorded(4), replayed=True, currency="EUR", run="\u00e9'", weights_sha256="",
        statements=(point,),
    )  # fmt: skip
    (added,) = ledger.append([odd])
    entries = ledger.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    assert entries[3].sha256 == added.sha256
    assert (entries[3].issued.replayed, entries[3].issued.run) == (True, "\u00e9'")
    np.testing.assert_array_equal(entries[3].issued.statements[0].numbers, numbers)
    for entry, seed in zip(entries, (1, 2, 3), strict=False):
        for part, drawn in zip(entry.issued.statements, (seed, seed + 100), strict=True):
            np.testing.assert_array_equal(
                part.numbers, statement(part.forecaster, drawn).numbers, strict=True
            )
    assert entries[1].issued.symbol == "B-B.T"
    assert ledger.check() == ledger.check(entries[0].sha256)
    assert ledger.check().entries == 4


def test_the_chain_is_what_its_description_says(ledger: Ledger, raw: sqlite3.Connection) -> None:
    """Recomputed from the tables alone, as somebody without lstmcast would."""
    raw.row_factory = sqlite3.Row
    previous = GENESIS
    for row in raw.execute("SELECT * FROM entries ORDER BY number"):
        values = dict(row)
        stored = values.pop("sha256")
        assert values["previous"] == previous
        values["replayed"] = bool(values["replayed"])
        text = json.dumps(values, sort_keys=True, separators=(",", ":")) + "\n"
        for said in raw.execute(
            "SELECT * FROM statements WHERE entry = ? ORDER BY forecaster", [row["number"]]
        ).fetchall():
            rows = raw.execute(
                "SELECT * FROM quantiles WHERE entry = ? AND forecaster = ? ORDER BY horizon",
                [row["number"], said["forecaster"]],
            ).fetchall()
            line = {
                "assumed": [bool(one["assumed"]) for one in rows],
                "dates": [one["date"] for one in rows],
                "distribution": said["distribution"],
                "forecaster": said["forecaster"],
            }
            text += json.dumps(line, separators=(",", ":")) + "\n"
            packed = b"".join(struct.pack("<22d", *tuple(one)[5:]) for one in rows)
            text += packed.decode("latin-1")
        assert hashlib.sha256(text.encode("latin-1")).hexdigest() == stored
        previous = stored
    assert ledger.check().sha256 == previous


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table in TABLES for column in columns(table)]
)
def test_a_value_that_was_changed_is_found(
    ledger: Ledger, raw: sqlite3.Connection, table: str, column: str
) -> None:
    key = "number" if table == "entries" else "entry"
    (old,) = raw.execute(f"SELECT {column} FROM {table} WHERE {key} = 2").fetchone()  # noqa: S608 - own names
    new = 2.0**-30 if old is None else f"{old}x" if isinstance(old, str) else old + 2.0**-30
    if isinstance(old, int):
        new = 7 if column in {"number", "entry", "horizon"} else 1 - old
    raw.execute("PRAGMA foreign_keys = OFF")
    raw.execute(
        f"UPDATE {table} SET {column} = ? WHERE rowid = "  # noqa: S608 - own names
        f"(SELECT min(rowid) FROM {table} WHERE {key} = 2)",
        [new],
    )
    with pytest.raises(LedgerError, match=r"was altered: entry [23] |of an entry 7, which is miss"):
        ledger.check()
    with pytest.raises(LedgerError, match=r"altered|missing"):
        ledger.entries()


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("DELETE FROM entries WHERE number = 1", "entry 1 cannot be read, or an entry"),
        ("DELETE FROM entries WHERE number = 3", "there are forecasts of an entry 3, which is"),
        ("DELETE FROM quantiles WHERE entry = 1 AND horizon = 2", "entry 1 "),
        ("DELETE FROM quantiles WHERE forecaster = 'ewma' AND horizon = 2", "entry 1 "),
        ("DELETE FROM quantiles WHERE entry = 1 AND horizon = 1", "entry 1 "),
        ("DELETE FROM quantiles WHERE forecaster = 'ewma' AND horizon = 1", "entry 1 "),
        ("UPDATE entries SET previous = 'no' WHERE number = 2", "entry 2 does not name the hash"),
        ("UPDATE quantiles SET q05 = NULL WHERE entry = 2", "entry 2 is not what its hash"),
        ("UPDATE quantiles SET q05 = 'a' WHERE entry = 2", "entry 2 cannot be read"),
        ("UPDATE entries SET issued_at = '1' WHERE number = 2", "entry 2 cannot be read"),
        ("UPDATE entries SET issued_at = '0001-01-01T00:00+09:00' WHERE number = 2", "entry 2 c"),
        ("UPDATE entries SET symbol = 'a b' WHERE number = 2", "entry 2 cannot be read"),
        ("UPDATE entries SET origin = 'x' WHERE number = 2", "entry 2 cannot be read"),
        ("UPDATE quantiles SET date = '\"x\"' WHERE entry = 2", "entry 2 cannot be read"),
        ("UPDATE statements SET distribution = '[' WHERE entry = 2", "entry 2 cannot be read"),
        ("UPDATE entries SET close_origin = 9e999 WHERE number = 2", "entry 2 is not what"),
        ("DROP TABLE quantiles", "damaged: its table `quantiles` is not that of schema 1"),
        ("ALTER TABLE entries ADD COLUMN more", "damaged: its table `entries` is not that of"),
    ],
)  # fmt: skip
def test_rows_that_were_taken_or_changed_are_found(
    ledger: Ledger, raw: sqlite3.Connection, sql: str, fault: str
) -> None:
    raw.execute(sql)
    with pytest.raises(LedgerError, match=fault):
        ledger.check()


def test_a_ledger_cut_at_its_end_lacks_the_hash_that_was_noted(
    ledger: Ledger, raw: sqlite3.Connection
) -> None:
    noted = ledger.check().sha256
    for table, key in (("entries", "number"), ("statements", "entry"), ("quantiles", "entry")):
        raw.execute(f"DELETE FROM {table} WHERE {key} = 3")  # noqa: S608 - own names
    assert ledger.check().entries == 2
    with pytest.raises(LedgerError, match=f"`--expect` {noted} is no entry of the ledger"):
        ledger.check(noted)


def test_a_byte_that_was_changed_in_the_file_is_found(ledger: Ledger, tmp_path: Path) -> None:
    """Or it stands where nothing is kept, and every entry reads as before."""
    content = ledger.path.read_bytes()
    before = [entry.sha256 for entry in ledger.entries()]
    random = np.random.default_rng(5)
    copy = Ledger(tmp_path / "copy.sqlite")
    used = [k for k in range(len(content)) if content[k]]
    found = 0
    for place in random.choice(used, 80, replace=False):
        copy.path.write_bytes(
            content[:place] + bytes([content[place] ^ (1 << int(random.integers(8)))])
            + content[place + 1 :]
        )  # fmt: skip
        for name in ("copy.sqlite-wal", "copy.sqlite-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        try:
            copy.check()
        except LedgerError:
            found += 1
        else:
            assert [entry.sha256 for entry in copy.entries()] == before
    assert found > 60


def test_nothing_is_kept_of_an_append_that_fails(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(recorded(5), close_origin=float("inf"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        ledger.append([recorded(4), broken])
    assert ledger.check().entries == 3


CROWD = """
import os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from ledger.test_ledger import recorded
from lstmcast.ledger import Ledger
children = []
for name in {names!r}:
    child = os.fork()
    if child == 0:
        book = Ledger(Path({file!r}))
        for k in range({rounds}):
            book.append([recorded(k, name), recorded(k, name)])
        os._exit(0)
    children.append(child)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def test_processes_that_issue_at_once_lose_nothing(tmp_path: Path) -> None:
    """Even the file itself is made by whichever comes first."""
    rounds, names = 8, ["ONE", "TWO", "THREE"]
    book = Ledger(tmp_path / "new" / "ledger.sqlite")
    tests = Path(__file__).parents[1]
    paths = [str(tests), str(Path(lstmcast.__file__).parents[1])]
    program = CROWD.format(paths=paths, names=names, file=str(book.path), rounds=rounds)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    assert book.check().entries == 2 * rounds * len(names)
    entries = book.entries()
    for name in names:
        mine = [entry for entry in entries if entry.issued.symbol == name]
        assert [entry.issued.issued_at for entry in mine] == [
            recorded(k // 2).issued_at for k in range(2 * rounds)
        ]
        # What was issued together stands together.
        assert all(b.number == a.number + 1 for a, b in zip(mine[::2], mine[1::2], strict=True))


def test_readers_see_one_state_while_others_append(ledger: Ledger) -> None:
    with reading(ledger.path) as connection:
        before = connection.execute("SELECT count(*) FROM entries").fetchone()
        ledger.append([recorded(9)])
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == before == (3,)
    assert ledger.check().entries == 4


def test_a_ledger_leaves_no_file_beside_it(ledger: Ledger) -> None:
    ledger.check()
    assert [path.name for path in ledger.path.parent.iterdir()] == ["ledger.sqlite"]


def test_an_entry_without_a_forecast_of_the_model_is_none(ledger: Ledger) -> None:
    record = recorded(4)
    ledger.append([replace(record, statements=record.statements[:1])])
    with pytest.raises(LedgerError, match="entry 4 cannot be read"):
        ledger.entries()


def test_who_holds_the_ledger_is_waited_for_and_then_told(
    ledger: Ledger, raw: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw.execute("BEGIN IMMEDIATE")
    fault = r"the ledger `.*ledger\.sqlite` is locked by another process"
    with pytest.raises(LedgerError, match=fault), writing(ledger.path, patience=0.05):
        pass
    assert ledger.check().entries == 3  # readers do not wait
    raw.execute("COMMIT")
    ledger.append([recorded(4)])


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE prices (close REAL)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 2")
        connection.execute("CREATE TABLE entries (number)")


FILES = {
    "foreign": (foreign, LedgerError, "is a SQLite database of another program, not a ledger"),
    "newer": (newer, LedgerError, "has schema 2, this lstmcast reads up to 1"),
    "text": (lambda p: p.write_text("no ledger" * 99), LedgerError, "is not a ledger: file is not"),
    "folder": (Path.mkdir, OutputError, "is a folder"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_ledger_is_neither_read_nor_written(tmp_path: Path, kind: str) -> None:
    make, error, fault = FILES[kind]
    path = tmp_path / "ledger.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    for use in (
        Ledger(path).check,
        Ledger(path).entries,
        lambda: Ledger(path).append([recorded(1)]),
    ):
        with pytest.raises(error, match=fault):
            use()
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize("empty", [True, False])
def test_where_there_is_no_ledger_one_is_begun(tmp_path: Path, *, empty: bool) -> None:
    book = Ledger(tmp_path / "ledger.sqlite")
    if empty:
        book.path.touch()
    with pytest.raises(LedgerError, match="is empty" if empty else "there is no ledger .* yet"):
        book.check()
    book.append([recorded(1)])
    assert book.check().entries == 1


@pytest.mark.parametrize("size", [100, 5000])
def test_a_ledger_that_was_cut_is_damaged(ledger: Ledger, size: int) -> None:
    ledger.path.write_bytes(ledger.path.read_bytes()[:size])
    with pytest.raises(LedgerError, match=r"is damaged|is not a ledger"):
        ledger.check()
    with pytest.raises(LstmcastError, match=r"is damaged|is not a ledger"):
        ledger.append([recorded(4)])


def test_a_file_that_may_only_be_read_is_told_when_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = database._connect
    monkeypatch.setattr(
        database, "_connect", lambda path, _, patience: connect(path, "ro", patience)
    )
    with pytest.raises(
        OutputError, match="cannot be written: attempt to write a readonly database"
    ):
        ledger.append([recorded(4)])


def test_want_of_open_files_is_told_as_that(ledger: Ledger) -> None:
    """SQLite says only that it is unable to open the file."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open() as newest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (newest.fileno() + 1, hard))
        try:
            with pytest.raises(OutputError, match="unable to open database file") as caught:
                ledger.append([recorded(4)])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.errno == errno.EMFILE


def test_a_ledger_that_may_not_be_looked_at_is_not_told_to_be_written(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(LedgerError, match="cannot be read: Permission denied") as caught:
        ledger.entries()
    assert str(caught.value.hint).startswith("give yourself the right to read it")


def test_a_ledger_on_a_medium_that_cannot_be_written_is_read(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite wants to write its log's index even to read; where it cannot, nobody else writes."""
    kept = shutil.copy(ledger.path, tmp_path / "kept.sqlite")
    connect = database._connect

    def refusing(path: Path, mode: str, patience: float) -> sqlite3.Connection:
        if mode == "rw":
            path = tmp_path / "nowhere" / path.name  # cannot be opened
        return connect(path, mode, patience)

    monkeypatch.setattr(database, "_connect", refusing)
    assert Ledger(Path(kept)).check().entries == 3
