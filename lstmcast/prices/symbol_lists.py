"""The symbols in a text: words apart by spaces and commas, or a column of a table."""

import codecs
import csv

HEADINGS = frozenset(
    ("symbol", "symbols", "ticker", "tickers", "ticker symbol", "stock symbol", "symbol ticker")
)
"""What the column of symbols is called in lists of an index or of a broker, in small letters."""


def decoded(content: bytes) -> str:
    """Return a text in UTF-8, or in UTF-16 with its mark, as PowerShell writes it.

    Raises:
        UnicodeDecodeError: it is in neither.
    """
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig")


def symbols_in(text: str) -> list[str]:
    """Return the symbols in a text, in order; `#` begins a comment."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    try:
        return _in_table(lines) or _words(lines)
    except csv.Error:  # a cell without end is none
        return _words(lines)


def _words(lines: list[str]) -> list[str]:
    return [word for line in lines for word in line.replace(",", " ").split()]


def _in_table(lines: list[str]) -> list[str]:
    """Return the cells of the column of symbols, none where the first line does not name it."""
    first = lines[0] if lines else ""
    mark = next((mark for mark in ";\t" if mark in first), ",")
    rows = csv.reader(lines, delimiter=mark)
    names = [cell.strip().casefold() for cell in next(rows, [])]
    at = next((at for at, name in enumerate(names) if name in HEADINGS), None)
    if at is None:
        return []
    return [row[at].strip() for row in rows if len(row) > at and row[at].strip()]
