"""The schema of the ledger's file, a SQLite database that any SQLite program can read.

    entries      a row per issued forecast of one symbol, chained by hash
    statements   a row per entry and forecaster, with its distribution as a JSON document
    quantiles    a row per entry, forecaster and horizon: 21 quantiles and the mean of the log
                 return from the origin, as fractions

The forecaster is `model`, or the name of a baseline that forecast from the same bars.
"""

from lstmcast.predictions import QUANTILES

APPLICATION_ID = 0x4C53544D
"""Says in a SQLite file's header whose it is: `LSTM`."""

SCHEMA = 1
"""`PRAGMA user_version`; raised when older programs can no longer read the file."""

MODEL = "model"

GENESIS = "0" * 64
"""What the first entry names as the hash of the entry before it."""

TABLES: dict[str, tuple[str, ...]] = {
    "entries": (
        "number INTEGER PRIMARY KEY",
        "issued_at TEXT NOT NULL",
        "replayed INTEGER NOT NULL",
        "symbol TEXT NOT NULL",
        "source TEXT NOT NULL",
        "currency TEXT",
        "origin TEXT NOT NULL",
        "close_origin REAL NOT NULL",
        "run TEXT",
        "weights_sha256 TEXT NOT NULL",
        "data_sha256 TEXT NOT NULL",
        "program TEXT NOT NULL",
        "previous TEXT NOT NULL",
        "sha256 TEXT NOT NULL UNIQUE",
    ),
    "statements": (
        "entry INTEGER NOT NULL REFERENCES entries(number)",
        "forecaster TEXT NOT NULL",
        "distribution TEXT NOT NULL",
        "PRIMARY KEY (entry, forecaster)",
    ),
    "quantiles": (
        "entry INTEGER NOT NULL REFERENCES entries(number)",
        "forecaster TEXT NOT NULL",
        "horizon INTEGER NOT NULL",
        "date TEXT NOT NULL",
        "assumed INTEGER NOT NULL",
        *(f"{name} REAL" for name in QUANTILES),
        "mean REAL",
        "PRIMARY KEY (entry, forecaster, horizon)",
    ),
}
"""The columns of each table, as SQLite is told of them."""


def columns(table: str) -> tuple[str, ...]:
    """The names of a table's columns."""
    named = (line.split()[0] for line in TABLES[table])
    return tuple(name for name in named if name != "PRIMARY")


def statements() -> list[str]:
    """The SQL that makes an empty ledger, to be run in one transaction."""
    made = [f"CREATE TABLE {name} ({', '.join(lines)})" for name, lines in TABLES.items()]
    return [*made, f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {SCHEMA}"]


def insertion(table: str) -> str:
    """The SQL that adds a row with all columns."""
    names = columns(table)
    places = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - own names
