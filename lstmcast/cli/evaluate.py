"""`lstmcast evaluate`: the test forecasts of a run beside the standards, and a verdict."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lstmcast.cli.console import note, out, print_json
from lstmcast.cli.options import RUNS_DIR, DataDir, Json, RunArgument, RunsDir, data_dir

if TYPE_CHECKING:
    from rich.table import Table

    from lstmcast.evaluation import Report
    from lstmcast.run import Run


def evaluate(
    run: RunArgument = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Score the test forecasts beside random walk, EWMA, GARCH and HAR on the same rows."""
    from lstmcast.run import Run

    opened = Run.open(run, runs_dir)
    report = evaluate_run(opened, data_dir(data))
    metrics = report.to_dict()
    opened.write_metrics(metrics)
    if json:
        print_json(metrics)
        return
    print_report(report)


def evaluate_run(run: "Run", store_folder: Path) -> "Report":
    """Evaluate a run's stored predictions; the network itself is not needed."""
    from lstmcast.baselines import FitCache
    from lstmcast.evaluation import evaluate as evaluate_tables
    from lstmcast.features import build_features
    from lstmcast.prices.store import PriceStore

    histories = run.histories(PriceStore(store_folder))
    groups = run.experiment().features or ()
    return evaluate_tables(
        run.predictions(),
        {history.symbol: history.adjusted() for history in histories},
        features={history.symbol: build_features(history, groups).table for history in histories},
        cache=FitCache(store_folder / "cache" / "fits"),
    )


def print_report(report: "Report") -> None:
    """The tables and the verdict, for people."""
    screen = out()
    screen.print(_scores_table(report))
    if len(report.horizons) > 1:
        screen.print(_grid(report, "horizon", _thinned(report.horizons)))
    if len(report.rows) > 1:
        screen.print(_grid(report, "symbol", list(report.rows)))
    for line in report.notes:
        note(f"note: {line}")
    screen.print(report.verdict.text, markup=False)


def _scores_table(report: "Report") -> "Table":
    """Every score of every forecaster at the shortest horizon."""
    from rich.table import Table

    horizon = report.horizons[0]
    table = Table(title=_title(report), title_justify="left", caption_justify="left")
    table.add_column("")
    for name in ("price error", "log score", "CRPS", "50 %", "80 %", "90 %", "95 %", "direction"):
        table.add_column(name, justify="right")
    for part in report.forecasters.values():
        scores = part.pooled[horizon]
        table.add_row(
            part.label,
            _number(scores.rmse_ratio),
            _number(scores.log_score),
            _number(scores.crps),
            *(_share(getattr(scores, f"coverage_{nominal}")) for nominal in (50, 80, 90, 95)),
            _share(scores.hit_rate),
        )
    up = _share(next(iter(report.forecasters.values())).pooled[horizon].up_share)
    table.caption = (
        "price error: RMSE of the median price over that of the last close (1 = no better)\n"
        "log score, CRPS: of the return in %, lower is better\n"
        "50 % to 95 %: share of closes inside the range that should hold as many\n"
        f"direction: share of moves whose sign was right; always saying up scores {up}"
    )
    return table


def _title(report: "Report") -> str:
    rows = report.rows
    who = next(iter(rows)) if len(rows) == 1 else f"{len(rows)} symbols, mean of each one's score"
    first, last = min(r.first for r in rows.values()), max(r.last for r in rows.values())
    horizon = report.horizons[0]
    ahead = "one session" if horizon == 1 else f"{horizon} sessions"
    count = sum(r.count for r in rows.values())
    return f"{who}: {ahead} ahead, {count:,} forecasts, {first} to {last}"


def _grid(report: "Report", by: Literal["horizon", "symbol"], columns: list[str]) -> "Table":
    """Log scores and CRPS by horizon or by symbol: a row for each forecaster."""
    from rich.table import Table

    table = Table(title=f"CRPS by {by}", title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for part in report.forecasters.values():
        if by == "horizon":
            cells = [part.pooled[int(column)] for column in columns]
        else:
            cells = [part.symbols[column][report.horizons[0]] for column in columns]
        if any(scores.crps == scores.crps for scores in cells):
            table.add_row(part.label, *(_number(scores.crps) for scores in cells))
    return table


def _thinned(horizons: tuple[int, ...]) -> list[str]:
    """At most seven horizons, the first and the last among them, so that a row fits a screen."""
    step = -(-len(horizons) // 6)
    return [str(h) for h in sorted({*horizons[::step], horizons[-1]})]


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"  # noqa: PLR0124 - not a number


def _share(value: float) -> str:
    return "-" if value != value else f"{value:.1%}"  # noqa: PLR0124 - not a number
