"""The tables of `lstmcast evaluate`: scores, further horizons, symbols, coverage."""

import math
import operator
from typing import TYPE_CHECKING

from lstmcast.cli.console import decimals_of_scores, figures, number, share, signed
from lstmcast.cli.coverage import coverage_cell, coverage_notes
from lstmcast.cli.shown_symbols import shown_symbols

if TYPE_CHECKING:
    from rich.table import Table

    from lstmcast.evaluation import Report
    from lstmcast.evaluation.coverage_check import CoverageCheck


def report_tables(report: "Report", fitted: str) -> "list[Table]":
    """All tables that have rows.

    Args:
        report: what was found.
        fitted: what the baselines were fitted on, in words.
    """
    tables = [_scores_table(report, fitted)]
    if len(report.horizons) > 1:
        tables.append(_horizons_table(report))
    if len(report.rows) > 1:
        tables.append(_symbols_table(report))
    if report.ranges:
        tables.append(_ranges_table(report))
    return tables


def _scores_table(report: "Report", fitted: str) -> "Table":
    """Every score of every forecaster at the shortest horizon."""
    horizon = report.horizons[0]
    table = figures(report_title(report))
    table.add_column("", no_wrap=True)
    for name in (
        "price\nerror",
        "log\nscore",
        "CRPS",
        "50 %",
        "80 %",
        "90 %",
        "95 %",
        "hit\nrate",
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
        "price error: RMSE of the median price over that of the last close (1 = no better)\n"
        "log score, CRPS: of the return in %, lower is better\n"
        "50 % to 95 %: coverage, the share of closes inside each range\n"
        f"hit rate: share of moves whose direction was right; always saying up scores {up}"
        + (f"\nbaselines: {fitted}" if len(report.forecasters) > 1 else "")
    )
    return table


def report_title(report: "Report") -> str:
    """What was forecast: symbols, horizon, number and dates of the forecasts."""
    rows = report.rows
    who = next(iter(rows)) if len(rows) == 1 else f"{len(rows)} symbols, mean of their scores"
    first, last = min(r.first for r in rows.values()), max(r.last for r in rows.values())
    horizon = report.horizons[0]
    ahead = "one session" if horizon == 1 else f"{horizon} sessions"
    count = sum(r.count for r in rows.values())
    return f"{who}: {ahead} ahead, {count:,} forecasts, {first} to {last}"


def _horizons_table(report: "Report") -> "Table":
    """CRPS of every forecaster further ahead, and where the model differs from it."""
    from lstmcast.evaluation.finding import SIGNIFICANT

    columns = _thinned(report.horizons)
    label = report.forecasters["model"].label
    compared = report.forecasters["model"].kind == "distribution"
    table = figures(
        "CRPS by sessions ahead",
        f"*: {label} is significantly better than this baseline (p < {SIGNIFICANT}); "
        "!: significantly worse"
        if compared
        else None,
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
    """Which way the model differs significantly from a baseline; nothing where it does not."""
    from lstmcast.evaluation.finding import SIGNIFICANT

    found = report.comparisons[name][horizon].crps if name in report.comparisons else None
    if found is None or not found.p_value < SIGNIFICANT:
        return ""
    return "*" if found.mean < 0 else "!"


def _symbols_table(report: "Report") -> "Table":
    """The model beside the best baseline, symbol by symbol."""
    best = report.verdict.best_baseline
    horizon = report.horizons[0]
    from lstmcast.evaluation.ratios import skill
    from lstmcast.evaluation.significance import enough_days

    shown, which = shown_symbols(report)
    few = any(not enough_days(report.rows[symbol].count, horizon) for symbol in shown)
    table = figures(
        "By symbol" + (f", against {report.forecasters[best].label}" if best else ""),
        "gain: by how much CRPS is lower; p: Holm-corrected for the number of symbols"
        + ("\nno figures: too few forecasts to conclude anything" if few else "")
        + (f"\n{which}" if which else ""),
    )
    table.add_column("", no_wrap=True)
    for name in ("forecasts", "price\nerror", "CRPS", "gain", "p", "50 %", "80 %", "95 %"):
        table.add_column(name, justify="right")
    found = report.forecasters["model"].symbols
    decimals = decimals_of_scores(part[horizon].crps for part in found.values())
    for symbol in shown:
        rows = report.rows[symbol]
        if not enough_days(rows.count, horizon):
            table.add_row(symbol, f"{rows.count:,}", *["-"] * 7)
            continue
        scores = found[symbol][horizon]
        rival = report.forecasters[best].symbols[symbol][horizon].crps if best else math.nan
        p = report.symbol_tests.get(symbol, {}).get("p_holm")
        table.add_row(
            symbol,
            f"{rows.count:,}",
            number(scores.rmse_ratio),
            number(scores.crps, decimals),
            "-" if math.isnan(gain := skill(scores.crps, rival)) else signed(gain),
            "-" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}",
            *(share(getattr(scores, f"coverage_{nominal}")) for nominal in (50, 80, 95)),
        )
    return table


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


def _thinned(horizons: tuple[int, ...]) -> list[str]:
    """At most seven horizons, the first and the last among them, so that a row fits a screen."""
    step = -(-len(horizons) // 6)
    return [str(h) for h in sorted({*horizons[::step], horizons[-1]})]
