"""`lstmcast evaluate`: the test forecasts of a run beside the baselines, and a verdict."""

import math
import operator
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast import __version__
from lstmcast.cli.console import (
    decimals_of_scores,
    figures,
    note,
    number,
    out,
    print_json,
    print_table,
    share,
)
from lstmcast.cli.coverage import coverage_cell, coverage_notes
from lstmcast.cli.opening import open_run, place_for
from lstmcast.cli.options import RUNS_DIR, DataDir, Json, RunArgument, RunsDir, data_dir
from lstmcast.harmless import harmless

if TYPE_CHECKING:
    from rich.table import Table

    from lstmcast.baselines import Refit
    from lstmcast.evaluation import Report
    from lstmcast.evaluation.coverage import CoverageCheck
    from lstmcast.run import Run


METRICS = "metrics.json"


class RefitOption(StrEnum):
    """How often the baselines are fitted."""

    never = "never"
    yearly = "yearly"
    quarterly = "quarterly"
    monthly = "monthly"


_FITTED = {
    RefitOption.never: "fitted once, on all sessions before the first forecast",
    RefitOption.yearly: "fitted again each year, on all sessions before it",
    RefitOption.quarterly: "fitted again each quarter, on all sessions before it",
    RefitOption.monthly: "fitted again each month, on all sessions before it",
}


def evaluate(
    run: RunArgument = None,
    baselines: Annotated[
        str | None,
        typer.Option(
            help="Baselines by name, with commas between them; all by default.",
            show_default=False,
        ),
    ] = None,
    refit: Annotated[
        RefitOption,
        typer.Option(help="Fit the baselines once, or in each new period on all rows before."),
    ] = RefitOption.never,
    fail_unless: Annotated[
        list[str] | None,
        typer.Option(
            help='End with an error unless this holds, such as "crps<garch" or "p<0.05";'
            " may be given more than once.",
            show_default=False,
        ),
    ] = None,
    details: Annotated[
        bool,
        typer.Option(
            "--details", help="Print more: further scores, the medians, each year, the tail."
        ),
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=0, help="Worker processes for many symbols; 0 takes every core.")
    ] = 0,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Score the test forecasts beside random walk, EWMA, GARCH and HAR, and give a verdict."""
    from lstmcast.baselines import BASELINES, get_baseline
    from lstmcast.evaluation import check_conditions, parse_conditions
    from lstmcast.files import to_json, write_atomically

    names = [n.strip() for n in baselines.split(",")] if baselines is not None else [*BASELINES]
    for name in names:
        get_baseline(name)
    parse_conditions(fail_unless or [], names)
    opened = open_run(run, runs_dir)
    parse_conditions(fail_unless or [], names, opened.experiment().target.horizon)
    report = evaluate_run(opened, data_dir(data), baselines=names, refit=refit.value, jobs=jobs)
    metrics = {
        **report.to_dict(),
        "refit": refit.value,
        "baselines_asked_for": names,
        "lstmcast": __version__,
    }
    # Shown first: a folder that cannot be written should not cost the answer.
    if json:
        print_json(metrics)
    else:
        print_report(report, _FITTED[refit], details=details)
    _tell_of_lost_networks(opened)
    place = place_for(opened.path / METRICS, metrics, _is_whole)
    if place.name == METRICS:
        opened.write_metrics(metrics)
    else:
        write_atomically(place, to_json(metrics))
    check_conditions(report, fail_unless or [])


def _is_whole(metrics: Mapping[str, Any]) -> bool:
    """Whether every baseline was asked for; older versions do not say, and may have."""
    from lstmcast.baselines import BASELINES

    asked = metrics.get("baselines_asked_for", BASELINES)
    return "forecasters" in metrics and set(BASELINES) <= set(asked)


def _tell_of_lost_networks(run: "Run") -> None:
    """Say so where a training was cut short or lost networks: the verdict is on what is left."""
    from lstmcast.config import groups_of

    kept = len(run.record.get("member_seeds", ()))
    wanted = sum(group.model.members for group in groups_of(run.experiment()))
    if run.record.get("status") == "interrupted":
        note(f"note: training was interrupted; the run has {kept} of {wanted} networks")
    elif run.record.get("diverged_members"):
        note(f"note: {wanted - kept} of {wanted} networks diverged and are left out")


def evaluate_run(
    run: "Run",
    store_folder: Path,
    *,
    baselines: Sequence[str] | None = None,
    refit: "Refit" = "never",
    jobs: int = 0,
) -> "Report":
    """Evaluate a run's stored predictions; the network itself is not needed."""
    from lstmcast.baselines import BASELINES, FitCache, baseline_context
    from lstmcast.evaluation import evaluate as evaluate_tables
    from lstmcast.features import build_matrices
    from lstmcast.prices.closing import market
    from lstmcast.prices.store import PriceStore

    histories = run.histories(PriceStore(store_folder))
    experiment = run.experiment()
    matrices = build_matrices(histories, experiment.features or ())
    features = {symbol: matrix.table for symbol, matrix in matrices.items()}
    names = tuple(BASELINES) if baselines is None else baselines
    return evaluate_tables(
        run.predictions(),
        {history.symbol: history.adjusted() for history in histories},
        features=features,
        context=baseline_context(experiment, histories, names, features),
        markets={history.symbol: market(history) for history in histories},
        baselines=names,
        refit=refit,
        jobs=jobs,
        cache=FitCache.open(store_folder / "cache" / "fits"),
        trials=experiment.tuning.trials,
    )


