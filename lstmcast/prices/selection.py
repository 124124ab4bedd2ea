"""Which stored histories an experiment uses."""

from datetime import datetime

from lstmcast.config import Data
from lstmcast.errors import ConfigError, StoreError
from lstmcast.prices.context import attach_context
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.on_disk import on_disk
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import AUTO, normalise_symbol

__all__ = ["AUTO", "choose_source", "select_histories"]


def choose_source(store: PriceStore, data: Data) -> str:
    """The source that has every symbol; of several, the one fetched last.

    Symbols of different sources are never mixed: they may differ in adjustment and currency.

    Raises:
        StoreError: if no source has them all; the hint is the command that fetches them.
    """
    if data.source != AUTO:
        return data.source
    holders = [set(store.sources(symbol)) for symbol in data.symbols]
    common = set.intersection(*holders)
    if not common:
        absent = [s for s, sources in zip(data.symbols, holders, strict=True) if not sources]
        if absent:
            raise StoreError(
                f"`data.symbols` {', '.join(absent)} {'are' if len(absent) > 1 else 'is'} not in "
                f"the store {store.root}",
                f"run `lstmcast fetch {' '.join(absent)}`",
            )
        raise StoreError(
            f"`data.symbols` {', '.join(data.symbols)} come from different sources",
            "fetch them all from one, or name it with `data.source`",
        )
    if len(common) == 1:
        return common.pop()
    fetched = {
        source: min(
            datetime.fromisoformat(store.load(symbol, source).fetched_at) for symbol in data.symbols
        )
        for source in sorted(common)
    }
    return max(fetched, key=lambda source: fetched[source])


def select_histories(store: PriceStore, data: Data) -> list[PriceHistory]:
    """Load the symbols of an experiment, cut to `data.start` and `data.end`, with their context.

    Raises:
        ConfigError: if an entry of `data.context` cannot be read.
        StoreError: if a symbol or context series is not stored, or its file is damaged.
        DataError: if a context series ends too early.
        NoDataInRangeError: if a symbol has no bars between the dates.
        ConfigError: if two of the symbols are one in different spelling.
    """
    symbols = [normalise_symbol(symbol) for symbol in data.symbols]
    if len(set(symbols)) < len(symbols):
        raise ConfigError(
            f"`data.symbols` {', '.join(data.symbols)} names a symbol twice",
            "upper and lower case are the same",
        )
    source = choose_source(store, data)
    histories = on_disk(
        store.load(symbol, source).between(data.start, data.end) for symbol in symbols
    )
    return attach_context(store, histories, data.context)
