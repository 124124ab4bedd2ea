"""Central prediction intervals at any level, as columns beside the quantiles.

A level is the nominal coverage in %: the range of level 80 lies between the quantiles at 10 % and
90 %. For each level there are three columns: `lower_80` and `upper_80`, in prices, and `width_80`,
the distance between the two in % of the last close.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast.errors import UsageError
from lstmcast.predictions import LEVELS, QUANTILES

if TYPE_CHECKING:
    from lstmcast.forecasting.ahead import SymbolForecast

LARGEST = 99.99
"""Beyond this level a range says more of the tail's formula than of any data."""

_DIGITS = 6


def parse_levels(words: Sequence[str]) -> tuple[float, ...]:
    """Levels in %, in increasing order, each once.

    Args:
        words: `80`, `80%` and `0.8` are the same level: below 1 it is a share.

    Raises:
        UsageError: one that is not a number, or not a level.
    """
    return tuple(sorted({_parsed(word) for word in words}))


def _parsed(word: str) -> float:
    hint = "write 80, 80% or 0.8 for the range that should contain 80 % of the outcomes"
    text = word.strip()
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        raise UsageError(f"`--level` is {word!r}, which is not a number", hint) from None
    if value == 1 and not text.endswith("%"):
        raise UsageError(f"`--level` is {word}, which may be 1 % or 100 %", hint)
    level = round(100 * value if 0 < value < 1 and not text.endswith("%") else value, _DIGITS)
    if not 0 < level <= LARGEST:
        message = f"`--level` is {word}; a level is above 0 and at most {LARGEST} %"
        raise UsageError(message, hint)
    return level


def label(level: float) -> str:
    """The level as it stands in the names of columns: `80`, `99.5`."""
    return f"{level:.{_DIGITS}f}".rstrip("0").rstrip(".")


def columns_of(level: float) -> tuple[str, str, str]:
    """The names of a level's columns: lower end, upper end, width."""
    name = label(level)
    return f"lower_{name}", f"upper_{name}", f"width_{name}"


def ranges(ahead: "SymbolForecast", levels: Sequence[float]) -> pd.DataFrame:
    """The columns of each level, a row per session of the forecast; null for a point forecast."""
    found: dict[str, np.ndarray] = {}
    for level in levels:
        ends = [round((1 - side * level / 100) / 2, _DIGITS + 4) for side in (1, -1)]
        low, high = _prices(ahead, ends)
        width = 100 * (high - low) / ahead.close
        found |= dict(zip(columns_of(level), (low, high, width), strict=True))
    return pd.DataFrame(found, index=ahead.table.index)


def _prices(ahead: "SymbolForecast", ends: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The prices at two probabilities; those that the forecast states anyway as it states them."""
    if all(end in LEVELS for end in ends):
        low, high = (
            ahead.table[QUANTILES[LEVELS.index(end)]].to_numpy(dtype=np.float64) for end in ends
        )
        return low, high
    quantiles = ahead.distribution.quantiles(ends)[0, : len(ahead.table)]
    prices = ahead.close * np.exp(quantiles)
    return prices[:, 0], prices[:, 1]
