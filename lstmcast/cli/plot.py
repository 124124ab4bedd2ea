"""`lstmcast plot`: charts of a run."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lstmcast.cli.console import note
from lstmcast.cli.opening import keep_folder, open_walk, tell_of_damaged
from lstmcast.cli.options import RUNS_DIR, DataDir, RunOrWalk, RunsDir, data_dir
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from lstmcast.evaluation.backtest import KeptWalk
    from lstmcast.prices.history import PriceHistory
    from lstmcast.run import Run

    Judged = Run | KeptWalk
    """What has forecasts that came true."""


class Kind(StrEnum):
    """What a chart shows."""

    test = "test"
    history = "history"
    fan = "fan"
    training = "training"
    ranges = "ranges"
    gates = "gates"
    importance = "importance"


class Format(StrEnum):
    """A file format for charts."""

    png = "png"
    svg = "svg"
    pdf = "pdf"


def plot(
    run: RunOrWalk = None,
    kind: Annotated[
        Kind,
        typer.Option(
            help="test: forecasts against the closes that came; history: all sessions;"
            " fan: the sessions to come; training: losses by epoch; ranges: how often they held;"
            " gates: the LSTM's gates and memory; importance: what the inputs are worth."
        ),
    ] = Kind.test,
    symbol: Annotated[
        str | None,
        typer.Option(
            help="One symbol of several; by default a chart for each, of all for ranges.",
            show_default=False,
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Sessions ahead; 1 by default, all that were trained for fan.",
            show_default=False,
        ),
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            help="gates: first session; by default 250 up to the last.",
            show_default=False,
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            formats=["%Y-%m-%d"],
            help="gates: last session; by default the newest bar.",
            show_default=False,
        ),
    ] = None,
    units: Annotated[
        int, typer.Option(min=1, max=6, help="gates: units that move the range most.")
    ] = 4,
    member: Annotated[int, typer.Option(min=0, help="gates: number of the network.")] = 0,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.png,  # noqa: A002 - the option's name
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write; by default in the run's charts folder.",
            show_default=False,
        ),
    ] = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Draw a run: its test forecasts in prices, the days to come, its losses, how ranges held."""
    from lstmcast.plots import save_figure
    from lstmcast.run import Run

    if kind is not Kind.gates and not (first is last is None):
        raise UsageError(
            f"`--from` and `--to` choose the sessions of `--kind gates`, not of {kind.value}",
            "leave them out",
        )
    if (walk := open_walk(run, runs_dir)) is not None:
        opened: Judged = walk
        figures = _of_walk(walk, kind, symbol, horizon, data)
    else:
        opened = Run.open(run, runs_dir)
        keep_folder(opened.path)
        if run is None:
            tell_of_damaged(runs_dir)
        window = Window(_day(first), _day(last), units, member)
        figures = _of_run(opened, kind, symbol, horizon, data, window)
    if output is not None and len(figures) > 1:
        raise UsageError(
            f"`--output` {output} is one file, and the run has {len(figures)} symbols",
            "name one with `--symbol`",
        )
    for name, figure in figures.items():
        path = output or opened.charts / f"{name}.{format.value}"
        if output is None:
            opened.make_charts_folder()
        note(f"wrote {save_figure(figure, path)}")


class Window(NamedTuple):
    """Whose gates are drawn, and when."""

    first: "pd.Timestamp | None"
    last: "pd.Timestamp | None"
    units: int
    member: int


def _day(date: datetime | None) -> "pd.Timestamp | None":
    import pandas as pd

    return None if date is None else pd.Timestamp(date)


_OF_WALKS = (Kind.test, Kind.history, Kind.ranges)


def _of_walk(
    walk: "KeptWalk", kind: Kind, symbol: str | None, horizon: int | None, data: Path | None
) -> dict[str, "Figure"]:
    """What can be drawn of all folds together.

    Raises:
        UsageError: for a chart of a run's networks.
    """
    from lstmcast.prices.store import PriceStore

    if kind not in _OF_WALKS:
        raise UsageError(
            f"`--kind` {kind.value} looks at a run's networks, and {walk.name} is a walk of many",
            f"choose from {', '.join(each.value for each in _OF_WALKS)}, or name a run",
        )
    if kind is Kind.ranges:
        return _ranges(walk, symbol, horizon or 1, data)
    name = _known(walk, symbol)
    histories = walk.histories(PriceStore(data_dir(data)))
    wanted = [history.symbol for history in histories if name is None or history.symbol == name]
    found = _test_charts(walk, kind, histories, wanted, horizon or 1)
    return _named(found, kind, horizon)


