"""`lstmcast backtest`: train again and again through history, and judge all forecasts together."""

import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.console import (
    decimals_of_scores,
    err,
    figures,
    give_or_take,
    note,
    number,
    print_json,
    print_table,
)
from lstmcast.cli.experiment import asked_experiment
from lstmcast.cli.interrupts import saying
from lstmcast.cli.opening import keep, keep_folder
from lstmcast.cli.options import (
    RUNS_DIR,
    ConfigOption,
    DataDir,
    Json,
    RunsDir,
    SymbolsArgument,
    data_dir,
)
from lstmcast.cli.verdict import print_report

if TYPE_CHECKING:
    from rich.table import Table

    from lstmcast.baselines import FitCache
    from lstmcast.evaluation.backtest import Backtest, BacktestReport


METRICS = "metrics.json"
FITTED = "fitted again in each fold, on all sessions before it"
"""What the baselines of a walk are fitted on."""


class WindowOption(StrEnum):
    """What a fold learns from."""

    expanding = "expanding"
    rolling = "rolling"


def backtest(
    symbols: SymbolsArgument = None,
    config: ConfigOption = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Override one key, as in --set model.members=3; may be repeated.",
            metavar="KEY=VALUE",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=1, help="Number of folds.")] = 10,
    window: Annotated[
        WindowOption,
        typer.Option(help="Train on all history before the fold, or on a window of fixed length."),
    ] = WindowOption.expanding,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="First session to forecast; by default the middle of the history.",
            show_default=False,
        ),
    ] = None,
    embargo: Annotated[
        int,
        typer.Option(min=0, help="Sessions left out before each fold's first forecast (embargo)."),
    ] = 0,
    baselines: Annotated[
        str | None,
        typer.Option(
            help="Baselines by name, separated by commas; all by default.",
            show_default=False,
        ),
    ] = None,
    cost_bps: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Also test two simple trading rules at this trading cost, in basis points.",
            show_default=False,
        ),
    ] = None,
    fail_unless: Annotated[
        list[str] | None,
        typer.Option(
            help='Exit with an error unless this holds, such as "crps<garch" or "p<0.05".',
            show_default=False,
        ),
    ] = None,
    warm_start: Annotated[
        bool,
        typer.Option(
            "--warm-start",
            help="Start each fold from the previous one's weights; folds then run in sequence.",
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with folds that are done; the same command does so by itself."
        ),
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=0, help="Worker processes for the folds; 0 uses every core.")
    ] = 1,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Walk-forward backtest: train, forecast the next fold, retrain; resumes where it stopped."""
    import pandas as pd

    from lstmcast.api.backtesting import plan, report_of
    from lstmcast.api.evaluation import fit_cache
    from lstmcast.baselines import BASELINES, get_baseline
    from lstmcast.evaluation import check_conditions, parse_conditions
    from lstmcast.evaluation.backtest import Settings
    from lstmcast.files import make_folder
    from lstmcast.prices.selection import select_histories
    from lstmcast.prices.store import PriceStore
    from lstmcast.run import ensure_writable

    names = tuple(BASELINES) if baselines is None else tuple(baselines.replace(" ", "").split(","))
    for name in names:
        get_baseline(name)
    parse_conditions(fail_unless or [], names)
    experiment = asked_experiment(symbols, config, overrides or ())
    parse_conditions(fail_unless or [], names, experiment.target.horizon)
    store = PriceStore(data_dir(data))
    histories = select_histories(store, experiment.data)
    ensure_writable(runs_dir)
    walk = plan(
        experiment,
        histories,
        Settings(
            folds=folds,
            window=window.value,
            first=None if first is None else pd.Timestamp(first),
            embargo=embargo,
            baselines=names,
            warm_start=warm_start,
        ),
        runs_dir,
        jobs=jobs,
    )
    if resume and len(walk.missing()) == len(walk.folds):
        note("no fold of this walk is done: it begins anew")
    if warm_start and jobs != 1:
        note("with `--warm-start` folds run in sequence; `--jobs` only spreads the baselines")
    make_folder(walk.folder, "choose another folder with `--runs-dir`")
    keep_folder(walk.folder)
    with saying(lambda: _kept(walk)):
        _walk(walk, fit_cache(store))
        report = report_of(walk, cost_bps)
    _keep(walk, report)
    if json:
        print_json(report.to_dict())
    else:
        print_walk(report)
    check_conditions(report.report, fail_unless or [])


def _walk(walk: "Backtest", cache: "FitCache") -> None:
    """Do the folds that are missing; on a terminal with a bar from the first moment on."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    total, todo = len(walk.folds), walk.missing()
    done = total - len(todo)
    screen = err()
    columns = (
        TextColumn("folds"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    shown = bool(todo) and screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=not shown) as bar:
        if done:
            screen.print(f"{done} of {total} folds were already done")
        task = bar.add_task("", total=len(todo))
        for fold in walk.run(cache=cache):
            done += 1
            bar.update(task, advance=1, refresh=True)
            screen.print(
                f"fold {fold.number} done ({done} of {total}): trained up to "
                f"{fold.validation_end:%Y-%m-%d}, forecasts to {fold.last_outcome:%Y-%m-%d}",
            )


def _kept(walk: "Backtest") -> str:
    """What a walk that was broken keeps."""
    total = len(walk.folds)
    kept = total - len(walk.missing())
    if kept == 0:
        return f"none of {total} folds was finished, so nothing is kept"
    return f"{kept} of {total} folds are kept; run the same command again to resume"


def _keep(walk: "Backtest", report: "BacktestReport") -> None:
    """Write the scores, and the chart where there is one, into the walk's folder."""
    keep(walk.folder / METRICS, report.to_dict(), is_whole)
    if not report.differences.empty:
        from lstmcast.plots import save_figure
        from lstmcast.plots.backtest import backtest_chart

        best = report.report.verdict.best_baseline
        figure = backtest_chart(
            report.differences,
            rival=report.report.forecasters[str(best)].label,
            details=f"{walk.experiment.name}, {len(walk.folds)} folds",
            folds=[fold.first_origin for fold in walk.folds],
        )
        chart = walk.folder / "cumulative.png"
        save_figure(figure, chart)
        note(f"wrote {chart}")
    note(f"kept in {walk.folder}")


def is_whole(metrics: Mapping[str, Any]) -> bool:
    """Whether the trading rules were asked for: the folder already stands for all the rest."""
    return bool(metrics.get("strategies"))


def print_walk(report: "BacktestReport", *, details: bool = False) -> None:
    """The tables and the verdict of a walk, for people."""
    print_report(report.report, FITTED, details=details)
    if report.years:
        print_table(_years_table(report))
    if not report.strategies:
        return
    if report.report.verdict.point_p is None:
        note("note: too few days to judge the trading rules; see metrics.json")
    else:
        print_table(_strategy_table(report))


def _years_table(report: "BacktestReport") -> "Table":
    best = report.report.forecasters[str(report.report.verdict.best_baseline)].label
    from lstmcast.evaluation.significance import enough_days

    horizon = report.report.horizons[0]
    few = any(not enough_days(year.days, horizon) for year in report.years)
    table = figures(
        f"By year, against {best}", "no figures: too few days to judge" if few else None
    )
    for name in ("year", "days", "CRPS", f"CRPS of {best}", "gain"):
        table.add_column(name, justify="right")
    decimals = decimals_of_scores(x for year in report.years for x in (year.crps, year.best_crps))
    for year in report.years:
        if not enough_days(year.days, horizon):
            table.add_row(str(year.year), str(year.days), *["-"] * 3)
            continue
        table.add_row(
            str(year.year),
            str(year.days),
            number(year.crps, decimals),
            number(year.best_crps, decimals),
            f"{100 * year.skill:+.2f} %",
        )
    return table


def _strategy_table(report: "BacktestReport") -> "Table":
    names = {part.name for part in report.strategies}
    table = figures(
        f"Trading rules after costs of {report.cost_bps:g} bps per trade",
        "volatility target: invests the share that gives 15 % volatility a year, at most 100 %\n"
        "trades at the next open; symbols weighted equally; cash earns nothing\n"
        "a year: 252 times the mean daily return\n"
        "excess: return a year beyond holding the rule's average share; Newey-West error\n"
        "deflated: probability that the Sharpe ratio is above the best to be expected by chance "
        f"of {report.trials} {'trial' if report.trials == 1 else 'trials'}"
        + ("" if {"sign"} & names else "\nthe sign rule always holds: it is buy and hold"),
    )
    for name in (
        "",
        "a year",
        "volatility",
        "Sharpe",
        "excess",
        "deflated",
        "turnover",
        "drawdown",
    ):
        table.add_column(name, justify="right" if name else "left")
    for part in report.strategies:
        table.add_row(
            part.name,
            f"{part.annual_return:+.1%}",
            f"{part.annual_volatility:.1%}",
            give_or_take(f"{part.sharpe:.2f}", f"{part.sharpe_error:.2f}"),
            "-"
            if math.isnan(part.beyond)
            else give_or_take(f"{part.beyond:+.1%}", f"{part.beyond_error:.1%}"),
            number(part.deflated, 2),
            f"{part.turnover:.1f}",
            f"{part.drawdown:.1%}",
        )
    return table