def print_report(report: "Report", fitted: str, *, details: bool = False) -> None:
    """The tables and the verdict, for people; the verdict alone where there are too few days.

    Args:
        report: what was found.
        fitted: what the baselines were fitted on, in words.
        details: print further tables.
    """
    from rich.text import Text

    from lstmcast.cli.details import detail_tables

    screen = out()
    conclusive = report.verdict.point_p is not None
    if conclusive:
        tables = [_scores_table(report, fitted)]
        if len(report.horizons) > 1:
            tables.append(_horizons_table(report))
        if len(report.rows) > 1:
            tables.append(_symbols_table(report))
        if report.ranges:
            tables.append(_ranges_table(report))
        if details:
            tables += detail_tables(report)
        for table in tables:
            print_table(table)
            screen.print()
    else:
        screen.print(_title(report))
    for line in report.notes:
        note(f"note: {line}")
    if conclusive:
        screen.print(report.verdict.summary, style="bold")
    screen.print(Text(harmless(report.verdict.text, lines=True)))
    if not conclusive:
        note("the scores, for what they are worth, are in the run's metrics.json")


def _ranges_table(report: "Report") -> "Table":
    """Coverage of the model's ranges: by volatility at the shortest horizon, and further ahead."""
    label = report.forecasters["model"].label
    table = figures(
        f"Coverage: share of closes inside the ranges of {label}",
        "low, medium, high volatility: terciles of a symbol's last 500 sessions"
        + ("\ndays: those on which at least one symbol counts" if len(report.rows) > 1 else "")
        + coverage_notes(report.ranges),
    )
    table.add_column("sessions ahead", no_wrap=True)
    table.add_column("days", justify="right")
    for nominal in dict.fromkeys(check.nominal for check in report.ranges):
        table.add_column(f"{nominal} %", justify="right")
    shown = {int(h) for h in _thinned(report.horizons)}
    shown |= {check.horizon for check in report.ranges if check.calibrated is False}
    rows: dict[tuple[int, str], list[CoverageCheck]] = {}
    for check in report.ranges:
        if check.horizon in shown:
            rows.setdefault((check.horizon, check.subset), []).append(check)
    for (horizon, subset), checks in rows.items():
        name = str(horizon) if subset == "overall" else f"  {subset.replace('_', ' ')}"
        table.add_row(name, str(checks[0].days), *map(coverage_cell, checks))
    return table


