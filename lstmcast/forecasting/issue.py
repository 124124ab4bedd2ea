"""Forecasting by a run, or symbols by name: each with who can, and none in the way of the next."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError, UsageError
from lstmcast.forecasting.ahead import SymbolForecast, dated, forecast_ahead
from lstmcast.forecasting.asked import Asked
from lstmcast.forecasting.choice import check_as_of, choose_runs
from lstmcast.forecasting.issued import Failure, Issued, IssuedForecast
from lstmcast.forecasting.warned import (
    Warned,
    about_symbols,
    how_old,
    how_to_fetch,
    names,
    on_last_sessions,
    on_test_days,
    sessions_past,
)
from lstmcast.prices.context import attach_context
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.explain import Widening
    from lstmcast.pretraining.graph import PretrainedGraph
    from lstmcast.run import Run
    from lstmcast.training import Forecaster

HORIZON, LONGEST = 10, 60
"""Sessions ahead of a symbol without a run: by default, and at the most."""

Tell = Callable[[str], object]
"""Takes a line for people, such as who forecasts what."""


@dataclass(frozen=True)
class When:
    """What forecasts are asked for.

    Args:
        today: the day on which sessions count as past.
        horizon: sessions ahead; None for all that a run was trained for, and `HORIZON` otherwise.
        as_of: make forecasts from the bars up to this day alone; None for the newest.
        why: find out what makes the next range wide, which takes PyTorch.
    """

    today: date
    horizon: int | None = None
    as_of: date | None = None
    why: bool = False

    @property
    def day(self) -> date:
        """The day that forecasts are made on, or as of."""
        return self.as_of or self.today


def issue_by_run(
    run: "Run", store: PriceStore, symbols: Sequence[str], when: When, tell: Tell = str
) -> Issued:
    """Forecast the symbols of a run, or others, by its networks.

    Args:
        run: the run.
        store: where prices are.
        symbols: in any spelling, in the run or not; the run's where there are none.
        when: how far ahead, and from which day.
        tell: takes lines for people.

    Raises:
        UsageError: if a name cannot be a symbol, the run was not trained for the horizon, or it
            was fitted to days after `when.as_of`.
        RunError: if the run is damaged.
    """
    check_as_of(run, when.as_of)
    wanted = run.references(symbols)
    forecasts, failures, warned = _by_run(run, store, wanted, when, tell)
    return _in_order([entry.symbol for entry in wanted], forecasts, failures, warned, when)


def issue_symbols(
    asked: Sequence[Asked], store: PriceStore, runs_dir: Path, when: When, tell: Tell = str
) -> Issued:
    """Forecast symbols, each by the newest run that holds it, else by the pretrained networks.

    Args:
        asked: the symbols.
        store: where prices are.
        runs_dir: where runs are.
        when: how far ahead, and from which day.
        tell: takes lines for people.

    Raises:
        UsageError: if the horizon is longer than the pretrained networks forecast.
    """
    failures = [Failure(one.symbol, one.missing) for one in asked if one.missing is not None]
    wanted = [one.reference for one in asked if one.reference is not None]
    choice = choose_runs(wanted, runs_dir, when.horizon, when.as_of)
    for error in choice.damaged:
        tell(f"warning: passed over: {error.message}")
    for line in choice.passed_over:
        tell(f"note: {line}")
    forecasts: list[IssuedForecast] = []
    warned: list[Warned] = []
    groups: dict[Path, list[Reference]] = {}
    for reference, run in choice.runs.items():
        groups.setdefault(run.path, []).append(reference)
    by_path = {run.path: run for run in choice.runs.values()}
    for path, mine in groups.items():
        tell(f"{_few(mine)}: forecast by run {by_path[path].name}")
        try:
            more = _by_run(by_path[path], store, mine, when, tell)
        except LstmcastError as error:
            failures += [Failure(reference.symbol, error) for reference in mine]
            continue
        _add(more, forecasts, failures, warned)
    others = [reference for reference in wanted if reference not in choice.runs]
    if others:
        more = _by_pretrained(store, others, when, tell, mixed=bool(groups))
        _add(more, forecasts, failures, warned)
    return _in_order([one.symbol for one in asked], forecasts, failures, warned, when)


def issue_by_pretrained(
    wanted: Sequence[Reference], store: PriceStore, when: When, tell: Tell = str
) -> Issued:
    """Forecast symbols by the pretrained networks, whatever runs there are.

    Args:
        wanted: the symbols.
        store: where prices are.
        when: how far ahead, and from which day.
        tell: takes lines for people.

    Raises:
        UsageError: if the horizon is longer than the pretrained networks forecast.
    """
    found = _by_pretrained(store, wanted, when, tell, mixed=False)
    return _in_order([reference.symbol for reference in wanted], *found, when)


_Found = tuple[list[IssuedForecast], list[Failure], list[Warned]]


def _add(
    more: _Found,
    forecasts: list[IssuedForecast],
    failures: list[Failure],
    warned: list[Warned],
) -> None:
    forecasts += more[0]
    failures += more[1]
    warned += more[2]


def _in_order(
    symbols: Sequence[str],
    forecasts: Iterable[IssuedForecast],
    failures: Iterable[Failure],
    warned: Iterable[Warned],
    when: When,
) -> Issued:
    """What was found, symbols in the order in which they were asked for."""
    place = {symbol: k for k, symbol in enumerate(symbols)}
    return Issued(
        tuple(sorted(forecasts, key=lambda issued: place[issued.symbol])),
        tuple(sorted(failures, key=lambda failure: place.get(failure.symbol, len(place)))),
        tuple(warned),
        when.day,
    )


def _by_run(
    run: "Run", store: PriceStore, wanted: Sequence[Reference], when: When, tell: Tell
) -> _Found:
    """What a run's networks say of some symbols."""
    chosen = {reference.symbol for reference in wanted}
    beside = run.beside(wanted)
    histories, failures = _loaded(
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
        told = _why(forecaster, [h for h in histories if h.symbol not in broken], ahead)
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


def _why(
    forecaster: "Forecaster", histories: Sequence[PriceHistory], symbols: set[str]
) -> "dict[str, Widening]":
    """What makes the next range of some symbols wide."""
    from lstmcast.explain import explain_ranges

    return explain_ranges(forecaster, histories, symbols) if symbols else {}


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


def _loaded(
    wanted: Iterable[Reference], load: Callable[[Reference], PriceHistory]
) -> tuple[list[PriceHistory], list[Failure]]:
    """The histories that can be loaded, and why the others cannot."""
    histories, failures = [], []
    for reference in wanted:
        try:
            histories.append(load(reference))
        except LstmcastError as error:
            failures.append(Failure(reference.symbol, error))
    return histories, failures


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


def _by_pretrained(
    store: PriceStore, wanted: Sequence[Reference], when: When, tell: Tell, *, mixed: bool
) -> _Found:
    """What the pretrained networks say of each symbol by itself.

    Args:
        store: where prices are.
        wanted: the symbols.
        when: how far ahead, and from which day.
        tell: takes lines for people.
        mixed: whether other symbols are forecast by runs.
    """
    from lstmcast.pretraining.files import shipped_hash
    from lstmcast.training.zero_shot import ahead_and_tracked, zero_shot_forecaster

    horizon = when.horizon or HORIZON
    if horizon > LONGEST:
        raise UsageError(
            f"`--horizon` {horizon} is longer than the {LONGEST} sessions that the pretrained "
            "networks forecast",
            f"ask for at most {LONGEST}",
        )
    histories, failures = _loaded(
        wanted,
        lambda reference: store.load(reference.symbol, reference.source).between(None, when.as_of),
    )
    made: list[tuple[PriceHistory, Forecaster, SymbolForecast, pd.DataFrame]] = []
    pretrained = _pretrained(tell, by_pytorch=when.why) if histories else None
    for history in histories:
        try:
            forecaster = zero_shot_forecaster(history, horizon, pretrained)
            ahead, tracked = ahead_and_tracked(forecaster, history)
            made.append((history, forecaster, dated(history, ahead, horizon), tracked))
        except LstmcastError as error:
            failures.append(Failure(history.symbol, error))
    forecasts = [forecast for _, _, forecast, _ in made]
    known = [history for history, _, _, _ in made]
    warned = how_old(forecasts, known, when.day)
    if made:
        _tell_pretrained(tell, [history.symbol for history in known] if mixed else [])
    issued = []
    for history, forecaster, forecast, tracked in made:
        trust, doubts = on_last_sessions(tracked, history, horizon)
        warned += doubts
        past = sessions_past(forecast, when.day)
        told = _why(forecaster, [history], {history.symbol}) if when.why else {}
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
    warned += about_symbols(forecasts, {history.symbol: history for history in known}, ())
    return issued, failures, warned


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
    who = f"{_few_names(symbols)}: " if symbols else ""
    tell(
        f"{who}forecast by the pretrained networks, which were trained on simulated markets alone "
        "and fitted to no price; `lstmcast train` learns what more a history can tell"
    )


def _few(references: Sequence[Reference]) -> str:
    return _few_names([reference.symbol for reference in references])


def _few_names(symbols: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(symbols[:most])
    return shown if len(symbols) <= most else f"{shown} and {len(symbols) - most} more"