def _of_run(
    run: "Run",
    kind: Kind,
    symbol: str | None,
    horizon: int | None,
    data: Path | None,
    window: "Window",
) -> dict[str, "Figure"]:
    from lstmcast.plots import training_chart

    if kind is Kind.training:
        return {"training": training_chart(run.history(), title=f"Training of {run.name}")}
    if kind is Kind.ranges:
        return _ranges(run, symbol, horizon or 1, data)
    if kind is Kind.importance:
        return _importance(run, data)
    if kind is Kind.gates:
        return _gates(run, symbol, data, window)
    return _by_symbol(run, kind, symbol, horizon, data)


def _importance(run: "Run", data: Path | None) -> dict[str, "Figure"]:
    """What inputs are worth to the run's networks."""
    from lstmcast.cli.inside import Inside
    from lstmcast.plots import importance_chart
    from lstmcast.prices.store import PriceStore

    inside = Inside.of(run, run.histories(PriceStore(data_dir(data))))
    found, lags = inside.importance()
    return {"importance": importance_chart(found, lags, details=f"run {run.name}")}


def _gates(
    run: "Run", symbol: str | None, data: Path | None, window: Window
) -> dict[str, "Figure"]:
    """The gates of a network, a chart for each symbol."""
    from lstmcast.cli.inside import Inside
    from lstmcast.prices.store import PriceStore
    from lstmcast.prices.symbols import symbol_to_stem

    name = _known(run, symbol)
    histories = run.histories(PriceStore(data_dir(data)), newest=True)
    inside = Inside.of(run, histories)
    return {
        f"{symbol_to_stem(history.symbol)}-gates": inside.gates(
            history.symbol,
            first=window.first,
            last=window.last,
            units=window.units,
            member=window.member,
            currency=history.currency,
        )
        for history in histories
        if name is None or history.symbol == name
    }


def _ranges(
    run: "Judged", symbol: str | None, horizon: int, data: Path | None
) -> dict[str, "Figure"]:
    """How the ranges held, of all symbols or of one, by the name of its file."""
    from lstmcast.evaluation.coverage import check_coverage, check_coverage_by_year, pit_shares
    from lstmcast.evaluation.diagnostics import volatility_terciles
    from lstmcast.evaluation.scores import row_losses
    from lstmcast.plots import ranges_chart
    from lstmcast.prices.store import PriceStore
    from lstmcast.prices.symbols import symbol_to_stem

    name = _known(run, symbol)
    table = run.predictions()
    known = sorted(table["horizon"].unique().tolist())
    if horizon not in known:
        raise UsageError(
            f"`--horizon` {horizon} was not forecast", f"choose from {known[0]} to {known[-1]}"
        )
    table = table[table["horizon"] == horizon]
    if name is not None:
        table = table[table["symbol"] == name]
    bars = {h.symbol: h.adjusted() for h in run.histories(PriceStore(data_dir(data)))}
    losses = row_losses(table)
    checks = check_coverage(losses, volatility_terciles(table, bars), horizon)
    symbols = table["symbol"].unique()
    who = str(symbols[0]) if len(symbols) == 1 else f"{len(symbols)} symbols"
    ahead = "one session" if horizon == 1 else f"{horizon} sessions"
    figure = ranges_chart(
        checks + check_coverage_by_year(losses, horizon),
        pit_shares(table, horizon) if checks else (),
        title=f"{who}: did the ranges hold {ahead} ahead?",
        details=f"run {run.name}, {table['date'].min():%Y-%m-%d} to {table['date'].max():%Y-%m-%d}",
    )
    stem = "ranges" if name is None else f"{symbol_to_stem(name)}-ranges"
    return {stem if horizon == 1 else f"{stem}-{horizon}": figure}


