"""Forecasts by a run's networks; a symbol that cannot be had is left out and told."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError
from lstmcast.forecasting.ahead import SymbolForecast, forecast_ahead
from lstmcast.forecasting.found import Found, load_each, widenings
from lstmcast.forecasting.issued import Failure, IssuedForecast
from lstmcast.forecasting.warned import (
    Warned,
    about_symbols,
    how_old,
    how_to_fetch,
    names,
    on_test_days,
    sessions_past,
)
from lstmcast.forecasting.when import Tell, When
from lstmcast.prices.context import attach_context
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.run import Run
    from lstmcast.training import Forecaster


def found_by_run(
    run: "Run", store: PriceStore, wanted: Sequence[Reference], when: When, tell: Tell
) -> Found:
    """What a run's networks say of some symbols."""
    chosen = {reference.symbol for reference in wanted}
    beside = run.beside(wanted)
    histories, failures = load_each(
        [*wanted, *beside], lambda reference: run.prices(store, reference, when.as_of)
    )
    context = run.experiment().data.context
    histories, more = _each(partial(_attached, store, context), histories)
    failures += more
    if not any(history.symbol in chosen for history in histories):
        return [], [failure for failure in failures if failure.symbol in chosen], []
    if run.shares_features:
        _tell_of_late(histories, tell)
    symbols = [history.symbol for history in histories if history.symbol in chosen]
    # What is explained takes gradients, which graphs have none of.
    forecaster = run.forecaster() if when.why else run.quick_forecaster(tell)
    forecasts, more = _ahead(forecaster, histories, when.horizon, symbols)
    failures += more
    ahead = {forecast.symbol for forecast in forecasts}
    known = [history for history in histories if history.symbol in ahead]
    warned = [_left_out(failure) for failure in failures if failure.symbol not in chosen]
    warned += how_old(forecasts, known, when.day)
    longest = len(forecasts[0].table) if forecasts else 1
    trust, doubts = on_test_days(run, histories, longest, when.as_of)
    by_symbol = {history.symbol: history for history in known}
    warned += doubts + about_symbols(forecasts, by_symbol, trust.symbols if trust else ())
    told = {}
    if when.why:
        broken = {failure.symbol for failure in failures}
        told = widenings(forecaster, [h for h in histories if h.symbol not in broken], ahead)
    issued = [
        IssuedForecast(
            forecast,
            by_symbol[forecast.symbol].source,
            run.name,
            run.weights_hash,
            by_symbol[forecast.symbol].sha256,
            sessions_past(forecast, when.day),
            trust,
            told.get(forecast.symbol),
        )
        for forecast in forecasts
    ]
    return issued, [failure for failure in failures if failure.symbol in chosen], warned


def _attached(
    store: PriceStore, entries: Sequence[str], histories: Sequence[PriceHistory]
) -> list[PriceHistory]:
    return attach_context(store, histories, entries)


def _left_out(failure: Failure) -> Warned:
    words = (
        f"{failure.symbol} is left out of what the run's symbols do together: "
        f"{failure.error.message}"
    )
    return Warned("pool_incomplete", words, [failure.symbol])


def _tell_of_late(histories: Sequence[PriceHistory], tell: Tell) -> None:
    newest = max(history.last for history in histories)
    late = [history for history in histories if history.last < newest]
    if late:
        tell(
            f"{names(late)}: no bar of {newest:%Y-%m-%d}; what the run's symbols do together on"
            f" that day is taken from the others{how_to_fetch(late)}"
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
