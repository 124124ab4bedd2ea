"""Prices from files of your own: CSV or Parquet, one symbol a file.

A CSV file has a header line; `date` and `close` are needed, `open`, `high`, `low`, `adj_close`,
`volume`, `dividends` and `splits` are read where they are, in any order and any case (`Adj Close`
and `Stock Splits` too, as yfinance writes them). Dates are ISO 8601. Files may be gzipped.
"""

import gzip
import io
import re
import warnings
import zlib
from datetime import date
from pathlib import Path
from typing import ClassVar

import pandas as pd

from lstmcast.errors import DataError, SymbolNotFoundError, UsageError
from lstmcast.prices.bars import COLUMNS
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.symbols import normalise_symbol, symbol_to_stem

ENDINGS = (".csv", ".csv.gz", ".parquet")
ALIASES = {
    "adjclose": "adj_close",
    "adjusted_close": "adj_close",
    "dividend": "dividends",
    "stock_splits": "splits",
    "split": "splits",
    "datetime": "date",
    "timestamp": "date",
}
_DATE = r"^(\d{4})[-/]?(\d{2})[-/]?(\d{2})(?:[ T].*)?$"


class FileSource:
    """Bars from one CSV or Parquet file, or from the file in a folder that is named so."""

    name: ClassVar[str] = "csv"
    incremental: ClassVar[bool] = False

    def __init__(self, options: SourceOptions) -> None:
        if options.path is None:
            raise UsageError(
                "`--path` is missing, and `--source csv` reads files",
                hint="give a file, or a folder with files such as AAPL.csv",
            )
        self.path = options.path
        self.accept_suspect = options.accept_suspect

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the bars in the file, from `start` to `end`, both included."""
        symbol = normalise_symbol(symbol)
        path = find_file(self.path, symbol)
        frame = read_parquet(path) if path.suffix == ".parquet" else read_csv(path)
        return PriceHistory.from_frame(
            frame,
            symbol=symbol,
            source=self.name,
            details={"file": str(path.resolve())},
            accept_suspect=self.accept_suspect,
            start=start,
            end=end,
            raw=True,
        )


def find_file(path: Path, symbol: str) -> Path:
    """Return `path` if it is a file, or the file for `symbol` in it if it is a folder.

    Raises:
        UsageError: there is nothing at `path`.
        SymbolNotFoundError: the folder has no file for the symbol.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise UsageError(f"`--path` is {str(path)!r}, where there is no file or folder")
    wanted = {
        f"{stem}{end}".lower() for stem in (symbol, symbol_to_stem(symbol)) for end in ENDINGS
    }
    matches = sorted(file for file in path.iterdir() if file.name.lower() in wanted)
    if not matches:
        raise SymbolNotFoundError(
            f"`{path}` has no file for {symbol}",
            hint="it would be " + " or ".join(f"{symbol}{end}" for end in ENDINGS),
        )
    if len(matches) > 1:
        raise DataError(
            f"`{path}` has {len(matches)} files for {symbol}: "
            + ", ".join(file.name for file in matches),
            hint="name one of them with `--path`",
        )
    return matches[0]


def read_csv(path: Path) -> pd.DataFrame:
    """Return the rows of a CSV file by date, columns under lstmcast's names, numbers unchecked.

    Raises:
        DataError: empty, not a CSV file, without `date` and `close`, or with a date that is none.
    """
    text = _text(path)
    header = text.lstrip("\r\n").partition("\n")[0]
    if not header.strip():
        raise DataError(f"`{path}` is empty", hint="it needs a header with at least date and close")
    separator = max(",;\t|", key=header.count)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
            frame = pd.read_csv(
                io.StringIO(text), sep=separator, index_col=False, skipinitialspace=True
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError) as error:
        raise DataError(f"`{path}` is not a CSV file: {str(error).splitlines()[0]}") from error
    frame = _renamed(frame, path)
    if frame.empty:
        raise DataError(f"`{path}` has a header and no rows")
    frame.index = _dates(frame.pop("date"), path)
    return frame


def read_parquet(path: Path) -> pd.DataFrame:
    """Return the rows of a Parquet file by date, columns under lstmcast's names.

    The dates are a column `date`, or the index that pandas stored.

    Raises:
        DataError: not a Parquet file, or without `date` and `close`.
    """
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(f"`{path}` is not a Parquet file: {str(error).splitlines()[0]}") from error
    if isinstance(frame.index, pd.DatetimeIndex) and "date" not in map(str.lower, frame.columns):
        frame = frame.rename_axis(index="date").reset_index()
    frame = _renamed(frame, path)
    if frame.empty:
        raise DataError(f"`{path}` has no rows")
    dates = frame.pop("date")
    if pd.api.types.is_datetime64_any_dtype(dates):
        frame.index = pd.DatetimeIndex(dates)
    else:
        frame.index = _dates(dates, path)
    return frame


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":  # what gzip files begin with, whatever they are called
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"`{path}` is a damaged gzip file: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"`{path}` is not a text file in UTF-8") from error
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {error.strerror or error}") from error


def _renamed(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Give the columns that are known their names, and leave out the rest."""
    names: dict[str, str] = {}
    for column in map(str, frame.columns):
        plain = re.sub(r"[\s.]+", "_", column.strip().lower()).strip("_")
        name = ALIASES.get(plain, plain)
        if name not in ("date", *COLUMNS):
            continue
        if name in names.values():
            raise DataError(f"`{path}` has more than one column for `{name}`")
        names[column] = name
    for needed in ("date", "close"):
        if needed not in names.values():
            raise DataError(
                f"`{path}` has no column `{needed}` among"
                f" {', '.join(map(str, frame.columns))[:120]!r}",
                hint="date and close are needed; other columns are optional",
            )
    return frame[list(names)].rename(columns=names)


def _dates(column: pd.Series, path: Path) -> pd.DatetimeIndex:
    """Read ISO dates; of a date with a time and zone, the date as written is the exchange's own."""
    text = column.astype("str")
    dates = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")  # the common form, fast
    if dates.isna().any():
        parts = text.str.strip().str.extract(_DATE)
        dates = pd.to_datetime(parts[0] + parts[1] + parts[2], format="%Y%m%d", errors="coerce")
    if dates.isna().any():
        at = int(dates.isna().to_numpy().argmax())
        raise DataError(
            f"`{path}`, line {at + 2}: `date` is {str(column.iloc[at])[:40]!r}, not a date",
            hint="dates are written 2026-06-30",
        )
    return pd.DatetimeIndex(dates, name="date")
