"""What a report shows of a run: everything that is known of it, gathered for the page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmcast.api.inside import UNITS, Inside, one_thread
from lstmcast.cli.evaluate import evaluate_run
from lstmcast.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.evaluation import Report
    from lstmcast.evaluation.backtest import SavedWalk
    from lstmcast.forecasting import SymbolForecast
    from lstmcast.prices.history import PriceHistory
    from lstmcast.report import Chart, Page, Section
    from lstmcast.run import Run

CHARTED = 12
"""Symbols of a pool whose curves are in the file, where none are named."""

GATED = 3
"""Symbols whose gates are."""

NAMED = 3
"""Symbols that a title names."""

MOST_ROWS = 10_000
"""Test forecasts whose curves are in the file: some 60 bytes each."""


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
    predictions = run.predictions()
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


def walk_page(walk: "SavedWalk", store_folder: Path, symbols: Sequence[str] | None) -> "Page":
    """Everything that is known of a walk; `symbols` as for a run.

    Raises:
        UsageError: if a symbol is not in the walk.
        RunError: if the walk is damaged.
        StoreError: if its prices are no longer stored.
    """
    from lstmcast.cli.backtest import FITTED
    from lstmcast.prices.store import PriceStore
    from lstmcast.report import Page, headline, walk_section

    shown = chosen([entry.symbol for entry in walk.symbols], symbols, walk.name)
    histories = walk.histories(PriceStore(store_folder))
    found = walk.report(histories)
    verdict, findings, tiles = headline(found.report)
    by_name = {history.symbol: history for history in histories}
    sections = judged_sections(found.report, walk.predictions(), by_name, shown, FITTED)
    folds = [fold.first_origin for fold in walk.folds]
    if (section := walk_section(found, folds)) is not None:
        sections.insert(1, section)
    sections += [_walk_data(histories), _walk_again(walk)]
    return Page(
        title=title(list(by_name)),
        kind="walk",
        name=walk.name,
        facts=[*facts(found.report)[-1:], f"Trained {len(walk.folds)} times"],
        verdict=verdict,
        findings=findings,
        tiles=tiles,
        sections=sections,
        notes=found.report.notes,
    )


def _walk_data(histories: "Sequence[PriceHistory]") -> "Section":
    from lstmcast.report import data_section

    described = [
        {
            "symbol": history.symbol,
            "source": history.source,
            "rows": len(history),
            "first": f"{history.first:%Y-%m-%d}",
            "last": f"{history.last:%Y-%m-%d}",
            "sha256": history.sha256,
        }
        for history in histories
    ]
    return data_section(described, {}, {}, checks_of(histories))


def _walk_again(walk: "SavedWalk") -> "Section":
    from lstmcast import __version__
    from lstmcast.config import dump_experiment
    from lstmcast.prices.store import fetch_command
    from lstmcast.report import configuration_section

    sources: dict[str, list[str]] = {}
    for entry in walk.symbols:
        sources.setdefault(entry.source, []).append(entry.symbol)
    commands = [fetch_command(source, *names).strip("`") for source, names in sources.items()]
    commands += [
        f"lstmcast backtest --config {walk.name}/config.yaml {walk.options}".rstrip(),
        f"lstmcast report {walk.name}",
    ]
    parts = [
        (
            f"fold {fold.number}",
            " to ".join(f"{day:%Y-%m-%d}" for day in (fold.first_origin, fold.last_outcome)),
        )
        for fold in walk.folds
    ]
    return configuration_section(
        commands, dump_experiment(walk.config), [("lstmcast", __version__), *parts]
    )


def chosen(known: Sequence[str], asked: Sequence[str] | None, name: str) -> list[str]:
    """The symbols whose curves are shown.

    Raises:
        UsageError: for one that is not known.
    """
    if not asked:
        return list(known[:CHARTED])
    wanted = [symbol.rpartition(":")[2].strip().upper() for symbol in asked]
    if lacking := [symbol for symbol in wanted if symbol not in known]:
        raise UsageError(
            f"`--symbol` {lacking[0]} is not in {name}", f"it has {', '.join(known[:CHARTED])}"
        )
    return list(dict.fromkeys(wanted))


def title(symbols: Sequence[str]) -> str:
    """What was forecast."""
    if len(symbols) <= NAMED:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:NAMED])} and {len(symbols) - NAMED} more"


def facts(evaluated: "Report", created: str = "") -> list[str]:
    """When it was made and what it was judged on."""
    rows = evaluated.rows.values()
    first, last = min(part.first for part in rows), max(part.last for part in rows)
    return [f"Made {created[:10]}", f"Judged on {first} to {last}"]


def judged_sections(
    evaluated: "Report",
    predictions: "pd.DataFrame",
    histories: "Mapping[str, PriceHistory]",
    shown: Sequence[str],
    fitted: str,
) -> "list[Section]":
    """Test forecasts, coverage and scores, which runs and walks have alike."""
    from lstmcast.evaluation.coverage import pit_shares
    from lstmcast.predictions import is_point
    from lstmcast.report import coverage_section, forecasts_section, scores_section

    horizon = evaluated.horizons[0]
    tested = _that_fit([symbol for symbol in shown if symbol in evaluated.rows], evaluated)
    total = predictions["symbol"].nunique()
    currencies = {symbol: history.currency for symbol, history in histories.items()}
    sections = []
    if tested:
        sections.append(
            forecasts_section(predictions, tested, horizon, currencies, int(total) - len(tested))
        )
    nearest = predictions[predictions["horizon"] == horizon]
    steps = [] if is_point(nearest) else pit_shares(nearest, horizon)
    if found := coverage_section(evaluated.ranges, evaluated.yearly, steps, horizon):
        sections.append(found)
    sections.append(scores_section(evaluated, fitted))
    return sections


def _that_fit(symbols: Sequence[str], evaluated: "Report") -> list[str]:
    """The first symbols whose test forecasts fit into the file, one at least."""
    fitting: list[str] = []
    rows = 0
    for symbol in symbols:
        rows += evaluated.rows[symbol].count
        if fitting and rows > MOST_ROWS:
            break
        fitting.append(symbol)
    return fitting


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
        lead.append(f"What inputs are worth cannot be told: {error.message}.")
    else:
        lead.append(
            "What inputs are worth is measured on validation sessions: shuffled, or held at their "
            "mean. Inputs that tell the same share their worth."
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


def checks_of(histories: "Sequence[PriceHistory]") -> list[tuple[str, str, str]]:
    """What checks find in the prices: symbol, level and words."""
    from lstmcast.prices.checks import examine

    return [
        (history.symbol, found.level, found.message)
        for history in histories
        for found in examine(history)
    ]


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
