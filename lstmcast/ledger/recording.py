"""Recording an issued forecast: its distribution, its provenance, and the baselines' forecasts."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lstmcast import __version__
from lstmcast.distributions import Distribution, FloatArray, to_document, with_nulls
from lstmcast.errors import LedgerError
from lstmcast.forecasting.issued import IssuedForecast
from lstmcast.forecasting.result_cache import identity_of, keep, key_of, recall
from lstmcast.ledger.entries import Entry, ForecastRecord, Statement
from lstmcast.ledger.ledger import Ledger
from lstmcast.ledger.schema import MODEL
from lstmcast.predictions import LEVELS
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore

FIRST_ZONE = timedelta(hours=14)
"""How long before UTC a day begins where it begins first."""

BASELINE_NAMES: dict[str, tuple[str, ...]] = {
    "random_walk": ("random_walk",),
    "ewma": ("ewma",),
    "har": ("har_range", "har_abs"),
}
"""The baselines that forecast from the same bars, each by the first of these that can."""


def record(
    path: Path,
    forecasts: Sequence[IssuedForecast],
    store: PriceStore,
    *,
    replayed: bool = False,
    issued_at: datetime | None = None,
) -> list[Entry]:
    """Append issued forecasts to a ledger, each with the baselines' forecasts from the same bars.

    A baseline that cannot forecast a symbol (a history too short) is left out of its entry.

    Args:
        path: of the ledger.
        forecasts: as issued.
        store: where their bars are; those after a forecast's origin are not looked at.
        replayed: whether the forecasts were made for an earlier date than today's.
        issued_at: the moment, now by default; with a time zone.

    Raises:
        LedgerError: if the file is locked, damaged, newer, or not a ledger, or the moment is before
            a forecast's newest bar.
        OutputError: if it cannot be written.
        StoreError: if the bars are gone.
    """
    now = (issued_at or datetime.now(UTC)).astimezone(UTC)
    for each in forecasts if not replayed else ():
        _check_clock(now, each)
    moment = now.isoformat(timespec="microseconds")
    return Ledger(path).append(
        [_recorded(each, store, moment, replayed=replayed) for each in forecasts]
    )


def _check_clock(now: datetime, forecast: IssuedForecast) -> None:
    """Refuse a moment before the newest bar: a late forecast would count as issued in time.

    Raises:
        LedgerError: the bar's day has not begun anywhere on Earth.
    """
    origin = forecast.ahead.origin
    if now >= origin.tz_localize(UTC) - FIRST_ZONE:
        return
    raise LedgerError(
        f"this machine's clock shows {now:%Y-%m-%d %H:%M} UTC, before {origin:%Y-%m-%d}, the day "
        f"of the newest bar of {forecast.ahead.symbol}",
        "set the clock, or forecast with `--no-record`",
    )


def _recorded(
    forecast: IssuedForecast, store: PriceStore, moment: str, *, replayed: bool
) -> ForecastRecord:
    ahead = forecast.ahead
    history = store.load(ahead.symbol, forecast.source).between(None, ahead.origin)
    said = {MODEL: _said(ahead.distribution, len(ahead.table))}
    said |= _said_by_baselines(history, len(ahead.table))
    return ForecastRecord(
        issued_at=moment,
        replayed=replayed,
        symbol=ahead.symbol,
        source=forecast.source,
        currency=ahead.currency,
        origin=f"{ahead.origin:%Y-%m-%d}",
        close_origin=ahead.close,
        run=forecast.run,
        weights_sha256=forecast.weights,
        data_sha256=forecast.bars,
        program=__version__,
        statements=tuple(_statement(name, said[name], ahead.table) for name in sorted(said)),
    )


class Said(NamedTuple):
    """What one forecaster says: its distribution as JSON, and `(horizons, 22)` numbers."""

    document: str
    numbers: FloatArray


def _said_by_baselines(history: PriceHistory, horizons: int) -> dict[str, Said]:
    """What the baselines say from the newest bar: kept from before, or worked out and kept."""
    key = key_of("baselines", history=identity_of(history), horizons=horizons)
    kept = recall(key)
    try:
        if kept is not None:
            return {
                name: Said(document, np.array(numbers, dtype=np.float64))
                for name, (document, numbers) in kept.items()
            }
    except (TypeError, ValueError, AttributeError):
        pass  # of another form
    found = {
        name: _said(distribution, horizons)
        for name, distribution in baseline_forecasts(history, horizons).items()
    }
    keep(key, {name: [said.document, with_nulls(said.numbers)] for name, said in found.items()})
    return found


def baseline_forecasts(history: PriceHistory, horizons: int) -> Mapping[str, Distribution]:
    """What the baselines say from the newest bar, fitted on all bars; those that can."""
    from lstmcast.baselines import BASELINES, BaselineInputs
    from lstmcast.baselines.divergence import attempt, checked_forecast

    bars = history.adjusted()
    inputs = BaselineInputs(
        symbol=history.symbol,
        bars=bars,
        fit_rows=len(bars),
        origins=np.array([len(bars) - 1], dtype=np.intp),
        horizons=horizons,
    )
    found = {}
    for names in BASELINE_NAMES.values():
        for name in names:
            baseline = BASELINES[name]
            if baseline.unable(inputs) is not None:
                continue
            forecast, _ = attempt(partial(checked_forecast, baseline, inputs))
            if forecast is not None:
                found[name] = forecast.distribution
                break
    return found


def _said(distribution: Distribution, horizons: int) -> Said:
    numbers = np.column_stack(
        [distribution.quantiles(LEVELS)[0, :horizons], distribution.mean()[0, :horizons]]
    )
    return Said(json.dumps(to_document(distribution, horizons), separators=(",", ":")), numbers)


def _statement(forecaster: str, said: Said, table: pd.DataFrame) -> Statement:
    return Statement(
        forecaster=forecaster,
        distribution=said.document,
        dates=tuple(f"{date:%Y-%m-%d}" for date in table["date"]),
        assumed=tuple(map(bool, table["assumed"])),
        numbers=said.numbers,
    )
