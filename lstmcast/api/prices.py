"""Prices for a program: from the store, from a source, or its own."""

import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import overload

import pandas as pd

from lstmcast.config import Data
from lstmcast.errors import UsageError
from lstmcast.folders import data_folder
from lstmcast.prices.batch import failure, fetch_each, read_symbols
from lstmcast.prices.checks import examine, refuse
from lstmcast.prices.frames import histories_of
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.selection import AUTO, select_histories
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import one_source
from lstmcast.prices.update import Rules

Day = str | date
PathLike = str | os.PathLike[str]
Frames = pd.DataFrame | pd.Series | Mapping[str, pd.DataFrame]


@overload
def load_prices(  # type: ignore[overload-overlap]  # a str is a sequence of them, too
    prices: str,
    *,
    source: str = ...,
    start: Day | None = ...,
    end: Day | None = ...,
    data_dir: PathLike | None = ...,
) -> PriceHistory: ...
@overload
def load_prices(
    prices: pd.DataFrame | pd.Series,
    *,
    symbol: str,
    start: Day | None = ...,
    end: Day | None = ...,
    currency: str | None = ...,
    exchange: str | None = ...,
    timezone: str | None = ...,
    accept_suspect: bool = ...,
) -> PriceHistory: ...
@overload
def load_prices(
    prices: Sequence[str] | Frames,
    *,
    source: str = ...,
    start: Day | None = ...,
    end: Day | None = ...,
    currency: str | None = ...,
    exchange: str | None = ...,
    timezone: str | None = ...,
    accept_suspect: bool = ...,
    data_dir: PathLike | None = ...,
) -> list[PriceHistory]: ...
def load_prices(
    prices: str | Sequence[str] | Frames,
    *,
    symbol: str | None = None,
    source: str = AUTO,
    start: Day | None = None,
    end: Day | None = None,
    currency: str | None = None,
    exchange: str | None = None,
    timezone: str | None = None,
    accept_suspect: bool = False,
    data_dir: PathLike | None = None,
) -> PriceHistory | list[PriceHistory]:
    """Daily prices as checked histories: stored ones by symbol, or a program's own.

    Args:
        prices: a stored symbol, such as `"AAPL"` or `"yahoo:AAPL"`, or several; or own prices: a
            DataFrame by date with a column `close` and, if there are any, `open`, `high`, `low`,
            `adj_close`, `volume`, `dividends`, `splits`, in the common spellings (what
            `yfinance.download` returns will do); one of several symbols, with a column `symbol` or
            two levels of columns; a Series of closes; or frames by symbol.
        symbol: whose own prices they are, where they do not say.
        source: where stored prices were fetched from; `auto` takes what is stored, of several
            sources the one that was fetched last.
        start: first session (inclusive); by default the first there is.
        end: last session (inclusive); by default the newest.
        currency: ISO code of own prices.
        exchange: of own prices: ISO code (MIC) of the exchange, by whose calendar the sessions to
            come are dated; without it they follow the week that the prices show.
        timezone: of own prices: IANA name of the exchange's time zone.
        accept_suspect: take own prices that look wrong; impossible rows are left out.
        data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.

    Returns:
        One history for one symbol, a list for everything that may hold several. A history's `bars`
        is a DataFrame, and `adjusted()` has its prices on one scale over splits and dividends.

    Raises:
        UsageError: if a symbol cannot be one, or it is not told whose own prices are.
        StoreError: if a symbol is not stored; `fetch` stores it.
        DataError: if own prices are malformed or suspect.
        NoDataInRangeError: if there is none between `start` and `end`.

    Example:
        >>> import pandas as pd
        >>> days = pd.bdate_range("2024-01-01", periods=3)
        >>> frame = pd.DataFrame({"Close": [50.0, 51.0, 50.5]}, index=days)
        >>> history = lstmcast.load_prices(frame, symbol="XYZ")
        >>> history.symbol, len(history), f"{history.last:%Y-%m-%d}"
        ('XYZ', 3, '2024-01-03')
    """
    if isinstance(prices, str):
        return _stored([prices], source, start, end, data_dir)[0]
    if isinstance(prices, (pd.DataFrame, pd.Series, Mapping)):
        about = {"currency": currency, "exchange": exchange, "timezone": timezone}
        histories = [
            _checked(history.between(start, end), accept_suspect=accept_suspect)
            for history in histories_of(prices, symbol, accept_suspect=accept_suspect, **about)
        ]
        return histories[0] if symbol is not None else histories
    return _stored(prices, source, start, end, data_dir)


