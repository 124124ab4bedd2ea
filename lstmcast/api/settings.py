"""From what a program gives (symbols, prices, a file, keyword arguments) to an experiment."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lstmcast.api.names import faulty_names
from lstmcast.api.prices import Frames, load_prices
from lstmcast.config import Experiment, experiment_with, load_experiment, name_for
from lstmcast.errors import UsageError
from lstmcast.folders import data_folder
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.memory import MemoryStore
from lstmcast.prices.selection import select_histories
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import one_source

Prices = str | Sequence[str] | PriceHistory | Sequence[PriceHistory] | Frames
"""Stored symbols, checked histories, or own prices as `load_prices` takes them."""

Config = str | os.PathLike[str] | Experiment | Mapping[str, Any]
"""A YAML file, an experiment, or what such a file holds."""


def own_histories(prices: Prices | None) -> list[PriceHistory]:
    """The histories that were given; none where symbols were, or nothing.

    Raises:
        UsageError: if symbols and histories are mixed.
        DataError: if a frame cannot be prices.
    """
    if prices is None or isinstance(prices, str):
        return []
    if not isinstance(prices, (PriceHistory, pd.DataFrame, pd.Series, Mapping, Sequence)):
        raise UsageError(
            f"`prices` is a {type(prices).__name__}",
            "give symbols, histories, a DataFrame, or DataFrames by symbol",
        )
    if isinstance(prices, PriceHistory):
        return [prices]
    if isinstance(prices, (pd.DataFrame, pd.Series, Mapping)):
        return load_prices(prices)
    histories = [part for part in prices if isinstance(part, PriceHistory)]
    if histories and len(histories) < len(prices):
        raise UsageError("`prices` mixes symbols and histories", "give one or the other")
    return histories


def store_of(prices: Sequence[PriceHistory], data_dir: str | os.PathLike[str] | None) -> PriceStore:
    """The store, with given histories before what it holds."""
    root = data_folder(data_dir)
    return MemoryStore(prices, root) if prices else PriceStore(root)


def experiment_for(
    prices: Prices | None, config: Config | None, settings: Mapping[str, Any]
) -> Experiment:
    """The experiment that a program describes.

    Args:
        prices: whose symbols are forecast; those of `config` if None.
        config: what the other keys are; the defaults if None.
        settings: keys as keyword arguments, before those of `config`.

    Raises:
        UsageError: if there are neither prices nor a configuration.
        ConfigError: listing every fault.
    """
    base: dict[str, Any] = {}
    if config is not None:
        base = _values(config)
    if prices is not None:
        source, symbols = _who(prices)
        data = {**base.get("data", {}), "symbols": symbols, "source": source}
        base = {"name": name_for(symbols), **base, "data": data}
    if not base:
        raise UsageError(
            "neither `prices` nor `config` was given", "name a stored symbol, as in `fit('AAPL')`"
        )
    return experiment_with(base, settings, check=faulty_names)


def _values(config: Config) -> dict[str, Any]:
    if isinstance(config, Mapping):
        return dict(config)
    given = config if isinstance(config, Experiment) else load_experiment(Path(config))
    return given.model_dump(mode="json", exclude_none=True)


def _who(prices: Prices) -> tuple[str, list[str]]:
    """The source and the symbols of what was given."""
    histories = own_histories(prices)
    if histories:
        sources = {history.source for history in histories}
        if len(sources) > 1:
            raise UsageError(
                f"`prices` are from {', '.join(sorted(sources))}, and a run's are of one source",
                "load them all from one",
            )
        return sources.pop(), [history.symbol for history in histories]
    return one_source(symbols_in(prices))


def symbols_in(prices: Prices) -> list[str]:
    """The symbols that were named.

    Raises:
        UsageError: if there is none, or something else.
    """
    words = [prices] if isinstance(prices, str) else list(prices)  # type: ignore[arg-type]  # checked next
    if not words:
        raise UsageError("`prices` is empty", "name a stored symbol, as in `'AAPL'`")
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise UsageError(
            f"`prices` holds a {type(wrong[0]).__name__}",
            "give symbols, histories, a DataFrame, or DataFrames by symbol",
        )
    return words


def histories_for(
    experiment: Experiment,
    prices: Prices | None,
    data_dir: str | os.PathLike[str] | None,
) -> list[PriceHistory]:
    """The prices of an experiment, given or stored, cut to its dates and with their context."""
    return select_histories(store_of(own_histories(prices), data_dir), experiment.data)
