"""What `lstmcast report` shows of a run: everything that is known of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmcast.api.inside import UNITS, Inside, one_thread
from lstmcast.cli.evaluate import evaluate_run
from lstmcast.cli.report_parts import checks_of, chosen, facts, judged_sections, title
from lstmcast.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.forecasting import SymbolForecast
    from lstmcast.prices.history import PriceHistory
    from lstmcast.report import Chart, Page, Section
    from lstmcast.run import Run

GATED = 3
"""Symbols whose gates are."""


def run_page(run: "Run", store_folder: Path, symbols: Sequence[str] | None) -> "Page":
    """Everything that is known of a run.

    Args:
        run: the run.
        store_folder: where prices are kept.
        symbols: whose curves are shown; the first ones if None.

    Raises:
        UsageError: if a symbol is not in the run.
        RunError: if the run is damaged, or has no weights.
        StoreError: if its prices are no longer stored.
    """
    from lstmcast.prices.store import PriceStore
    from lstmcast.report import Page, headline

    store = PriceStore(store_folder)
    shown = chosen([entry.symbol for entry in run.symbols], symbols, run.name)
    forecaster = run.forecaster()
    evaluated = evaluate_run(run, store_folder)
    predictions = _nearest(run, evaluated.horizons[0])
    newest = run.histories(store, newest=True)
    inside = Inside.of(run, newest, forecaster)
    ahead = _ahead(run, newest, shown)
    verdict, findings, tiles = headline(evaluated)
    by_name = {history.symbol: history for history in newest}
    sections = judged_sections(
        evaluated,
        predictions,
        {history.symbol: history for history in run.histories(store)},
        shown,
        "fitted once, on all sessions before the first forecast",
    )
    sections.insert(1, _fan(ahead, by_name, inside, len(run.symbols) - len(shown)))
    sections += [
        _learning(run, inside),
        *_inside(inside, [symbol for symbol in shown if symbol in by_name]),
        _data(run, newest),
        _again(run),
    ]
    return Page(
        title=title(list(by_name)),
        kind="run",
        name=run.name,
        facts=facts(evaluated, str(run.record["created"])),
        verdict=verdict,
        findings=findings,
        tiles=tiles,
        sections=sections,
        notes=evaluated.notes,
    )


def _nearest(run: "Run", horizon: int) -> "pd.DataFrame":
    """The test forecasts of one horizon: those of all fill the memory where symbols are many."""
    import pandas as pd

    parts: list[pd.DataFrame] = []
    run.read_predictions(lambda _, table: parts.append(table[table["horizon"] == horizon]))
    return pd.concat(parts)


def _ahead(
    run: "Run", newest: "Sequence[PriceHistory]", shown: Sequence[str]
) -> "list[SymbolForecast]":
    from lstmcast.forecasting import forecast_ahead

    with one_thread():
        return forecast_ahead(run.forecaster(), newest, None, shown)


def _fan(
    ahead: "Sequence[SymbolForecast]",
    histories: "Mapping[str, PriceHistory]",
    inside: Inside,
    left_out: int,
) -> "Section":
    from lstmcast.report import fan_section

    told = {each.symbol: inside.widening(each.symbol) for each in ahead[:GATED]}
    return fan_section(
        {each.symbol: histories[each.symbol].adjusted()["close"] for each in ahead},
        {each.symbol: each.table for each in ahead},
        {each.symbol: each.currency for each in ahead},
        {symbol: found.sentence for symbol, found in told.items() if found is not None},
        left_out,
    )


def _learning(run: "Run", inside: Inside) -> "Section":
    from lstmcast.explain import summary
    from lstmcast.report import learning_section

    rows = [
        (row.name, row.kind, row.shape, row.parameters) for row in summary(inside.group.networks[0])
    ]
    return learning_section(run.history(), rows)


def _inside(inside: Inside, symbols: Sequence[str]) -> "list[Section]":
    """Gates and importance; without the latter where there is too little validation."""
    from lstmcast.report import Section, gates_chart, importance_charts

    charts: list[Chart] = [
        gates_chart([inside.trace(symbol, units=UNITS) for symbol in symbols[:GATED]])
    ]
    lead = ["The gates of one network, by the cell's own equations."]
    try:
        charts += importance_charts(*inside.importance())
    except DataError as error:
        lead.append(f"What inputs are worth cannot be measured: {error.message}.")
    else:
        lead.append(
            "What inputs are worth is measured on validation sessions: shuffled, or held at their "
            "mean. Inputs that carry the same information share the credit."
        )
    return [Section("inside", "Inside the network", "Inside", lead, charts)]


def _data(run: "Run", histories: "Sequence[PriceHistory]") -> "Section":
    from dataclasses import asdict

    from lstmcast.report import data_section

    return data_section(
        [asdict(entry) for entry in run.symbols],
        run.record.get("parts", {}),
        {name: f"{date:%Y-%m-%d}" for name, date in run.boundaries.items()},
        checks_of(histories),
    )


def _again(run: "Run") -> "Section":
    from lstmcast.config import dump_experiment
    from lstmcast.prices.store import fetch_command
    from lstmcast.report import configuration_section

    experiment = run.experiment()
    record: Mapping[str, Any] = run.record
    sources: dict[str, list[str]] = {}
    for entry in run.symbols:
        sources.setdefault(entry.source, []).append(entry.symbol)
    commands = [fetch_command(source, *names).strip("`") for source, names in sources.items()]
    commands += [
        f"lstmcast train --config {run.name}/config.yaml",
        "lstmcast evaluate",
        "lstmcast report",
    ]
    kept = {
        "lstmcast": record.get("lstmcast"),
        "Python": record.get("python"),
        **dict(record.get("packages", {})),
        "device": record.get("device"),
        "seed": record.get("seed"),
        "threads": record.get("threads"),
        "status": record.get("status"),
    }
    return configuration_section(
        commands,
        dump_experiment(experiment),
        [(str(name), str(value)) for name, value in kept.items() if value is not None],
    )
