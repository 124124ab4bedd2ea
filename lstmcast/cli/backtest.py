"""`lstmcast backtest`: train again and again through history, and judge all forecasts together."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.clusters import computing_on, require_cluster
from lstmcast.cli.console import (
    err,
    note,
    print_json,
)
from lstmcast.cli.experiment import asked_experiment, tell_of_features
from lstmcast.cli.interrupts import saying
from lstmcast.cli.options import (
    RUNS_DIR,
    Baselines,
    Cluster,
    ConfigOption,
    DataDir,
    FailUnless,
    Json,
    Overrides,
    RunsDir,
    SymbolsArgument,
    data_dir,
)
from lstmcast.cli.result_files import write_result
from lstmcast.cli.run_access import hold_folder
from lstmcast.cli.walk_tables import METRICS, is_whole, print_walk
from lstmcast.cli.workers import load_folds
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.baselines import FitCache
    from lstmcast.evaluation.backtest import Backtest, BacktestReport


class WindowOption(StrEnum):
    """What a fold learns from."""

    expanding = "expanding"
    rolling = "rolling"


def backtest(
    symbols: SymbolsArgument = None,
    config: ConfigOption = None,
    overrides: Overrides = None,
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
        typer.Option(min=0, help="Sessions left out before each fold's first forecast."),
    ] = 0,
    baselines: Baselines = None,
    cost_bps: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Also test two simple trading rules at this trading cost, in basis points.",
            show_default=False,
        ),
    ] = None,
    fail_unless: FailUnless = None,
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
            "--resume", help="Say so if no fold is finished; finished folds are reused in any case."
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Worker processes for the folds; 0 uses every core. One by default, on a cluster"
            " as many as it has cores.",
            show_default=False,
        ),
    ] = None,
    cluster: Cluster = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Walk-forward backtest: train, forecast the next fold, retrain; continues where it stopped."""
    jobs = (1 if cluster is None else 0) if jobs is None else jobs
    if cluster is None and not warm_start:
        load_folds(folds, jobs)

    import pandas as pd

    from lstmcast.api.backtesting import plan, report_of
    from lstmcast.api.evaluation import fit_cache
    from lstmcast.baselines import BASELINES, get_baseline
    from lstmcast.evaluation import check_conditions, parse_conditions
    from lstmcast.evaluation.backtest import Settings
    from lstmcast.files import make_folder
    from lstmcast.parallel import let_workers_end
    from lstmcast.prices.selection import select_histories
    from lstmcast.prices.store import PriceStore
    from lstmcast.run import ensure_writable
    from lstmcast.seals import sealed_values
    from lstmcast.training.device import keep_freed_memory

    names = tuple(BASELINES) if baselines is None else tuple(baselines.replace(" ", "").split(","))
    for name in names:
        get_baseline(name)
    parse_conditions(fail_unless or [], names)
    experiment = asked_experiment(symbols, config, overrides or ())
    parse_conditions(fail_unless or [], names, experiment.target.horizon)
    require_cluster(cluster)
    if cluster is not None and warm_start:
        raise UsageError(
            "`--cluster` and `--warm-start` do not go together: each fold waits for the one before",
            "leave one of them out",
        )
    store = PriceStore(data_dir(data))
    histories = select_histories(store, experiment.data)
    ensure_writable(runs_dir)
    keep_freed_memory()
    settings = Settings(
        folds=folds,
        window=window.value,
        first=None if first is None else pd.Timestamp(first),
        embargo=embargo,
        baselines=names,
        warm_start=warm_start,
    )
    walk = plan(experiment, histories, settings, runs_dir, jobs=jobs)
    tell_of_features(walk.experiment, histories)
    if resume and len(walk.missing()) == len(walk.folds):
        note("no fold of this walk is finished: it starts with the first")
    if warm_start and jobs != 1:
        note("with `--warm-start` folds run in sequence; `--jobs` only spreads the baselines")
    make_folder(walk.folder, "choose another folder with `--runs-dir`")
    hold_folder(walk.folder)
    with saying(lambda: _kept(walk)):
        with computing_on(cluster):
            _walk(walk, None if cluster else fit_cache(store))
        let_workers_end()
        report = report_of(walk, cost_bps)
    metrics = sealed_values(report.to_dict(), walk.owner)
    _keep(walk, report, metrics)
    if json:
        print_json(metrics)
    else:
        print_walk(report)
    check_conditions(report.report, fail_unless or [])


def _walk(walk: "Backtest", cache: "FitCache | None") -> None:
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
            if done == total - 1:
                # While a worker does the last one this process has nothing to do, and what draws
                # the chart takes half a second to load.
                import lstmcast.plots.backtest  # noqa: F401 - to have it loaded
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


def _keep(walk: "Backtest", report: "BacktestReport", metrics: Mapping[str, Any]) -> None:
    """Write the scores, and the chart where there is one, into the walk's folder."""
    write_result(walk.folder / METRICS, metrics, is_whole)
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
