"""The local store: one Parquet file per source and symbol, readable by anything that reads Parquet.

    ROOT/prices/SOURCE/SYMBOL.parquet     bars; provenance and content hash in its metadata
    ROOT/prices/SOURCE/.SYMBOL.lock       held by whoever updates the file

A file is replaced whole: the new one is written beside it, flushed to the disk, then renamed over
it. A crash at any moment therefore leaves the old file or the new one, and readers, who open it
once, need no lock.

Each `load` compares what it uses with hashes that were stored with it: the bars as they lie in the
file, with the types of their columns, and the text of the metadata, which says whose file it is.
Files of earlier versions have a hash of the bars by their days alone. They are read where it fits
and the bars obey the rules, and get the other hashes when they are next written.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from errno import ENOENT, ENOTDIR
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from lstmcast.errors import DataError, NoDataInRangeError, StoreError
from lstmcast.files import replace_file
from lstmcast.left_overs import sweep
from lstmcast.prices.bars import normalise
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.source_names import BUILT_IN
from lstmcast.prices.stored import (
    About,
    DamagedError,
    NewerError,
    read_about,
    sealed,
    unsealed,
)
from lstmcast.prices.symbols import OWN, normalise_symbol, stem_to_symbol, symbol_to_stem
from lstmcast.reading import STORE_BYTES, read_file

MOST_SESSIONS = 200_000
"""Rows of a file; a century of daily bars has 26,000."""
MOST_LOADED = 64
"""Histories of which a store remembers what it loaded, each a few hundred kilobytes."""
LOCK_SECONDS = 120.0
_BROKEN = (pa.ArrowException, OSError, ValueError)
"""What Parquet's reader raises of damaged bytes."""


class UnreadableError(Exception):
    """A file that the system does not let be read; it may be whole."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True)
class StoreEntry:
    """What the store knows of one file without reading its bars.

    `problem` is None for a file whose metadata can be read, and says what is wrong otherwise;
    `state` says it in a word.
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
    state: Literal["readable", "damaged", "unreadable"] = "readable"


