"""The local store: one Parquet file per source and symbol, readable by anything that reads Parquet.

    ROOT/prices/SOURCE/SYMBOL.parquet     bars; provenance and content hash in its metadata
    ROOT/prices/SOURCE/.SYMBOL.lock       held by whoever updates the file

A file is replaced whole: the new one is written beside it, flushed to the disk, then renamed over
it. A crash at any moment therefore leaves the old file or the new one, and readers, who open it
once, need no lock. Each `load` compares the bars with the hash that was stored with them.
"""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lstmcast.errors import StoreError
from lstmcast.files import open_whole, remove_left_overs, replace_file
from lstmcast.prices.bars import COLUMNS, INDEX_DTYPE, iso_dates
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.symbols import normalise_symbol, stem_to_symbol, symbol_to_stem

SCHEMA_VERSION = 1
METADATA_KEY = b"lstmcast"
LOCK_SECONDS = 120.0


@dataclass(frozen=True)
class StoreEntry:
    """What the store knows of one file without reading its bars.

    `problem` is None for a file whose metadata can be read, and says what is wrong otherwise.
    """

    symbol: str
    source: str
    path: Path
    rows: int = 0
    first: str = ""
    last: str = ""
    fetched_at: str = ""
    currency: str | None = None
    sha256: str = ""
    findings: tuple[Finding, ...] = ()
    problem: str | None = None


