"""How a file was read the last time, so that the next fetch of it needs no options again."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lstmcast.errors import LstmcastError
from lstmcast.prices.sources.files.options import ReadOptions
from lstmcast.prices.store import PriceStore


@dataclass(frozen=True)
class Remembered:
    """The file that a stored history was read from, and the options that it took."""

    path: Path
    options: ReadOptions


def recall(store: PriceStore, symbols: Iterable[str], source: str = "csv") -> dict[str, Remembered]:
    """Return what the store remembers of the files of `symbols`; the others are left out."""
    found = {}
    for symbol in symbols:
        try:
            details = store.load(symbol, source).details
        except LstmcastError:  # absent; what is damaged is reported by the fetch itself
            continue
        if details.get("file"):
            options = parse_written(details.get("options", ""))
            found[symbol] = Remembered(Path(details["file"]), options)
    return found


def parse_written(text: str) -> ReadOptions:
    """Return the options that `ReadOptions.written` wrote; none where they cannot be read."""
    try:
        words = shlex.split(text)
        pairs = zip(words[::2], words[1::2], strict=True)
        given = {name.removeprefix("--").replace("-", "_"): value for name, value in pairs}
        return ReadOptions.parse(**given)
    except (ValueError, TypeError, LstmcastError):
        return ReadOptions()


def options_for(
    symbol: str, path: Path, given: ReadOptions, remembered: Mapping[str, Remembered]
) -> ReadOptions:
    """Return the options that were given, or else those that the same file took before."""
    before = remembered.get(symbol)
    if given != ReadOptions() or before is None or before.path != path.resolve():
        return given
    return before.options
