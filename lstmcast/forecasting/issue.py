"""Forecasting by a run, or symbols by name: each with who can, and none in the way of the next."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError
from lstmcast.forecasting.asked import Asked
from lstmcast.forecasting.by_pretrained import found_by_pretrained
from lstmcast.forecasting.by_run import found_by_run
from lstmcast.forecasting.choice import check_as_of, choose_runs
from lstmcast.forecasting.found import Found
from lstmcast.forecasting.issued import Failure, Issued, IssuedForecast
from lstmcast.forecasting.warned import Warned, few
from lstmcast.forecasting.when import Tell, When
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.run import Run


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
    forecasts, failures, warned = found_by_run(run, store, wanted, when, tell)
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
        tell(
            f"{few([reference.symbol for reference in mine])}: forecast by run {by_path[path].name}"
        )
        try:
            more = found_by_run(by_path[path], store, mine, when, tell)
        except LstmcastError as error:
            failures += [Failure(reference.symbol, error) for reference in mine]
            continue
        _add(more, forecasts, failures, warned)
    others = [reference for reference in wanted if reference not in choice.runs]
    if others:
        more = found_by_pretrained(store, others, when, tell, mixed=bool(groups))
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
    found = found_by_pretrained(store, wanted, when, tell, mixed=False)
    return _in_order([reference.symbol for reference in wanted], *found, when)


def _add(
    more: Found,
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