class PriceStore:
    """The price histories kept under one folder.

    Args:
        root: the data folder; made when the first history is saved.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._loaded: dict[Path, tuple[tuple[int, ...], PriceHistory]] = {}

    def path(self, symbol: str, source: str) -> Path:
        """Return where the history of `symbol` from `source` is, or would be."""
        return self._folder(source) / f"{symbol_to_stem(normalise_symbol(symbol))}.parquet"

    def load(self, symbol: str, source: str) -> PriceHistory:
        """Return the stored history; the same object as before while the file is the same.

        Raises:
            StoreError: not fetched yet, damaged, or of another schema version.
        """
        path = self.path(symbol, source)
        state = _state(path)
        if state is not None and (known := self._loaded.get(path)) and known[0] == state:
            return known[1]
        history = self._verified(path, symbol, source)
        if state is not None:
            while len(self._loaded) >= MOST_LOADED:
                del self._loaded[next(iter(self._loaded))]
            self._loaded[path] = state, history
        return history

    def _verified(self, path: Path, symbol: str, source: str) -> PriceHistory:
        """The history in a file, compared with its hashes and the rules."""
        about, table = self._read(path, normalise_symbol(symbol), source)
        try:
            stored = unsealed(about, table)
            bars, missing, _ = normalise(stored, f"{symbol} from {source}", about.kind)
        except DamagedError as error:
            raise _damaged(path, error) from error
        except (DataError, NoDataInRangeError) as error:
            raise _damaged(path, DamagedError(f"breaks a rule: {error}")) from error
        return about.history(bars, missing)

    def _read(self, path: Path, symbol: str, source: str) -> tuple[About, pa.Table]:
        """The checked metadata of a file and its columns."""
        try:
            file = _open(path)
            about = read_about(file.schema_arrow)
            about.belongs_to(symbol, source)
            return about, file.read(use_threads=False)
        except FileNotFoundError:
            raise self._absent(symbol, source) from None
        except DamagedError as error:
            raise _damaged(path, error) from error
        except UnreadableError as error:
            raise _unreadable(path, error.reason) from error
        except _BROKEN as error:
            cannot = DamagedError(f"cannot be read: {_first_line(error)}")
            raise _damaged(path, cannot) from error

    def save(self, history: PriceHistory) -> Path:
        """Write `history` in place of what is stored, whole or not at all, and return the path.

        Raises:
            StoreError: the folder cannot be written, the disk is full, or another process keeps the
                lock. What was stored is untouched.
        """
        path = self.path(history.symbol, history.source)
        content = _to_parquet(history)
        with self.lock(history.symbol, history.source), _explained(path):
            sweep(path.parent)
            replace_file(path, content)
        return path

    @contextlib.contextmanager
    def lock(self, symbol: str, source: str, timeout: float = LOCK_SECONDS) -> Iterator[None]:
        """Keep other processes from updating one history; entering it again inside is allowed.

        Raises:
            StoreError: another process holds it for more than `timeout` seconds.
        """
        import filelock  # takes longer to load than a file takes to read

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
        """Return the sources that `symbol` is stored from, in alphabetical order.

        Raises:
            StoreError: the store cannot be read.
        """
        name = f"{symbol_to_stem(normalise_symbol(symbol))}.parquet"
        return [folder.name for folder in self._folders() if _is_there(folder / name)]

    def entries(self) -> list[StoreEntry]:
        """Return what is stored, by source and symbol; a damaged file comes with its problem.

        Raises:
            StoreError: the store cannot be read.
        """
        for folder in self._folders():
            sweep(folder)
        return [
            self._entry(path, folder.name)
            for folder in self._folders()
            for path in _listed(folder)
            if path.suffix == ".parquet" and not path.name.startswith(".")
        ]

    def _folders(self) -> list[Path]:
        """The folders of the sources; none before the first history is saved."""
        folders = _listed(self.root / "prices")
        for path in folders:
            if path.name in BUILT_IN and not path.is_dir():
                raise _unreadable(path, NotADirectoryError(ENOTDIR, "it is not a folder"))
        return [path for path in folders if path.is_dir() and not path.name.startswith(".")]

    def _entry(self, path: Path, source: str) -> StoreEntry:
        symbol = stem_to_symbol(path.stem)
        try:
            about = read_about(_open(path).schema_arrow)
            about.belongs_to(symbol, source)
            if path.stem != symbol_to_stem(symbol):  # it would be listed, and never loaded
                named = f"{symbol_to_stem(symbol)}.parquet"
                raise DamagedError(f"holds {symbol}, whose file is {named}")  # noqa: TRY301 - as other damage
        except UnreadableError as error:
            problem = f"`{path}` cannot be read: {error.reason.strerror or error.reason}"
            return StoreEntry(symbol, source, path, problem=problem, state="unreadable")
        except DamagedError as error:
            return StoreEntry(symbol, source, path, problem=f"`{path}` {error}", state="damaged")
        except _BROKEN as error:
            problem = f"`{path}` cannot be read: {_first_line(error)}"
            return StoreEntry(symbol, source, path, problem=problem, state="damaged")
        return StoreEntry(
            symbol=symbol,
            source=source,
            path=path,
            rows=about.rows,
            first=str(about.first),
            last=str(about.last),
            fetched_at=about.fetched_at,
            currency=about.currency,
            sha256=about.sha256,
            findings=about.told,
        )

    def remove(self, symbol: str, source: str) -> Path:
        """Delete one history and return the path that it had.

        Raises:
            StoreError: there is none, or it cannot be deleted.
        """
        path = self.path(symbol, source)
        if not _is_there(path):
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
        if source == OWN:
            return StoreError(
                f"{symbol} was given by a program and is not stored",
                hint="give its prices again, as in `Run.open(..., prices=...)`, or keep them with "
                "`lstmcast.save_prices`",
            )
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
    buffer = io.BytesIO()
    # the numbers of a column hardly repeat, so dictionaries make the file larger and slower
    pq.write_table(sealed(history), buffer, compression="zstd", use_dictionary=False)
    return buffer.getvalue()


def _state(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is replaced or written; None where it cannot be asked."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def _open(path: Path) -> pq.ParquetFile:
    """A stored file, read whole: others may replace it at any moment.

    Raises:
        FileNotFoundError: there is none.
        UnreadableError: the system does not let it be read.
        DamagedError: no history has as many rows.
    """
    try:
        content = read_file(path, STORE_BYTES)
    except FileNotFoundError as error:
        _refuse_dangling(path, error)
        raise
    except OSError as error:
        raise UnreadableError(error) from error
    file = pq.ParquetFile(pa.BufferReader(content))
    if file.metadata.num_rows > MOST_SESSIONS:
        raise DamagedError(f"has more than {MOST_SESSIONS:,} rows")
    return file


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, in order; nothing where there is none."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError as error:
        for path in (folder, *folder.parents):
            try:
                _refuse_dangling(path, error)
            except UnreadableError as dangling:
                raise _unreadable(path, dangling.reason) from error
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _is_there(path: Path) -> bool:
    """Whether something has that name, be it a link to nothing.

    Raises:
        StoreError: the folder does not let that be seen.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unreadable(path, error) from error
    return True


def _refuse_dangling(path: Path, error: OSError) -> None:
    """A link to what is not there, such as a disk that is not mounted, is not nothing.

    Raises:
        UnreadableError: it is one.
    """
    if path.is_symlink() and not os.path.exists(path):  # noqa: PTH110 - never raises
        words = f"it is a link to {path.readlink()}, which is not there"
        raise UnreadableError(OSError(ENOENT, words)) from error


def _unreadable(path: Path, error: OSError) -> StoreError:
    """What may not be read is not damaged: nobody is told to delete it."""
    remedy = "get permission to read it, or " if isinstance(error, PermissionError) else ""
    return StoreError(
        f"`{path}` cannot be read: {error.strerror or error}",
        hint=f"{remedy}choose another folder with `--data-dir`",
    )


def _damaged(path: Path, how: DamagedError) -> StoreError:
    newer = isinstance(how, NewerError)
    hint = "upgrade lstmcast" if newer else "fetch the symbol again with `--full`"
    return StoreError(f"`{path}` {how}", hint=hint)


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
