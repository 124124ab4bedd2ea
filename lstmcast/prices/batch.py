"""Fetching many symbols: one after the other, politely, and none in the way of the next."""

import random
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lstmcast.errors import LstmcastError, UsageError
from lstmcast.prices.sources.base import Source
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference
from lstmcast.prices.update import Rules, Update, update

PACE = 0.5
"""Seconds between two symbols of a source on the network; users are refused for less patience."""


@dataclass(frozen=True)
class Outcome:
    """What came of one symbol: an update, or the error that stopped it."""

    wanted: Reference
    update: Update | None = None
    error: LstmcastError | None = None


def fetch_each(
    store: PriceStore, sources: Mapping[str, Source], wanted: Iterable[Reference], rules: Rules
) -> Iterator[Outcome]:
    """Fetch the symbols in turn; a symbol that fails does not stop the others."""
    for number, reference in enumerate(wanted):
        source = sources[reference.source]
        if number and source.incremental:
            time.sleep(PACE * (1 + random.random() / 2))  # noqa: S311  # pacing, not secrets
        try:
            yield Outcome(reference, update=update(store, source, reference.symbol, rules))
        except LstmcastError as error:
            yield Outcome(reference, error=error)


def read_symbols(
    given: Iterable[str], file: Path | None = None, source: str = "yahoo"
) -> list[Reference]:
    """Return the symbols that were given and those in a file, each once, in order.

    A symbol may name its source (`fred:DGS10`); the others belong to `source`. The file holds
    symbols separated by white space or commas, and `#` begins a comment.

    Raises:
        UsageError: a symbol that cannot be one, a file that cannot be read, or none at all.
    """
    words = list(given)
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"`--symbols-file` {str(file)!r} cannot be read: {error}") from error
        for line in lines:
            words += line.partition("#")[0].replace(",", " ").split()
    wanted = list(dict.fromkeys(Reference.parse(word, source) for word in words))
    if not wanted:
        raise UsageError("`SYMBOL` is missing", hint="such as `lstmcast fetch AAPL MSFT`")
    return wanted
