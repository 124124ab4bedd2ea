"""`lstmcast plot`: charts of a run."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli.console import note
from lstmcast.cli.options import RUNS_DIR, DataDir, RunOrWalk, RunsDir, data_dir
from lstmcast.cli.run_access import hold_folder, open_walk, tell_of_damaged
from lstmcast.cli.terminal import check_terminal, print_charts
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.api.charts import Judged


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
            metavar="KIND",
            help="test: test forecasts and actual closes; history: all sessions;"
            " fan: the coming sessions; training: losses by epoch; ranges: coverage;"
            " gates: the LSTM's gates and cell state; importance: what each input is worth.",
        ),
    ] = Kind.test,
    symbol: Annotated[
        str | None,
        typer.Option(
            metavar="SYMBOL",
            help="Draw one symbol only; by default a chart for each (ranges: one for all).",
            show_default=False,
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Sessions ahead; by default 1, and for fan all that were trained.",
            show_default=False,
        ),
    ] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="gates: first session; by default 250 sessions before the last.",
            show_default=False,
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(
            "--to",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="gates: last session; the newest by default.",
            show_default=False,
        ),
    ] = None,
    units: Annotated[
        int,
        typer.Option(
            min=1, max=6, help="gates: number of units; those that move the range most are shown."
        ),
    ] = 4,
    member: Annotated[
        int, typer.Option(min=0, help="gates: which network of the ensemble, counted from 0.")
    ] = 0,
    format: Annotated[Format, typer.Option(help="File format.")] = Format.png,  # noqa: A002 - the option's name
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write; in the run's charts folder by default.",
            show_default=False,
        ),
    ] = None,
    terminal: Annotated[
        bool,
        typer.Option("--terminal", help="Print the chart (test or fan) and write no file."),
    ] = False,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Draw charts of a run: test forecasts, fan, losses, calibration, gates, importance."""
    from lstmcast.api.charts import Gates, charts_of
    from lstmcast.plots import save_figure
    from lstmcast.prices.store import PriceStore
    from lstmcast.run import Run

    if kind is not Kind.gates and not (first is last is None):
        raise UsageError(
            f"`--from` and `--to` choose the sessions of `--kind gates`, not of {kind.value}",
            "leave them out",
        )
    if terminal:
        check_terminal(kind.value, output)
    if (walk := open_walk(run, runs_dir)) is not None:
        opened: Judged = walk
    else:
        opened = Run.open(run, runs_dir)
        hold_folder(opened.path)
        if run is None:
            tell_of_damaged(runs_dir)
    store = PriceStore(data_dir(data))
    if terminal:
        print_charts(opened, store, kind.value, symbol, horizon)
        return
    figures = charts_of(
        opened,
        store,
        kind.value,
        symbol=symbol,
        horizon=horizon,
        gates=Gates(first, last, units, member),
        tell=note,
    )
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
