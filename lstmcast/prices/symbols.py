"""Symbols: what may be one, and the file name that each one gets.

A symbol comes from the command line or a configuration and ends up in a path and in a URL, so it is
checked before either. The rule is wide enough for every ticker that Yahoo, Tushare or FRED uses
(`BRK-B`, `^GSPC`, `EURUSD=X`, `600036.SS`, `M&M.NS`), and too narrow for a path.

File names hold the symbol percent-encoded, with two additions for file systems that ignore case or
reserve names: symbols are upper case throughout, and the tickers that Windows keeps for devices
(`CON` and `PRN` have both been listed) have their first letter encoded.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

from lstmcast.errors import UsageError

MAX_LENGTH = 32

AUTO = "auto"
"""The source of symbols that are named without one: the store decides."""

OWN = "own"
"""The source of prices that a program gave."""

_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=&_-]*")
_DEVICES = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\.|$)")


def normalise_symbol(text: str) -> str:
    """Return `text` as the symbol that lstmcast uses: upper case, no surrounding space.

    Raises:
        UsageError: the text cannot be a symbol.
    """
    symbol = text.strip().upper()
    if not symbol:
        raise UsageError("`SYMBOL` is empty", hint="give a ticker such as AAPL")
    if len(symbol) > MAX_LENGTH:
        raise UsageError(
            f"`SYMBOL` has {len(symbol)} characters, starting {symbol[:12]!a}",
            hint=f"a symbol has at most {MAX_LENGTH}",
        )
    if not symbol.isascii() or _SYMBOL.fullmatch(symbol) is None:
        source, colon, rest = symbol.rpartition(":")
        if colon and source.isidentifier() and _SYMBOL.fullmatch(rest):
            raise UsageError(
                f"`SYMBOL` is {text!a}, which includes a source",
                hint=f"here the source is not a part of the symbol: give {rest}, and the source "
                f"{source.lower()} by `data.source` or `--source`",
            )
        raise UsageError(
            f"`SYMBOL` is {text!a}, which cannot be a ticker",
            hint="letters, digits and . - ^ = & _ only, such as BRK-B, ^GSPC or 600036.SS",
        )
    return symbol


class Reference(NamedTuple):
    """A symbol and the source that it belongs to."""

    source: str
    symbol: str

    @classmethod
    def parse(cls, text: str, default_source: str) -> "Reference":
        """Read `SYMBOL`, or `SOURCE:SYMBOL` as in `fred:DGS10`.

        Raises:
            UsageError: the symbol cannot be one.
        """
        source, colon, symbol = text.rpartition(":")
        return cls(source.strip().lower() if colon else default_source, normalise_symbol(symbol))


def one_source(words: Sequence[str]) -> tuple[str, list[str]]:
    """The one source that symbols name, `auto` where they name none, and the symbols themselves.

    Raises:
        UsageError: if one cannot be a symbol, one is named twice, or the sources differ.
    """
    references = [Reference.parse(word, AUTO) for word in words]
    symbols = [reference.symbol for reference in references]
    if len(set(symbols)) < len(symbols):
        raise UsageError(f"`SYMBOL` names {', '.join(words)}, one of them twice", "name each once")
    sources = {reference.source for reference in references}
    if len(sources) > 1:
        raise UsageError(
            f"`SYMBOL` names {', '.join(words)}, from different sources",
            "a run uses one source: put it before all of them, or before none",
        )
    return sources.pop() if sources else AUTO, symbols


def symbol_to_stem(symbol: str) -> str:
    """Return the file name, without an extension, that stands for a normalised symbol."""
    stem = quote(symbol, safe="")
    if _DEVICES.match(symbol):
        stem = f"%{ord(symbol[0]):02X}{stem[1:]}"
    return stem


def stem_to_symbol(stem: str) -> str:
    """Return the symbol that a file name made by `symbol_to_stem` stands for."""
    return unquote(stem)