def _known(run: "Judged", symbol: str | None) -> str | None:
    """The symbol as the run writes it."""
    from lstmcast.prices.symbols import Reference

    known = {entry.symbol: entry.source for entry in run.symbols}
    if symbol is None:
        return None
    source, colon, name = symbol.rpartition(":")
    wanted = Reference(source.lower(), name.strip().upper())
    if wanted.symbol not in known or (colon and known[wanted.symbol] != wanted.source):
        raise UsageError(
            f"`--symbol` {symbol} is not in the run {run.name}",
            f"it has {', '.join(known)} from {', '.join(sorted(set(known.values())))}",
        )
    return wanted.symbol


def _by_symbol(
    run: "Run", kind: Kind, symbol: str | None, horizon: int | None, data: Path | None
) -> dict[str, "Figure"]:
    """A figure for each symbol asked for, by the name of its file."""
    from lstmcast.prices.store import PriceStore

    name = _known(run, symbol)
    histories = run.histories(PriceStore(data_dir(data)), newest=kind is Kind.fan)
    wanted = [history.symbol for history in histories if name is None or history.symbol == name]
    if kind is Kind.fan:
        figures = _fans(run, histories, wanted, horizon)
    else:
        earlier = None
        if kind is Kind.history:
            from lstmcast.cli.inside import earlier_forecasts

            earlier = earlier_forecasts(run, histories, wanted)
        figures = _test_charts(run, kind, histories, wanted, horizon or 1, earlier)
    return _named(figures, kind, horizon)


def _named(figures: Mapping[str, "Figure"], kind: Kind, horizon: int | None) -> dict[str, "Figure"]:
    """Figures of symbols by the names of their files; those of several horizons side by side."""
    from lstmcast.prices.symbols import symbol_to_stem

    ahead = "" if horizon is None else f"-{horizon}"
    return {
        f"{symbol_to_stem(name)}-{kind.value}{ahead}": figure for name, figure in figures.items()
    }


def _test_charts(
    run: "Judged",
    kind: Kind,
    histories: list["PriceHistory"],
    wanted: list[str],
    horizon: int,
    earlier: "pd.DataFrame | None" = None,
) -> dict[str, "Figure"]:
    from lstmcast.plots import PartDates, forecast_chart

    predictions = run.predictions()
    tested = set(predictions["symbol"])
    untested = [symbol for symbol in wanted if symbol not in tested]
    end = run.boundaries["validation_end"]
    if untested == wanted:
        raise UsageError(
            f"{', '.join(untested)} has no session after {end:%Y-%m-%d} and was not tested",
            "draw its newest forecast with `--kind fan`, or another symbol",
        )
    for symbol in untested:
        note(f"{symbol} has no session after {end:%Y-%m-%d}: nothing was tested")
    return {
        history.symbol: forecast_chart(
            predictions,
            history.adjusted()["close"],
            split=PartDates(**run.boundaries),
            symbol=history.symbol,
            horizon=horizon,
            view="history" if kind is Kind.history else "test",
            earlier=earlier,
            currency=history.currency,
            details=f"run {run.name}, prices from {history.source}",
        )
        for history in histories
        if history.symbol in wanted and history.symbol in tested
    }


def _fans(
    run: "Run", histories: list["PriceHistory"], wanted: list[str], horizon: int | None
) -> dict[str, "Figure"]:
    """Of the symbols that are wanted; the others inform what a pool shares."""
    from lstmcast.explain import explain_ranges
    from lstmcast.forecasting import forecast_ahead
    from lstmcast.plots import fan_chart

    forecaster = run.forecaster()
    forecasts = forecast_ahead(forecaster, histories, horizon, wanted)
    told = explain_ranges(forecaster, histories, wanted)
    sentences = {symbol: found.sentence for symbol, found in told.items()}
    by_name = {history.symbol: history for history in histories}
    return {
        ahead.symbol: fan_chart(
            by_name[ahead.symbol].adjusted()["close"],
            ahead.table,
            symbol=ahead.symbol,
            currency=ahead.currency,
            details=f"run {run.name}, newest bar {ahead.origin:%Y-%m-%d} "
            f"from {by_name[ahead.symbol].source}",
            why=sentences.get(ahead.symbol, "").replace("`", ""),
        )
        for ahead in forecasts
    }
