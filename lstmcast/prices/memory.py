"""Histories in memory before those of a store, so that what reads a store reads both."""

from collections.abc import Sequence
from pathlib import Path

from lstmcast.errors import UsageError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import normalise_symbol


class MemoryStore(PriceStore):
    """A store in which some symbols have the histories that it was given, and no others.

    Whatever else is asked for, such as series of context, comes from the folder.

    Args:
        histories: one for each symbol.
        root: the data folder of everything else.

    Raises:
        UsageError: if two histories are of one symbol.
    """

    def __init__(self, histories: Sequence[PriceHistory], root: Path) -> None:
        super().__init__(root)
        self._given = {history.symbol: history for history in histories}
        if len(self._given) < len(histories):
            names = [history.symbol for history in histories]
            raise UsageError(
                f"`prices` are of {', '.join(names)}, one of them twice", "give each symbol once"
            )

    def load(self, symbol: str, source: str) -> PriceHistory:
        """The given history of a symbol, whatever its source; the stored one of another."""
        given = self._given.get(normalise_symbol(symbol))
        return super().load(symbol, source) if given is None else given

    def sources(self, symbol: str) -> list[str]:
        """The source of the given history, else those that the symbol is stored from."""
        given = self._given.get(normalise_symbol(symbol))
        return super().sources(symbol) if given is None else [given.source]