def _scores_table(report: "Report", fitted: str) -> "Table":
    """Every score of every forecaster at the shortest horizon."""
    horizon = report.horizons[0]
    table = figures(_title(report))
    table.add_column("", no_wrap=True)
    for name in (
        "price\nerror",
        "log\nscore",
        "CRPS",
        "50 %",
        "80 %",
        "90 %",
        "95 %",
        "sign\nright",
    ):
        table.add_column(name, justify="right")
    decimals = decimals_of_scores(part.pooled[horizon].crps for part in report.forecasters.values())
    for part in report.forecasters.values():
        scores = part.pooled[horizon]
        table.add_row(
            part.label,
            number(scores.rmse_ratio),
            number(scores.log_score),
            number(scores.crps, decimals),
            *(share(getattr(scores, f"coverage_{nominal}")) for nominal in (50, 80, 90, 95)),
            share(scores.hit_rate),
        )
    up = share(next(iter(report.forecasters.values())).pooled[horizon].up_share)
    table.caption = (
        "price error: RMSE of the median over that of the last close (1 = no better)\n"
        "log score, CRPS: of the return in %, lower is better\n"
        "50 % to 95 %: share of closes inside the range that should hold as many\n"
        f"sign right: share of moves whose sign was right; always saying up scores {up}"
        + (f"\nbaselines: {fitted}" if len(report.forecasters) > 1 else "")
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


def _horizons_table(report: "Report") -> "Table":
    """CRPS of every forecaster further ahead, and where the model differs from it."""
    from lstmcast.evaluation.evidence import SIGNIFICANT

    columns = _thinned(report.horizons)
    label = report.forecasters["model"].label
    compared = report.forecasters["model"].kind == "distribution"
    table = figures(
        "CRPS by sessions ahead",
        f"* {label} is better, ! worse, with p < {SIGNIFICANT}" if compared else None,
    )
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    rows = {
        name: [part.pooled[int(column)].crps for column in columns]
        for name, part in report.forecasters.items()
    }
    decimals = decimals_of_scores(score for scores in rows.values() for score in scores)
    for name, scores in rows.items():
        if not any(math.isnan(score) for score in scores):
            shown = (number(score, decimals) for score in scores)
            marks = (_mark(report, name, int(column)) for column in columns)
            table.add_row(report.forecasters[name].label, *map(operator.add, marks, shown))
    return table


def _mark(report: "Report", name: str, horizon: int) -> str:
    """Which way the model differs from a baseline, where luck alone would seldom do it."""
    from lstmcast.evaluation.evidence import SIGNIFICANT

    found = report.comparisons[name][horizon].crps if name in report.comparisons else None
    if found is None or not found.p_value < SIGNIFICANT:
        return ""
    return "*" if found.mean < 0 else "!"


def _symbols_table(report: "Report") -> "Table":
    """The model beside the best baseline, symbol by symbol."""
    best = report.verdict.best_baseline
    horizon = report.horizons[0]
    from lstmcast.evaluation.ratios import skill
    from lstmcast.evaluation.significance import enough

    few = any(not enough(rows.count, horizon) for rows in report.rows.values())
    table = figures(
        "Symbol by symbol" + (f", beside {report.forecasters[best].label}" if best else ""),
        "gain: CRPS lower by; p: adjusted for the number of symbols (Holm)"
        + ("\n?: too few forecasts to conclude anything" if few else ""),
    )
    table.add_column("", no_wrap=True)
    for name in ("forecasts", "price\nerror", "CRPS", "gain", "p", "50 %", "80 %", "95 %"):
        table.add_column(name, justify="right")
    found = report.forecasters["model"].symbols
    decimals = decimals_of_scores(part[horizon].crps for part in found.values())
    for symbol, rows in report.rows.items():
        if not enough(rows.count, horizon):
            table.add_row(symbol, f"{rows.count:,}", *["?"] * 7)
            continue
        scores = found[symbol][horizon]
        rival = report.forecasters[best].symbols[symbol][horizon].crps if best else math.nan
        p = report.symbol_tests.get(symbol, {}).get("p_holm")
        table.add_row(
            symbol,
            f"{rows.count:,}",
            number(scores.rmse_ratio),
            number(scores.crps, decimals),
            "-" if math.isnan(gain := skill(scores.crps, rival)) else f"{gain:+.1%}",
            "-" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}",
            *(share(getattr(scores, f"coverage_{nominal}")) for nominal in (50, 80, 95)),
        )
    return table


def _thinned(horizons: tuple[int, ...]) -> list[str]:
    """At most seven horizons, the first and the last among them, so that a row fits a screen."""
    step = -(-len(horizons) // 6)
    return [str(h) for h in sorted({*horizons[::step], horizons[-1]})]
