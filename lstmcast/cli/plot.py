"""`lstmcast plot`: charts of a run."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli.console import note
from lstmcast.cli.options import RUNS_DIR, DataDir, RunArgument, RunsDir, data_dir
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lstmcast.prices.history import PriceHistory
    from lstmcast.run import Run


class Kind(StrEnum):
    """What a chart shows."""

    test = "test"
    history = "history"
    fan = "fan"
    training = "training"


class Format(StrEnum):
    """A file format for charts."""

    png = "png"
    svg = "svg"
    pdf = "pdf"


def plot(
    run: RunArgument = None,
    kind: Annotated[
        Kind,
        typer.Option(
            help="test: forecasts against the closes that came; history: all sessions;"
            " fan: the sessions to come; training: losses by epoch."
        ),
    ] = Kind.test,
    symbol: Annotated[
        str | None,
        typer.Option(
            help="One symbol of several; by default a chart for each.", show_default=False
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Sessions ahead; 1 for test, all that were trained for fan.",
            show_default=False,
        ),
    ] = None,
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
    """Draw a run: its test forecasts in prices, all sessions, the days to come, or its losses."""
    from lstmcast.plots import save_figure, training_chart
    from lstmcast.run import Run

    opened = Run.open(run, runs_dir)
    if kind is Kind.training:
        figures = {"training": training_chart(opened.history(), title=f"Training of {opened.name}")}
    else:
        figures = _by_symbol(opened, kind, symbol, horizon, data)
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


def _by_symbol(
    run: "Run", kind: Kind, symbol: str | None, horizon: int | None, data: Path | None
) -> dict[str, "Figure"]:
    """A figure for each symbol asked for, by the name of its file."""
    from lstmcast.prices.store import PriceStore
    from lstmcast.prices.symbols import symbol_to_stem

    known = [entry.symbol for entry in run.symbols]
    if symbol is not None and symbol.upper() not in known:
        raise UsageError(
            f"`--symbol` {symbol} is not in the run {run.name}", f"it has {', '.join(known)}"
        )
    histories = [
        history
        for history in run.histories(PriceStore(data_dir(data)), newest=kind is Kind.fan)
        if symbol is None or history.symbol == symbol.upper()
    ]
    if kind is Kind.fan:
        figures = _fans(run, histories, horizon)
    else:
        figures = _test_charts(run, kind, histories, horizon or 1)
    # Charts of several horizons lie side by side.
    ahead = "" if horizon is None else f"-{horizon}"
    return {
        f"{symbol_to_stem(name)}-{kind.value}{ahead}": figure for name, figure in figures.items()
    }


def _test_charts(
    run: "Run", kind: Kind, histories: list["PriceHistory"], horizon: int
) -> dict[str, "Figure"]:
    from lstmcast.plots import PartDates, forecast_chart

    predictions = run.predictions()
    return {
        history.symbol: forecast_chart(
            predictions,
            history.adjusted()["close"],
            split=PartDates(**run.boundaries),
            symbol=history.symbol,
            horizon=horizon,
            view="history" if kind is Kind.history else "test",
            currency=history.currency,
            details=f"run {run.name}, prices from {history.source}",
        )
        for history in histories
    }


def _fans(run: "Run", histories: list["PriceHistory"], horizon: int | None) -> dict[str, "Figure"]:
    from lstmcast.forecasting import forecast_ahead
    from lstmcast.plots import fan_chart

    forecasts = forecast_ahead(run.forecaster(), histories, horizon)
    return {
        ahead.symbol: fan_chart(
            history.adjusted()["close"],
            ahead.table,
            symbol=ahead.symbol,
            currency=ahead.currency,
            details=f"run {run.name}, newest bar {ahead.origin:%Y-%m-%d} from {history.source}",
        )
        for history, ahead in zip(histories, forecasts, strict=True)
    }
