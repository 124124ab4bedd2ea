"""Forecasts by the pretrained networks, of each symbol by itself."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError, UsageError
from lstmcast.forecasting.ahead import dated
from lstmcast.forecasting.cached_forecasts import (
    JudgedForecasts,
    keep_forecasts,
    key_by_pretrained,
    recall_forecasts,
)
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
from lstmcast.pretraining.files import shipped_graph_file, shipped_hash
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference
from lstmcast.reading import RUN_BYTES, hash_file

if TYPE_CHECKING:
    from lstmcast.explain import Widening
    from lstmcast.pretraining.graph import PretrainedGraph


def forecast_by_pretrained(
    store: PriceStore,
    wanted: Sequence[Reference],
    request: ForecastRequest,
    tell: Tell,
    *,
    mixed: bool,
) -> ForecastParts:
    """Forecast each symbol by itself by the pretrained networks.

    Args:
        store: where prices are.
        wanted: the symbols.
        request: how far ahead, and from which day.
        tell: takes lines for people.
        mixed: whether other symbols are forecast by runs.
    """
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
    networks = _Networks(tell, by_pytorch=request.why)
    made: list[tuple[PriceHistory, JudgedForecasts, Widening | None]] = []
    for history in histories:
        try:
            made.append((history, *_judged(history, horizon, request, networks)))
        except LstmcastError as error:
            failures.append(Failure(history.symbol, error))
    forecasts = [forecast for _, judged, _ in made for forecast in judged.forecasts]
    known = [history for history, _, _ in made]
    warnings = staleness_warnings(forecasts, known, request.day)
    if made:
        _tell_pretrained(tell, [history.symbol for history in known] if mixed else [])
    issued = []
    for (history, judged, why), forecast in zip(made, forecasts, strict=True):
        warnings += judged.warnings
        issued.append(
            IssuedForecast(
                forecast,
                history.source,
                None,
                shipped_hash(),
                history.sha256,
                sessions_elapsed(forecast, request.day),
                judged.trust,
                why,
            )
        )
    warnings += symbol_warnings(forecasts, {history.symbol: history for history in known}, ())
    return ForecastParts(issued, failures, warnings)


class _Networks:
    """The networks that come with lstmcast, loaded when the first symbol needs them.

    Args:
        tell: takes a line for people.
        by_pytorch: run them by PyTorch, as what is explained takes gradients.
    """

    def __init__(self, tell: Tell, *, by_pytorch: bool) -> None:
        self._tell = tell
        self._by_pytorch = by_pytorch

    @cached_property
    def graph(self) -> "PretrainedGraph | None":
        """Their graph, or None where PyTorch runs them."""
        if self._by_pytorch:
            return None
        from lstmcast.graphs.session import GraphError
        from lstmcast.pretraining.graph import shipped_graph

        try:
            return shipped_graph()
        except GraphError as error:
            self._tell(
                f"note: PyTorch runs the pretrained networks, which takes longer to start: {error}"
            )
            return None

    @cached_property
    def hashes(self) -> list[str]:
        """Of the files of their weights and their graph; none where one cannot be read."""
        try:
            return [shipped_hash(), hash_file(shipped_graph_file(), RUN_BYTES)]
        except OSError:
            return []


def _judged(
    history: PriceHistory, horizon: int, request: ForecastRequest, networks: _Networks
) -> "tuple[JudgedForecasts, Widening | None]":
    """The forecast of a symbol, how such ranges held, and what widens it where that is asked."""
    key = key_by_pretrained(history, horizon, request, networks.hashes)
    if (kept := recall_forecasts(key)) is not None:
        return kept, None
    from lstmcast.training.zero_shot import ahead_and_tracked, zero_shot_forecaster

    forecaster = zero_shot_forecaster(history, horizon, networks.graph)
    ahead, tracked = ahead_and_tracked(forecaster, history)
    forecast = dated(history, ahead, horizon)
    made = JudgedForecasts([forecast], *trust_on_recent_sessions(tracked, history, horizon))
    if networks.graph is not None:
        keep_forecasts(key, made)
    told = widenings(forecaster, [history], {history.symbol}) if request.why else {}
    return made, told.get(history.symbol)


def _tell_pretrained(tell: Tell, symbols: Sequence[str]) -> None:
    """Who forecasts what no run holds."""
    who = f"{few(symbols)}: " if symbols else ""
    tell(
        f"{who}forecast by the pretrained networks, which were trained on simulated markets alone "
        "and fitted to no price; `lstmcast train` fits networks to the symbols' own history"
    )
