"""Histories with another future, cut off or altered, for the checks that look for look-ahead."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.prices.history import PRICES, Context, PriceHistory


def cut_after(history: PriceHistory, row: int) -> PriceHistory:
    """The history, and its context, up to and including a row."""
    return history.between(None, pd.Timestamp(history.bars.index[row]))


def altered_after(history: PriceHistory, row: int, generator: np.random.Generator) -> PriceHistory:
    """The history with other bars after a row: prices walk away, ranges and volumes change."""
    return altered_at(history, np.arange(row + 1, len(history)), generator)


def altered_at(
    history: PriceHistory, rows: NDArray[np.intp], generator: np.random.Generator
) -> PriceHistory:
    """The history with other bars at some rows, still highs above lows."""
    bars = history.bars.copy()
    prices = [name for name in PRICES if name not in history.missing]
    walk = np.exp(np.cumsum(generator.normal(scale=0.05, size=len(rows))))
    values = bars[prices].to_numpy(copy=True)
    values[rows] *= walk[:, None]
    bars[prices] = values
    if {"high", "low"} <= set(prices):
        wider = np.ones(len(bars))
        wider[rows] = np.exp(generator.uniform(0.0, 0.05, size=len(rows)))
        bars["high"] *= wider
        bars["low"] /= wider
    if "volume" not in history.missing:
        factor = np.ones(len(bars))
        factor[rows] = generator.uniform(0.1, 10.0, size=len(rows))
        bars["volume"] *= factor
    return replace(history, bars=bars, context=_altered_context(history, rows, generator))


def _altered_context(
    history: PriceHistory, rows: NDArray[np.intp], generator: np.random.Generator
) -> Context | None:
    """The context with other values at some rows."""
    if history.context is None:
        return None
    values = history.context.values.copy()
    numbers = values.to_numpy(copy=True)
    numbers[rows] *= np.exp(generator.normal(scale=0.1, size=(len(rows), numbers.shape[1])))
    values.loc[:, :] = numbers
    return replace(history.context, values=values)


def shuffled_days(history: PriceHistory, generator: np.random.Generator) -> PriceHistory:
    """The same days in random order: every return with its own range and volume, no memory left.

    Each day keeps its open, high and low relative to its close, and its volume; the context stays
    where it is.
    """
    order = 1 + generator.permutation(len(history) - 1)
    old = history.bars
    ratio = old["adj_close"] / old["close"] if "adj_close" not in history.missing else 1.0
    close = (old["close"] * ratio).to_numpy(dtype=np.float64)
    moved = np.exp(np.cumsum(np.log(close[1:] / close[:-1])[order - 1]))
    path = close[0] * np.concatenate([[1.0], moved])
    rows = np.concatenate([[0], order])
    columns: dict[str, NDArray[np.float64]] = {}
    for name in old.columns:
        values = old[name].to_numpy(dtype=np.float64)
        if name in {"open", "high", "low"}:
            relative = values / old["close"].to_numpy(dtype=np.float64)
            # days without one would be scattered over all years, and leave no feature a beginning
            relative = np.where(np.isnan(relative), 1.0, relative)
            columns[name] = path * relative[rows]
        elif name in {"close", "adj_close"}:
            columns[name] = path
        elif name == "volume":
            columns[name] = values[rows]
        else:
            columns[name] = np.zeros(len(values))
    bars = pd.DataFrame(columns, index=old.index)
    bars[list(history.missing)] = np.nan
    return replace(history, bars=bars)
