"""Bars of many histories on disk: a training reads them at its beginning, and then holds them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from lstmcast.prices.history import PriceHistory
from lstmcast.shelf import LARGE, array_on_disk


def on_disk(histories: Iterable[PriceHistory]) -> list[PriceHistory]:
    """The same histories; those of a large number have their bars on disk."""
    found: list[PriceHistory] = []
    waiting: list[PriceHistory] = []
    for history in histories:
        waiting.append(history)
        if sum(one.bars.size for one in waiting) * 8 >= LARGE:
            found += _moved(waiting)
            waiting = []
    return found + waiting


def _moved(histories: Sequence[PriceHistory]) -> list[PriceHistory]:
    """The histories with their bars in one array on disk."""
    values = array_on_disk((sum(history.bars.size for history in histories),), np.float64)
    found, begin = [], 0
    for history in histories:
        bars, end = history.bars, begin + history.bars.size
        own = values[begin:end].reshape(bars.shape[::-1])
        own[:] = bars.to_numpy().T
        table = pd.DataFrame(own.T, bars.index, bars.columns, copy=False)
        found.append(replace(history, bars=table))
        begin = end
    return found
