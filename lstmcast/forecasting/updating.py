"""Bringing prices up to date before they are forecast from."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.forecasting.choice import choose_runs
from lstmcast.forecasting.names import NamedSymbol
from lstmcast.prices.batch import Outcome, fetch_each
from lstmcast.prices.context import ContextReference
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.sources.files.memory import recall
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference
from lstmcast.prices.update import Rules

if TYPE_CHECKING:
    from lstmcast.forecasting.request import ForecastRequest
    from lstmcast.run import Run

DEFAULT_SOURCE = "yahoo"
"""Where a symbol is looked for that is not stored and names no source."""


def needed_by_run(run: "Run", symbols: Sequence[str]) -> list[Reference]:
    """Everything whose newest bars a run's forecast reads: symbols, those beside them, context."""
    wanted = run.references(symbols)
    source = run.symbols[0].source
    context = [
        ContextReference.parse(entry, source).reference for entry in run.experiment().data.context
    ]
    return list(dict.fromkeys([*wanted, *run.beside(wanted), *context]))


def needed_by_symbols(
    named: Sequence[NamedSymbol], runs_dir: Path, request: "ForecastRequest"
) -> list[Reference]:
    """The same of symbols, each with the run that will forecast it."""
    wanted = [one.reference or Reference.parse(one.name, DEFAULT_SOURCE) for one in named]
    choice = choose_runs(wanted, runs_dir, request.horizon, request.as_of)
    found = list(wanted)
    for run in {run.path: run for run in choice.runs.values()}.values():
        found += needed_by_run(run, [])
    return list(dict.fromkeys(found))


def update_each(store: PriceStore, wanted: Sequence[Reference]) -> Iterator[Outcome]:
    """Fetch what is new of each; a symbol that fails does not stop the others.

    Files are read from where they were read before.

    Raises:
        UsageError: if there is no source of a name.
    """
    files = [item.symbol for item in wanted if item.source == "csv"]
    options = SourceOptions(remembered=recall(store, files) if files else {})
    sources = {name: get_source(name, options) for name in {item.source for item in wanted}}
    return fetch_each(store, sources, wanted, Rules())
