"""Forecasts by a run's networks; a symbol that cannot be had is left out and told."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError
from lstmcast.forecasting.ahead import SymbolForecast, forecast_ahead
from lstmcast.forecasting.cached_forecasts import (
    JudgedForecasts,
    keep_forecasts,
    key_by_run,
    recall_forecasts,
)
from lstmcast.forecasting.forecast_warnings import (
    ForecastWarning,
    sessions_elapsed,
    staleness_warnings,
    symbol_warnings,
)
from lstmcast.forecasting.issued import Failure, IssuedForecast
from lstmcast.forecasting.parts import ForecastParts, load_each, widenings
from lstmcast.forecasting.prose import fetch_hint, names
from lstmcast.forecasting.request import ForecastRequest, Tell
from lstmcast.forecasting.trust_checks import trust_on_test_days
from lstmcast.prices.context import attach_context
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.run import Run
    from lstmcast.training import Forecaster


def forecast_by_run(
    run: "Run", store: PriceStore, wanted: Sequence[Reference], request: ForecastRequest, tell: Tell
) -> ForecastParts:
    """Forecast some symbols by a run's networks."""
    chosen = {reference.symbol for reference in wanted}
    beside = run.beside(wanted)
    histories, failures = load_each(
        [*wanted, *beside], lambda reference: run.prices(store, reference, request.as_of)
    )
    context = run.experiment().data.context
    histories, more = _each(partial(_attached, store, context), histories)
    failures += more
    if not any(history.symbol in chosen for history in histories):
        return ForecastParts(failures=[f for f in failures if f.symbol in chosen])
    if run.shares_features:
        _tell_of_late(histories, tell)
    symbols = [history.symbol for history in histories if history.symbol in chosen]
    key = key_by_run(run, histories, symbols, request)
    forecaster, made = None, recall_forecasts(key)
    if made is None:
        # What is explained takes gradients, which graphs have none of.
        forecaster = run.forecaster() if request.why else run.quick_forecaster(tell)
        made, more = _judged(run, forecaster, histories, symbols, request)
        failures += more
        if not more and all(group.graphs for group in forecaster.groups):
            keep_forecasts(key, made)
    forecasts, trust = made.forecasts, made.trust
    ahead = {forecast.symbol for forecast in forecasts}
    known = [history for history in histories if history.symbol in ahead]
    warnings = [_left_out(failure) for failure in failures if failure.symbol not in chosen]
    warnings += staleness_warnings(forecasts, known, request.day)
    by_symbol = {history.symbol: history for history in known}
    warnings += made.warnings
    warnings += symbol_warnings(forecasts, by_symbol, trust.symbols if trust else ())
    told = {}
    if forecaster is not None and request.why:
        broken = {failure.symbol for failure in failures}
        told = widenings(forecaster, [h for h in histories if h.symbol not in broken], ahead)
    issued = [
        IssuedForecast(
            forecast,
            by_symbol[forecast.symbol].source,
            run.name,
            run.weights_hash,
            by_symbol[forecast.symbol].sha256,
            sessions_elapsed(forecast, request.day),
            trust,
            told.get(forecast.symbol),
        )
        for forecast in forecasts
    ]
    failures = [failure for failure in failures if failure.symbol in chosen]
    return ForecastParts(issued, failures, warnings)


def _judged(
    run: "Run",
    forecaster: "Forecaster",
    histories: Sequence[PriceHistory],
    symbols: Sequence[str],
    request: ForecastRequest,
) -> tuple[JudgedForecasts, list[Failure]]:
    """What the networks forecast, and how such ranges held on the test days."""
    forecasts, failures = _ahead(forecaster, histories, request.horizon, symbols)
    longest = len(forecasts[0].table) if forecasts else 1
    trust, warnings = trust_on_test_days(run, histories, longest, request.as_of)
    return JudgedForecasts(forecasts, trust, warnings), failures


def _attached(
    store: PriceStore, entries: Sequence[str], histories: Sequence[PriceHistory]
) -> list[PriceHistory]:
    return attach_context(store, histories, entries)


def _left_out(failure: Failure) -> ForecastWarning:
    words = f"{failure.symbol} is left out of the pooled features: {failure.error.message}"
    return ForecastWarning("pool_incomplete", words, [failure.symbol])


def _tell_of_late(histories: Sequence[PriceHistory], tell: Tell) -> None:
    newest = max(history.last for history in histories)
    late = [history for history in histories if history.last < newest]
    if late:
        tell(
            f"{names(late)}: no bar of {newest:%Y-%m-%d}; the pooled features of that day "
            f"use the other symbols{fetch_hint(late)}"
        )


def _ahead(
    forecaster: "Forecaster",
    histories: Sequence[PriceHistory],
    horizon: int | None,
    symbols: Sequence[str],
) -> tuple[list[SymbolForecast], list[Failure]]:
    """Forecasts of some of the symbols; those whose bars the networks cannot read are left out."""
    try:
        return forecast_ahead(forecaster, histories, horizon, symbols), []
    except LstmcastError:
        kept, failures = [], []
        for history in histories:
            try:
                forecaster.inputs([history])
                kept.append(history)
            except LstmcastError as error:
                failures.append(Failure(history.symbol, error))
        if not failures:
            raise
    chosen = [history.symbol for history in kept if history.symbol in symbols]
    return (forecast_ahead(forecaster, kept, horizon, chosen) if chosen else []), failures


def _each(
    function: Callable[[Sequence[PriceHistory]], list[PriceHistory]],
    histories: Sequence[PriceHistory],
) -> tuple[list[PriceHistory], list[Failure]]:
    """Apply a function to all at once, or one by one where that fails."""
    if not histories:
        return [], []
    try:
        return function(histories), []
    except LstmcastError:
        found: list[PriceHistory] = []
        failures = []
        for history in histories:
            try:
                found += function([history])
            except LstmcastError as error:
                failures.append(Failure(history.symbol, error))
        return found, failures
