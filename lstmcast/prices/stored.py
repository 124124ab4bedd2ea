"""What a file of the store holds: a table, metadata of a known shape, and the hashes of both.

The hashes stand beside the metadata in the Parquet footer: one of the metadata's text, which is
compared whenever a file is looked at, and one of that text and of every column as it lies, with its
name and type, which is compared when the bars are used.
"""

import hashlib
import json
import operator
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lstmcast.prices.bars import COLUMNS, INDEX_DTYPE, Kind, iso_dates
from lstmcast.prices.findings import Finding, Level
from lstmcast.prices.history import PriceHistory, sha256_of
from lstmcast.reading import parse_json

SCHEMA_VERSION = 1
METADATA_KEY = b"lstmcast"
ABOUT_HASH = b"lstmcast.sha256.metadata"
WHOLE_HASH = b"lstmcast.sha256"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, StringConstraints(max_length=10_000)]


class DamagedError(Exception):
    """What is wrong with a file, to follow its name."""


class _Noticed(BaseModel):
    """A finding as it is stored."""

    model_config = ConfigDict(strict=True, frozen=True)

    check: str
    level: Level
    message: str
    dates: list[str]


class About(BaseModel):
    """The metadata of a stored history; what a later version adds is passed over."""

    model_config = ConfigDict(strict=True, frozen=True)

    symbol: str
    source: str
    kind: Kind
    missing: list[Literal[COLUMNS]]  # type: ignore[valid-type]  # the names as they are
    currency: Word | None
    exchange: Word | None
    timezone: Word | None
    fetched_at: str
    details: dict[str, str]
    findings: list[_Noticed]
    rows: int = Field(ge=1)
    first: Annotated[date, Field(strict=False)]
    last: Annotated[date, Field(strict=False)]
    sha256: Sha256
    text: bytes = Field(default=b"", exclude=True)
    """The text that it was read from."""
    whole: str | None = None
    """The hash of everything; None in files of earlier versions."""

    @property
    def told(self) -> tuple[Finding, ...]:
        """The findings of the fetch."""
        return tuple(
            Finding(item.check, item.level, item.message, tuple(item.dates))
            for item in self.findings
        )

    def belongs_to(self, symbol: str, source: str) -> None:
        """Make sure that the file is where it belongs.

        Raises:
            DamagedError: it is another history's.
        """
        if (self.symbol, self.source) != (symbol, source):
            raise DamagedError(
                f"holds {self.symbol} from {self.source}, not {symbol} from {source}"
            )

    def history(self, bars: pd.DataFrame, missing: tuple[str, ...]) -> PriceHistory:
        """The history that the file stands for."""
        return PriceHistory(
            symbol=self.symbol,
            source=self.source,
            bars=bars,
            missing=missing,
            currency=self.currency,
            exchange=self.exchange,
            timezone=self.timezone,
            fetched_at=self.fetched_at,
            details=self.details,
            findings=self.told,
            kind=self.kind,
        )


def sealed(history: PriceHistory) -> pa.Table:
    """A history as a table with its metadata and hashes."""
    about = {
        "schema": SCHEMA_VERSION,
        "symbol": history.symbol,
        "source": history.source,
        "kind": history.kind,
        "missing": list(history.missing),
        "currency": history.currency,
        "exchange": history.exchange,
        "timezone": history.timezone,
        "fetched_at": history.fetched_at,
        "details": dict(history.details),
        "findings": [finding.to_json() for finding in history.findings],
        "rows": len(history),
        "first": iso_dates(history.bars.index[:1])[0],
        "last": iso_dates(history.bars.index[-1:])[0],
        "sha256": history.sha256,
    }
    text = json.dumps(about).encode()
    table = pa.Table.from_pandas(history.bars.reset_index(), preserve_index=False)
    added = {
        METADATA_KEY: text,
        ABOUT_HASH: hashlib.sha256(text).hexdigest(),
        WHOLE_HASH: _hash(text, table),
    }
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **added})


