"""`lstmcast report`: a run or a walk as one HTML file to look at."""

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import symbols
from lstmcast.cli.console import note
from lstmcast.cli.options import RUNS_DIR, DataDir, RunOrWalk, RunsDir, data_dir
from lstmcast.cli.run_access import open_run, open_walk
from lstmcast.cli.workers import load_baselines


def report(
    run: RunOrWalk = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SYMBOL",
            help="Draw this symbol; may be repeated. By default the first 12.",
            autocompletion=symbols,
            show_default=False,
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the web browser.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write; by default report.html in the run's folder.",
            show_default=False,
        ),
    ] = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Write a run as one HTML file: verdict, charts, scores, networks.

    The file needs no network and no other file. Its charts need the extra `report` (Plotly).
    """
    from lstmcast.cli.report_of_run import run_page
    from lstmcast.cli.report_of_walk import walk_page
    from lstmcast.files import check_place, write_atomically
    from lstmcast.report import plotly_script, render

    library = plotly_script()  # before minutes of work
    if output is not None:
        check_place(output)
    if (walk := open_walk(run, runs_dir)) is not None:
        folder, page = walk.path, walk_page(walk, data_dir(data), symbol)
    else:
        opened = open_run(run, runs_dir)
        load_baselines(len(opened.symbols), None, 0)
        folder, page = opened.path, run_page(opened, data_dir(data), symbol)
    path = output or folder / "report.html"
    write_atomically(
        path, render(page, library), "choose a place that you may write to, with `--output`"
    )
    note(f"wrote {path}")
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
