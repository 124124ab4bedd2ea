"""Prices from files of your own: what an exporter wrote, or a refusal that says what reads it."""

from datetime import date
from pathlib import Path
from typing import ClassVar

from lstmcast.errors import DataError, SymbolNotFoundError, UsageError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.sources.files import binary
from lstmcast.prices.sources.files.delimited import read_text
from lstmcast.prices.sources.files.json_tables import is_json, read_json
from lstmcast.prices.sources.files.markup import is_markup, table_in_page
from lstmcast.prices.sources.files.memory import options_for
from lstmcast.prices.sources.files.options import ReadOptions
from lstmcast.prices.sources.files.reading import read, symbols_in
from lstmcast.prices.sources.files.table import Table
from lstmcast.prices.sources.files.text import decode, is_workbook, unpack
from lstmcast.prices.symbols import normalise_symbol, symbol_to_stem
from lstmcast.reading import read_file

TEXTS = (".csv", ".txt", ".tsv")
PACKED = (".gz", ".zip")
ENDINGS = (
    *TEXTS,
    *(f"{text}{packed}" for text in TEXTS for packed in PACKED),
    *PACKED,
    ".json",
    ".jsonl",
    ".html",
    ".htm",
    ".parquet",
    ".pq",
    ".feather",
    ".arrow",
    ".xlsx",
    ".xls",
    ".xlsb",
    ".ods",
)
"""How the file of a symbol in a folder may end; what it holds is told by its bytes."""
FILE_BYTES = 2 * 2**30
"""Most of a file; it is held in memory more than once."""
USUAL = (".csv", ".csv.gz", ".parquet")


class FileSource:
    """Bars from one file, or from the file in a folder that is named like the symbol."""

    name: ClassVar[str] = "csv"
    incremental: ClassVar[bool] = False

    def __init__(self, options: SourceOptions) -> None:
        if options.path is None and not options.remembered:
            raise UsageError(
                "`--path` is missing, and `--source csv` needs it",
                hint="give a file, or a folder with files such as AAPL.csv",
            )
        self.path = options.path
        self.accept_suspect = options.accept_suspect
        self.reading = options.reading or ReadOptions()
        self.remembered = options.remembered
        self._table: tuple[Path, ReadOptions, Table] | None = None

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the bars in the file, from `start` to `end`, both included."""
        symbol = normalise_symbol(symbol)
        path = self._file_of(symbol)
        options = options_for(symbol, path, self.reading, self.remembered)
        reading = read(self.table(path, options), symbol, options)
        frame = reading.frame
        if options.adjusted:
            frame = frame.drop(columns="adj_close", errors="ignore")
        details = {"file": str(path.resolve()), "read": reading.said}
        if given := options.written():
            details["options"] = given
        return PriceHistory.from_frame(
            frame,
            symbol=symbol,
            source=self.name,
            details=details,
            findings=reading.findings,
            accept_suspect=self.accept_suspect,
            start=start,
            end=end,
            raw=options.adjusted is not True,
        )

    def _file_of(self, symbol: str) -> Path:
        if self.path is not None:
            return find_file(self.path, symbol)
        if symbol not in self.remembered:
            raise UsageError(
                f"`--path` is missing, and {symbol} was not read from a file before",
                hint="give a file, or a folder with files such as AAPL.csv",
            )
        return find_file(self.remembered[symbol].path, symbol)

    def symbols(self) -> list[str]:
        """Return the names of the symbols in the file, as it writes them.

        Raises:
            UsageError: the path is no file.
        """
        if self.path is None or not self.path.is_file():
            raise UsageError(
                f"`--path` is {str(self.path)!r}, and `--all` reads one file",
                hint="give the file, or name the symbols",
            )
        return symbols_in(self.table(self.path, self.reading), self.reading)

    def table(self, path: Path, options: ReadOptions) -> Table:
        """Return the cells of a file, which is read once however many symbols are asked for."""
        if self._table is None or self._table[:2] != (path, options):
            self._table = (path, options, open_table(path, options))
        return self._table[2]


def open_table(path: Path, options: ReadOptions) -> Table:
    """Return the cells of a file of any kind, told by what it begins with.

    Raises:
        DataError: nothing that can be read as a table.
        UsageError: an option that does not go with it.
    """
    try:
        content = read_file(path, FILE_BYTES)
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {error.strerror or error}") from error
    content = unpack(path, content)
    if content.startswith(binary.PARQUET):
        return binary.read_parquet(path, content)
    if content.startswith(binary.FEATHER):
        return binary.read_feather(path, content)
    wanted = frozenset(options.columns.values())
    if is_workbook(content):
        return binary.read_workbook(path, content, options.sheet, wanted)
    if options.sheet is not None:
        raise UsageError(f"`--sheet` is {options.sheet!r}, and `{path}` is not a workbook")
    if path.suffix.lower() in (".parquet", ".pq"):
        raise DataError(f"`{path}` is not a Parquet file", hint="name it `.csv` if it is text")
    text, note = decode(path, content, options.encoding)
    del content
    notes = (note,) if note else ()
    if is_json(text):
        return read_json(path, text, notes)
    if is_markup(text) and (table := table_in_page(text)) is not None:
        text, notes = table, (*notes, "the largest table of a page")
    return read_text(path, text, notes, wanted)


def find_file(path: Path, symbol: str) -> Path:
    """Return `path` if it is a file, or the file for `symbol` in it if it is a folder.

    Raises:
        UsageError: there is nothing at `path`.
        SymbolNotFoundError: the folder has no file for the symbol.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        if path.exists():
            raise UsageError(
                f"`--path` is {str(path)!r}, which is neither a file nor a folder",
                hint="write what it gives to a file first: the next fetch reads that again",
            )
        raise UsageError(f"`--path` is {str(path)!r}, where there is no file or folder")
    wanted = {
        f"{stem}{end}".lower()
        for stem in (symbol, symbol_to_stem(symbol), f"{symbol}.US")  # as Stooq names its files
        for end in ENDINGS
    }
    matches = sorted(file for file in path.iterdir() if file.name.lower() in wanted)
    if not matches:
        raise SymbolNotFoundError(
            f"`{path}` has no file for {symbol}",
            hint="it would be " + " or ".join(f"{symbol}{end}" for end in USUAL),
        )
    if len(matches) > 1:
        raise DataError(
            f"`{path}` has {len(matches)} files for {symbol}: "
            + ", ".join(file.name for file in matches),
            hint="name one of them with `--path`",
        )
    return matches[0]