class PriceStore:
    """The price histories kept under one folder.

    Args:
        root: the data folder; made when the first history is saved.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, symbol: str, source: str) -> Path:
        """Return where the history of `symbol` from `source` is, or would be."""
        return self._folder(source) / f"{symbol_to_stem(normalise_symbol(symbol))}.parquet"

    def load(self, symbol: str, source: str) -> PriceHistory:
        """Return the stored history.

        Raises:
            StoreError: not fetched yet, damaged, or of another schema version.
        """
        path = self.path(symbol, source)
        try:
            with open_whole(path) as file:
                table = pq.read_table(file, use_threads=False)
        except FileNotFoundError:
            raise self._absent(normalise_symbol(symbol), source) from None
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, f"cannot be read: {_first_line(error)}") from error
        about = _metadata(path, table.schema)
        try:
            days = table.column("date").to_numpy().astype(INDEX_DTYPE)
            numbers = np.column_stack([table.column(name).to_numpy() for name in COLUMNS])
            bars = pd.DataFrame(
                numbers.astype("float64", copy=False),
                index=pd.DatetimeIndex(days, name="date"),
                columns=list(COLUMNS),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, "does not hold daily bars") from error
        history = _from_metadata(path, about, bars)
        if history.sha256 != about["sha256"]:
            raise _damaged(path, "holds other bars than its content hash says")
        return history

    def save(self, history: PriceHistory) -> Path:
        """Write `history` in place of what is stored, whole or not at all, and return the path.

        Raises:
            StoreError: the folder cannot be written, the disk is full, or another process keeps the
                lock. What was stored is untouched.
        """
        path = self.path(history.symbol, history.source)
        content = _to_parquet(history)
        with self.lock(history.symbol, history.source), _explained(path):
            remove_left_overs(path)
            replace_file(path, content)
        return path

    @contextlib.contextmanager
    def lock(self, symbol: str, source: str, timeout: float = LOCK_SECONDS) -> Iterator[None]:
        """Keep other processes from updating one history; entering it again inside is allowed.

        Raises:
            StoreError: another process holds it for more than `timeout` seconds.
        """
        path = self.path(symbol, source)
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(path.parent / f".{path.stem}.lock", is_singleton=True)
            try:
                lock.acquire(timeout=timeout)
            except filelock.Timeout:
                raise StoreError(
                    f"another process has been updating `{path.name}` for {timeout:.0f} s",
                    hint="wait for it, or end it, and try again",
                ) from None
        try:
            yield
        finally:
            lock.release()

    def sources(self, symbol: str) -> list[str]:
        """Return the sources that `symbol` is stored from, in alphabetical order."""
        name = f"{symbol_to_stem(normalise_symbol(symbol))}.parquet"
        return sorted(path.parent.name for path in (self.root / "prices").glob(f"*/{name}"))

    def entries(self) -> list[StoreEntry]:
        """Return what is stored, by source and symbol; a damaged file comes with its problem."""
        found = []
        for path in sorted((self.root / "prices").glob("*/*.parquet")):
            symbol, source = stem_to_symbol(path.stem), path.parent.name
            try:
                with open_whole(path) as file:
                    about = _metadata(path, pq.read_schema(file))
            except StoreError as error:
                found.append(StoreEntry(symbol, source, path, problem=error.message))
                continue
            except (pa.ArrowException, OSError) as error:
                found.append(StoreEntry(symbol, source, path, problem=_first_line(error)))
                continue
            found.append(
                StoreEntry(
                    symbol=symbol,
                    source=source,
                    path=path,
                    rows=about["rows"],
                    first=about["first"],
                    last=about["last"],
                    fetched_at=about["fetched_at"],
                    currency=about["currency"],
                    sha256=about["sha256"],
                    findings=tuple(map(Finding.from_json, about["findings"])),
                )
            )
        return found

    def remove(self, symbol: str, source: str) -> Path:
        """Delete one history and return the path that it had.

        Raises:
            StoreError: there is none, or it cannot be deleted.
        """
        path = self.path(symbol, source)
        if not path.exists():
            raise self._absent(normalise_symbol(symbol), source)
        with self.lock(symbol, source), _explained(path):
            path.unlink(missing_ok=True)
        return path

    def _folder(self, source: str) -> Path:
        if not source.isidentifier() or not source.isascii():
            raise StoreError(
                f"`source` is {source!a}, which cannot be a source", hint="such as yahoo or csv"
            )
        return self.root / "prices" / source

    def _absent(self, symbol: str, source: str) -> StoreError:
        others = self.sources(symbol)
        if others:
            return StoreError(
                f"{symbol} is stored from {', '.join(others)}, not from {source}",
                hint=f"set `data.source` to {others[0]}, or {fetch_command(source, symbol)}",
            )
        return StoreError(
            f"{symbol} from {source} has not been fetched yet",
            hint=fetch_command(source, symbol),
        )


def fetch_command(source: str, *symbols: str) -> str:
    """What to type for the newest prices of some symbols, in backticks."""
    options = {"yahoo": "", "csv": " --source csv --path FILE"}.get(source, f" --source {source}")
    return f"`lstmcast fetch {' '.join(symbols)}{options}`"


def _to_parquet(history: PriceHistory) -> bytes:
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
    table = pa.Table.from_pandas(history.bars.reset_index(), preserve_index=False)
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), METADATA_KEY: json.dumps(about).encode()}
    )
    buffer = io.BytesIO()
    # the numbers of a column hardly repeat, so dictionaries make the file larger and slower
    pq.write_table(table, buffer, compression="zstd", use_dictionary=False)
    return buffer.getvalue()


def _metadata(path: Path, schema: pa.Schema) -> dict[str, Any]:
    stored = (schema.metadata or {}).get(METADATA_KEY)
    if stored is None:
        raise _damaged(path, "was not written by lstmcast")
    try:
        about: dict[str, Any] = json.loads(stored)
        version = int(about["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, "has unreadable metadata") from error
    if version != SCHEMA_VERSION:
        newer = version > SCHEMA_VERSION
        raise StoreError(
            f"`{path}` has schema version {version}; this lstmcast reads {SCHEMA_VERSION}",
            hint="upgrade lstmcast" if newer else "delete the file and fetch the symbol again",
        )
    return about


def _from_metadata(path: Path, about: dict[str, Any], bars: pd.DataFrame) -> PriceHistory:
    try:
        return PriceHistory(
            symbol=about["symbol"],
            source=about["source"],
            bars=bars,
            missing=tuple(about["missing"]),
            currency=about["currency"],
            exchange=about["exchange"],
            timezone=about["timezone"],
            fetched_at=about["fetched_at"],
            details=about["details"],
            findings=tuple(map(Finding.from_json, about["findings"])),
            kind=about["kind"],
        )
    except (KeyError, TypeError) as error:
        raise _damaged(path, "has incomplete metadata") from error


def _damaged(path: Path, how: str) -> StoreError:
    return StoreError(f"`{path}` {how}", hint="delete the file and fetch the symbol again")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the file system says into an error that names the folder."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"`{path.parent}` cannot be written: {error.strerror or _first_line(error)}",
            hint="free space there, or choose another folder with `--data-dir`",
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