def _stored(
    symbols: Sequence[str],
    source: str,
    start: Day | None,
    end: Day | None,
    data_dir: PathLike | None,
) -> list[PriceHistory]:
    named, wanted = one_source(symbols)
    if named != AUTO and source not in (AUTO, named):
        raise UsageError(
            f"`source` is {source}, and {symbols[0]} names {named}", "give one of them"
        )
    data = Data(symbols=tuple(wanted), source=named if source == AUTO else source)
    histories = select_histories(PriceStore(data_folder(data_dir)), data)
    return [history.between(start, end) for history in histories]


def _checked(history: PriceHistory, *, accept_suspect: bool) -> PriceHistory:
    """Ask of own prices what is asked of fetched ones; gaps are their owner's affair."""
    refuse(history.symbol, examine(history), allow_gaps=True, accept_suspect=accept_suspect)
    return history


@overload
def fetch(  # type: ignore[overload-overlap]  # a str is a sequence of them, too
    symbols: str,
    *,
    source: str = ...,
    path: PathLike | None = ...,
    start: Day | None = ...,
    end: Day | None = ...,
    full: bool = ...,
    allow_gaps: bool = ...,
    accept_suspect: bool = ...,
    timeout: float = ...,
    proxy: str | None = ...,
    data_dir: PathLike | None = ...,
) -> PriceHistory: ...
@overload
def fetch(
    symbols: Sequence[str],
    *,
    source: str = ...,
    path: PathLike | None = ...,
    start: Day | None = ...,
    end: Day | None = ...,
    full: bool = ...,
    allow_gaps: bool = ...,
    accept_suspect: bool = ...,
    timeout: float = ...,
    proxy: str | None = ...,
    data_dir: PathLike | None = ...,
) -> list[PriceHistory]: ...
def fetch(
    symbols: str | Sequence[str],
    *,
    source: str = "yahoo",
    path: PathLike | None = None,
    start: Day | None = None,
    end: Day | None = None,
    full: bool = False,
    allow_gaps: bool = False,
    accept_suspect: bool = False,
    timeout: float = 60.0,
    proxy: str | None = None,
    data_dir: PathLike | None = None,
) -> PriceHistory | list[PriceHistory]:
    """Fetch daily prices into the store, as `lstmcast fetch` does, and return what is stored.

    Later calls ask only for what is new. A symbol that fails does not stop the others.

    Args:
        symbols: such as `"AAPL"`, or several; `"fred:DGS10"` names a source of its own.
        source: `yahoo`, `csv`, `sample`, `tushare`, `akshare`, `fred`, or one of another package.
        path: with `source="csv"`, a file or a folder of files.
        start: first day (inclusive); by default all history.
        end: last day (inclusive); by default the newest.
        full: fetch everything again.
        allow_gaps: store a history with many sessions missing.
        accept_suspect: store suspect prices; drop impossible rows.
        timeout: seconds that one symbol may take.
        proxy: URL of a proxy.
        data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.

    Raises:
        SourceError, NoSuchDataError: if the source cannot be reached, or has no such symbol.
        DataError: if what came cannot be prices.
        StoreError: if the store cannot be written.
        PartialFailureError: if some of several symbols failed; the others are stored.

    Example:
        >>> lstmcast.fetch("AAPL", source="sample").source
        'sample'
    """
    wanted = read_symbols([symbols] if isinstance(symbols, str) else symbols, None, source)
    options = SourceOptions(
        path=None if path is None else Path(path),
        timeout=timeout,
        proxy=proxy,
        accept_suspect=accept_suspect,
    )
    rules = Rules(_day("start", start), _day("end", end), full, allow_gaps, accept_suspect)
    store = PriceStore(data_folder(data_dir))
    sources = {name: get_source(name, options) for name in {item.source for item in wanted}}
    outcomes = list(fetch_each(store, sources, wanted, rules))
    if (error := failure(outcomes)) is not None:
        raise error
    histories = [outcome.update.history for outcome in outcomes if outcome.update is not None]
    return histories[0] if isinstance(symbols, str) else histories


def save_prices(
    prices: PriceHistory | Sequence[PriceHistory], *, data_dir: PathLike | None = None
) -> None:
    """Keep own prices in the store, in place of what is there of the same symbol and source.

    Commands and reopened runs find them there, under the source `own`.

    Args:
        prices: histories, such as `load_prices` makes of a DataFrame.
        data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.

    Raises:
        StoreError: if the store cannot be written.
    """
    store = PriceStore(data_folder(data_dir))
    for history in [prices] if isinstance(prices, PriceHistory) else prices:
        store.save(history)


def _day(name: str, day: Day | None) -> date | None:
    try:
        return None if day is None else pd.Timestamp(day).date()
    except ValueError:
        raise UsageError(
            f"`{name}` is {day!r}, which is not a date", "dates are written 2026-06-30"
        ) from None
