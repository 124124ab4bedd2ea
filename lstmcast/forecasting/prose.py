"""Lists of symbols and the command that fetches them, as every message on a forecast words them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstmcast.prices.history import PriceHistory

_MAX_NAMES = 5


def few(symbols: "Sequence[str]") -> str:
    """Symbols as prose, of many the first few."""
    if len(symbols) <= _MAX_NAMES:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:_MAX_NAMES])} and {len(symbols) - _MAX_NAMES} more"


def names(histories: "Sequence[PriceHistory]") -> str:
    """The symbols, of many the first few."""
    return few([history.symbol for history in histories])


def fetch_hint(histories: "Sequence[PriceHistory]") -> str:
    """The command for newer prices; nothing for the sample, which has none, and for many."""
    from lstmcast.prices.store import fetch_command

    sources = {history.source for history in histories}
    if sources == {"sample"} or len(sources) > 1 or len(histories) > _MAX_NAMES:
        return ""
    symbols = [history.symbol for history in histories]
    return f"; for newer prices {fetch_command(sources.pop(), *symbols)}"
