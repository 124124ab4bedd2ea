"""Forecasts by the pretrained networks, of each symbol by itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError, UsageError
from lstmcast.forecasting.ahead import SymbolForecast, dated
from lstmcast.forecasting.forecast_warnings import (
    sessions_elapsed,
    staleness_warnings,
    symbol_warnings,
)
from lstmcast.forecasting.issued import Failure, IssuedForecast
from lstmcast.forecasting.parts import ForecastParts, load_each, widenings
from lstmcast.forecasting.prose import few
from lstmcast.forecasting.request import DEFAULT_HORIZON, MAX_HORIZON, ForecastRequest, Tell
from lstmcast.forecasting.trust_checks import trust_on_recent_sessions
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.pretraining.graph import PretrainedGraph
    from lstmcast.training import Forecaster


def forecast_by_pretrained(
    store: PriceStore,
    wanted: Sequence[Reference],
    request: ForecastRequest,
    tell: Tell,
    *,
    mixed: bool,
) -> ForecastParts:
    """What the pretrained networks say of each symbol by itself.

    Args:
        store: where prices are.
        wanted: the symbols.
        request: how far ahead, and from which day.
        tell: takes lines for people.
        mixed: whether other symbols are forecast by runs.
    """
    from lstmcast.pretraining.files import shipped_hash
    from lstmcast.training.zero_shot import ahead_and_tracked, zero_shot_forecaster

    horizon = request.horizon or DEFAULT_HORIZON
    if horizon > MAX_HORIZON:
        raise UsageError(
            f"`--horizon` {horizon} is longer than the {MAX_HORIZON} sessions that the pretrained "
            "networks forecast",
            f"ask for at most {MAX_HORIZON}",
        )
    histories, failures = load_each(
        wanted,
        lambda reference: store.load(reference.symbol, reference.source).between(
            None, request.as_of
        ),
    )
    made: list[tuple[PriceHistory, Forecaster, SymbolForecast, pd.DataFrame]] = []
    pretrained = _pretrained(tell, by_pytorch=request.why) if histories else None
    for history in histories:
        try:
            forecaster = zero_shot_forecaster(history, horizon, pretrained)
            ahead, tracked = ahead_and_tracked(forecaster, history)
            made.append((history, forecaster, dated(history, ahead, horizon), tracked))
        except LstmcastError as error:
            failures.append(Failure(history.symbol, error))
    forecasts = [forecast for _, _, forecast, _ in made]
    known = [history for history, _, _, _ in made]
    warnings = staleness_warnings(forecasts, known, request.day)
    if made:
        _tell_pretrained(tell, [history.symbol for history in known] if mixed else [])
    issued = []
    for history, forecaster, forecast, tracked in made:
        trust, doubts = trust_on_recent_sessions(tracked, history, horizon)
        warnings += doubts
        past = sessions_elapsed(forecast, request.day)
        told = widenings(forecaster, [history], {history.symbol}) if request.why else {}
        issued.append(
            IssuedForecast(
                forecast,
                history.source,
                None,
                shipped_hash(),
                history.sha256,
                past,
                trust,
                told.get(history.symbol),
            )
        )
    warnings += symbol_warnings(forecasts, {history.symbol: history for history in known}, ())
    return ForecastParts(issued, failures, warnings)


def _pretrained(tell: Tell, *, by_pytorch: bool) -> "PretrainedGraph | None":
    """The networks that come with lstmcast: their graph, or None where PyTorch runs them."""
    if by_pytorch:  # what is explained takes gradients
        return None
    from lstmcast.graphs.session import GraphError
    from lstmcast.pretraining.graph import shipped_graph

    try:
        return shipped_graph()
    except GraphError as error:
        tell(f"note: PyTorch runs the pretrained networks, which takes longer to start: {error}")
        return None


def _tell_pretrained(tell: Tell, symbols: Sequence[str]) -> None:
    """Who forecasts what no run holds."""
    who = f"{few(symbols)}: " if symbols else ""
    tell(
        f"{who}forecast by the pretrained networks, which were trained on simulated markets alone "
        "and fitted to no price; `lstmcast train` learns what more a history can tell"
    )