def read_about(schema: pa.Schema) -> About:
    """The metadata in the schema of a file.

    Raises:
        DamagedError: they are not there, of another version, or damaged.
    """
    stored: Mapping[bytes, bytes] = schema.metadata or {}
    text = stored.get(METADATA_KEY)
    if text is None:
        raise DamagedError("was not written by lstmcast")
    try:
        values = parse_json(text)
        version = operator.index(values["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError("has unreadable metadata") from error
    if version != SCHEMA_VERSION:
        raise NewerError(version) if version > SCHEMA_VERSION else DamagedError(_other(version))
    known = stored.get(ABOUT_HASH)
    if known is not None and known != hashlib.sha256(text).hexdigest().encode():
        raise DamagedError("has metadata that do not match their hash")
    whole = stored.get(WHOLE_HASH)
    try:
        about = About.model_validate(values)
        datetime.fromisoformat(about.fetched_at)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise DamagedError(f"has incomplete metadata: `{place}`") from error
    except ValueError as error:
        raise DamagedError("has incomplete metadata: `fetched_at`") from error
    ends = {"text": text, "whole": None if whole is None else whole.decode("latin-1")}
    return about.model_copy(update=ends)


class NewerError(DamagedError):
    """A file of a later version."""

    def __init__(self, version: int) -> None:
        super().__init__(_other(version))


def _other(version: int) -> str:
    return f"has schema version {version}; this lstmcast reads {SCHEMA_VERSION}"


def unsealed(about: About, table: pa.Table) -> pd.DataFrame:
    """The bars in a table, compared with the hashes and the facts that were stored with it.

    Raises:
        DamagedError: it is not what was written.
    """
    if about.whole is not None and about.whole != _hash(about.text, table):
        raise DamagedError("holds bars that do not match its content hash")
    bars = bars_of(table)
    if sha256_of(bars) != about.sha256:
        raise DamagedError("holds bars that do not match its content hash")
    ends = (about.rows, str(about.first), str(about.last))
    if (len(bars), *iso_dates(bars.index[[0, -1]])) != ends:
        raise DamagedError("holds sessions that do not match its metadata")
    return bars


def bars_of(table: pa.Table) -> pd.DataFrame:
    """The bars in a table: days at midnight in their order, and numbers.

    Raises:
        DamagedError: it holds something else.
    """
    try:
        stamps = table.column("date")
        if not pa.types.is_timestamp(stamps.type) or stamps.type.tz is not None:
            raise DamagedError("does not hold daily bars")
        days = stamps.to_numpy().astype(INDEX_DTYPE)
        numbers = np.column_stack([_numbers(table.column(name)) for name in COLUMNS])
    except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
        raise DamagedError("does not hold daily bars") from error
    if not len(days) or np.isnat(days).any() or (days != days.astype("datetime64[D]")).any():
        raise DamagedError("does not hold daily bars")
    if (np.diff(days) <= np.timedelta64(0, "D")).any():
        raise DamagedError("holds sessions out of order")
    return pd.DataFrame(numbers, index=pd.DatetimeIndex(days, name="date"), columns=list(COLUMNS))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    if not pa.types.is_float64(column.type):
        raise TypeError(column.type)
    return np.asarray(column.to_numpy(), dtype="float64")


def _hash(text: bytes, table: pa.Table) -> str:
    """Hex SHA-256 of the metadata's text and of every column as it lies."""
    digest = hashlib.sha256(len(text).to_bytes(8, "little") + text)
    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
        array = column.combine_chunks()
        valid = array.is_null().to_numpy(zero_copy_only=False)
        digest.update(valid.data)
        kind = "datetime64" if pa.types.is_timestamp(array.type) else "<f8"
        values = array.to_numpy(zero_copy_only=False)
        digest.update(np.ascontiguousarray(values.astype(kind, copy=False)).view(np.uint8).data)
    return digest.hexdigest()
