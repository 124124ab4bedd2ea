"""Forecasts of the sessions to come as tables: by a run, or by the pretrained networks."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.api.run import LEVELS
from lstmcast.api.settings import Prices, own_histories, store_of, symbols_in
from lstmcast.config import Data
from lstmcast.errors import LstmcastError, UsageError
from lstmcast.forecasting.issue import issue_by_pretrained, issue_by_run
from lstmcast.forecasting.issued import Issued
from lstmcast.forecasting.levels import columns_of, parse_levels
from lstmcast.forecasting.request import ForecastRequest
from lstmcast.prices.selection import choose_source
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import AUTO, Reference
from lstmcast.run import Run

FIRST = ("symbol", "origin", "date", "horizon", "close_origin", "median", "mean_return")
LAST = ("chance_up", "assumed")


def forecast(
    prices: Prices,
    horizon: int = 10,
    levels: float | Sequence[float] = LEVELS,
    *,
    as_of: str | date | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Forecast at once, without training, by the pretrained networks that come with lstmcast.

    They were trained on simulated markets alone and read nothing but each symbol's own prices, of
    which 60 sessions are enough. `fit` learns what more a history can tell.

    Args:
        prices: a stored symbol such as `"AAPL"`, or several; histories; or own prices as
            `load_prices` takes them.
        horizon: sessions ahead, from 1 to 60.
        levels: nominal coverage of the prediction intervals, in %; one or several.
        as_of: forecast from the bars up to this day; by default the newest.
        data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.

    Returns:
        A table like that of `Run.predict`.

    Raises:
        UsageError: for a horizon or level that is out of its range.
        StoreError: if a symbol is not stored.
        DataError: if it has fewer than 60 sessions.

    Example:
        >>> table = lstmcast.forecast("AAPL", horizon=3, levels=[90])
        >>> table[["horizon", "lower_90", "upper_90"]].shape
        (3, 3)
        >>> bool((table["lower_90"] < table["median"]).all())
        True
    """
    histories = own_histories(prices)
    store = store_of(histories, data_dir)
    wanted = [Reference(history.source, history.symbol) for history in histories]
    if not histories:
        wanted = [_stored(word, store) for word in symbols_in(prices)]
    return table_of(issue_by_pretrained(wanted, store, _request(horizon, as_of)), levels)


def _stored(word: str, store: PriceStore) -> Reference:
    """A symbol with its source, by default the one that was fetched last."""
    asked = Reference.parse(word, AUTO)
    return Reference(
        choose_source(store, Data(symbols=(asked.symbol,), source=asked.source)), asked.symbol
    )


def by_run(
    run: Run,
    store: PriceStore,
    symbols: Sequence[str],
    horizon: int | None,
    levels: float | Sequence[float],
    as_of: str | date | None,
) -> pd.DataFrame:
    """What a run's networks forecast, as `Run.predict` returns it."""
    return table_of(issue_by_run(run, store, symbols, _request(horizon, as_of)), levels)


def table_of(issued: Issued, levels: float | Sequence[float]) -> pd.DataFrame:
    """Forecasts as one table, with what there is to say beside them in its `attrs`.

    Raises:
        LstmcastError: whatever a symbol failed by: a program does not get half of its answer.
        UsageError: for a level that is out of its range.
    """
    given: Any = levels  # a program may well give text
    several = np.iterable(given) and not isinstance(given, str)
    stated = parse_levels([str(level) for level in (given if several else [given])])
    if issued.failures:
        raise _error_of(issued)
    ends = [name for level in stated for name in columns_of(level)[:2]]
    table = issued.sessions(stated)[[*FIRST, *LAST, *ends]]
    table.attrs["warnings"] = [warning.message for warning in issued.warnings]
    table.attrs["trust"] = {
        one.symbol: one.trust.line for one in issued.forecasts if one.trust is not None
    }
    return table


def _error_of(issued: Issued) -> LstmcastError:
    """Why a symbol failed, or the first of several with how many there are."""
    first = issued.failures[0].error
    together = issued.failure()
    if together is None or len(issued.failures) == 1:
        return first
    return type(together)(f"{together.message}: {first.message}", first.hint)


def _request(horizon: int | None, as_of: str | date | None) -> ForecastRequest:
    if horizon is not None and not (isinstance(horizon, (int, np.integer)) and horizon >= 1):
        raise UsageError(f"`horizon` is {horizon!r}", "give the sessions ahead, at least 1")
    today = datetime.now(UTC).date()
    try:
        day = None if as_of is None else pd.Timestamp(as_of).date()
    except ValueError:
        raise UsageError(
            f"`as_of` is {as_of!r}, which is not a date", "dates are written 2026-06-30"
        ) from None
    if day is not None and day > today:
        raise UsageError(f"`as_of` {day} is in the future", "leave it out for the newest bars")
    return ForecastRequest(today, None if horizon is None else int(horizon), day)
