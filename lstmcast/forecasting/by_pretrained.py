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
from lstmcast.parallel import in_order
from lstmcast.pretraining.files import shipped_graph_file, shipped_hash
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference
from lstmcast.reading import RUN_BYTES, hash_file

if TYPE_CHECKING:
    from lstmcast.explain import Widening
    from lstmcast.pretraining.graph import PretrainedGraph

MIN_SYMBOLS_FOR_PROCESSES = 16
"""Below this, starting worker processes takes longer than they save."""


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
    each = _each_judged(histories, horizon, request, networks)
    for history, found in zip(histories, each, strict=True):
        if isinstance(found, LstmcastError):
            failures.append(Failure(history.symbol, found))
        else:
            made.append((history, *found))
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


def _each_judged(
    histories: Sequence[PriceHistory],
    horizon: int,
    request: ForecastRequest,
    networks: _Networks,
) -> "list[tuple[JudgedForecasts, Widening | None] | LstmcastError]":
    """Each symbol's forecast, or why there is none; by worker processes where they are many."""
    keys = [key_by_pretrained(history, horizon, request, networks.hashes) for history in histories]
    recalled = [recall_forecasts(key) for key in keys]
    missing = [k for k, kept in enumerate(recalled) if kept is None]
    by_pytorch = bool(missing) and networks.graph is None  # tells why, once for all workers
    jobs = request.jobs if len(missing) >= MIN_SYMBOLS_FOR_PROCESSES else 1
    made = iter(
        in_order(
            _judged,
            (horizon, request, by_pytorch),
            [(histories[k], keys[k]) for k in missing],
            jobs=jobs,
        )
    )
    return [next(made) if kept is None else (kept, None) for kept in recalled]


def _judged(
    common: tuple[int, ForecastRequest, bool], item: tuple[PriceHistory, str | None]
) -> "tuple[JudgedForecasts, Widening | None] | LstmcastError":
    """The forecast of a symbol, how such ranges held, and what widens it where that is asked."""
    from lstmcast.pretraining.graph import shipped_graph
    from lstmcast.training.zero_shot import ahead_and_tracked, zero_shot_forecaster

    (horizon, request, by_pytorch), (history, key) = common, item
    try:
        graph = None if by_pytorch else shipped_graph()
        forecaster = zero_shot_forecaster(history, horizon, graph)
        ahead, tracked = ahead_and_tracked(forecaster, history)
        forecast = dated(history, ahead, horizon)
        made = JudgedForecasts([forecast], *trust_on_recent_sessions(tracked, history, horizon))
        if graph is not None:
            keep_forecasts(key, made)
        told = widenings(forecaster, [history], {history.symbol}) if request.why else {}
    except LstmcastError as error:
        return error
    return made, told.get(history.symbol)


def _tell_pretrained(tell: Tell, symbols: Sequence[str]) -> None:
    """Who forecasts what no run holds."""
    who = f"{few(symbols)}: " if symbols else ""
    tell(
        f"{who}forecast by the pretrained networks, which were trained on simulated markets alone "
        "and fitted to no price; `lstmcast train` fits networks to the symbols' own history"
    )
