"""The stored bars that entries are graded by, each file read once."""

from dataclasses import dataclass, field

from lstmcast.errors import StoreError
from lstmcast.prices.closing import market
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore


@dataclass
class StoredBars:
    """Histories by source and symbol; what cannot be read is None, and told in `problems`."""

    store: PriceStore
    problems: list[str] = field(default_factory=list)
    _known: dict[tuple[str, str], PriceHistory | None] = field(default_factory=dict)

    def __call__(self, source: str, symbol: str) -> PriceHistory | None:
        """The history, or None."""
        key = source, symbol
        if key not in self._known:
            try:
                self._known[key] = self.store.load(symbol, source)
            except StoreError as error:
                self.problems.append(error.message)
                self._known[key] = None
        return self._known[key]

    @property
    def markets(self) -> int:
        """How many markets the histories close with, of those that were asked for."""
        known = [history for history in self._known.values() if history is not None]
        return max(1, len({market(history) for history in known}))
