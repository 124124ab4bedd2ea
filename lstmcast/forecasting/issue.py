"""The entry points of forecasting: by a run, or symbols by name, each by whoever can forecast it.

A symbol that fails does not stop the others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError
from lstmcast.forecasting.by_pretrained import forecast_by_pretrained
from lstmcast.forecasting.by_run import forecast_by_run
from lstmcast.forecasting.choice import check_as_of, choose_runs
from lstmcast.forecasting.issued import Failure, Issued
from lstmcast.forecasting.names import NamedSymbol
from lstmcast.forecasting.parts import ForecastParts
from lstmcast.forecasting.prose import few
from lstmcast.forecasting.request import ForecastRequest, Tell
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.run import Run


def issue_by_run(
    run: "Run",
    store: PriceStore,
    symbols: Sequence[str],
    request: ForecastRequest,
    tell: Tell = str,
) -> Issued:
    """Forecast the symbols of a run, or others, by its networks.

    Args:
        run: the run.
        store: where prices are.
        symbols: in any spelling, in the run or not; the run's where there are none.
        request: how far ahead, and from which day.
        tell: takes lines for people.

    Raises:
        UsageError: if a name cannot be a symbol, the run was not trained for the horizon, or it
            was fitted to days after `request.as_of`.
        RunError: if the run is damaged.
    """
    check_as_of(run, request.as_of)
    wanted = run.references(symbols)
    parts = forecast_by_run(run, store, wanted, request, tell)
    return _in_order([entry.symbol for entry in wanted], parts, request)


def issue_symbols(
    named: Sequence[NamedSymbol],
    store: PriceStore,
    runs_dir: Path,
    request: ForecastRequest,
    tell: Tell = str,
) -> Issued:
    """Forecast symbols, each by the newest run that holds it, else by the pretrained networks.

    Args:
        named: the symbols.
        store: where prices are.
        runs_dir: where runs are.
        request: how far ahead, and from which day.
        tell: takes lines for people.

    Raises:
        UsageError: if the horizon is longer than the pretrained networks forecast.
    """
    parts = ForecastParts(
        failures=[Failure(one.symbol, one.missing) for one in named if one.missing is not None]
    )
    wanted = [one.reference for one in named if one.reference is not None]
    choice = choose_runs(wanted, runs_dir, request.horizon, request.as_of)
    for error in choice.damaged:
        tell(f"warning: passed over: {error.message}")
    for line in choice.passed_over:
        tell(f"note: {line}")
    groups: dict[Path, list[Reference]] = {}
    for reference, run in choice.runs.items():
        groups.setdefault(run.path, []).append(reference)
    by_path = {run.path: run for run in choice.runs.values()}
    for path, mine in groups.items():
        tell(
            f"{few([reference.symbol for reference in mine])}: forecast by run {by_path[path].name}"
        )
        try:
            parts.add(forecast_by_run(by_path[path], store, mine, request, tell))
        except LstmcastError as error:
            parts.failures += [Failure(reference.symbol, error) for reference in mine]
    others = [reference for reference in wanted if reference not in choice.runs]
    if others:
        parts.add(forecast_by_pretrained(store, others, request, tell, mixed=bool(groups)))
    return _in_order([one.symbol for one in named], parts, request)


def issue_by_pretrained(
    wanted: Sequence[Reference], store: PriceStore, request: ForecastRequest, tell: Tell = str
) -> Issued:
    """Forecast symbols by the pretrained networks, whatever runs there are.

    Args:
        wanted: the symbols.
        store: where prices are.
        request: how far ahead, and from which day.
        tell: takes lines for people.

    Raises:
        UsageError: if the horizon is longer than the pretrained networks forecast.
    """
    parts = forecast_by_pretrained(store, wanted, request, tell, mixed=False)
    return _in_order([reference.symbol for reference in wanted], parts, request)


def _in_order(symbols: Sequence[str], parts: ForecastParts, request: ForecastRequest) -> Issued:
    """The parts as one result, symbols in the order in which they were asked for."""
    place = {symbol: k for k, symbol in enumerate(symbols)}
    return Issued(
        tuple(sorted(parts.forecasts, key=lambda issued: place[issued.symbol])),
        tuple(sorted(parts.failures, key=lambda one: place.get(one.symbol, len(place)))),
        tuple(parts.warnings),
        request.day,
    )
