"""The tables of `lstmcast evaluate --details`: what a sceptic looks at beside the verdict."""

import math
from typing import TYPE_CHECKING

from lstmcast.cli.console import decimals_of_scores, figures, give_or_take, number, share
from lstmcast.cli.coverage import coverage_cell, coverage_notes
from lstmcast.cli.shown_symbols import shown_symbols

if TYPE_CHECKING:
    from rich.table import Table

    from lstmcast.evaluation import Report


def detail_tables(report: "Report") -> "list[Table]":
    """Further scores, the medians, the ranges year by year, and the tail."""
    tables = [_further_scores(report), _medians(report)]
    if report.yearly:
        tables.append(_years(report))
        if report.forecasters["model"].diagnostics and report.horizons[0] == 1:
            tables.append(_tail(report))
    return tables


def _further_scores(report: "Report") -> "Table":
    table = figures(
        "Further scores",
        "MAE: mean absolute error of the median price over that of the last close\n"
        "QLIKE: loss of the forecast variance against the squared return\n"
        "Winkler: width of a range plus a penalty for misses, in %; R2: of returns\n"
        "PIT: largest gap between a level and the share of outcomes below its quantile\n"
        "lower is better, except for R2",
    )
    table.add_column("", no_wrap=True)
    columns = ("MAE ratio", "QLIKE", "Winkler 50 %", "80 %", "90 %", "95 %", "R2", "PIT")
    for name in columns:
        table.add_column(name.replace(" ", "\n", 1), justify="right")
    narrowest = [part.pooled[report.horizons[0]].winkler_50 for part in report.forecasters.values()]
    decimals = decimals_of_scores(narrowest, 2)
    for part in report.forecasters.values():
        scores = part.pooled[report.horizons[0]]
        found = part.diagnostics
        table.add_row(
            part.label,
            number(scores.mae_ratio),
            number(scores.qlike, 3),
            *(
                number(getattr(scores, f"winkler_{nominal}"), decimals)
                for nominal in (50, 80, 90, 95)
            ),
            number(scores.r2_zero),
            number(found.pit_distance if found else math.nan, 3),
        )
    return table


def _medians(report: "Report") -> "Table":
    shown, which = shown_symbols(report)
    table = figures(
        "What the median knows",
        "lag: delay in sessions at which the price path fits the median best\n"
        "corr.: of the median price with the last close, and with the actual close\n"
        "slope: of the actual move on the forecast one (1 ideal, 0 none), Newey-West error\n"
        "R2: of returns, against no change and against the mean so far\n"
        "hit rate, by chance, p: direction test of Pesaran and Timmermann"
        + (f"\n{which}" if which else ""),
    )
    table.add_column("", no_wrap=True)
    for name in (
        "late", "corr.\nlast", "corr.\ncame", "slope", "R2", "R2\nmean", "sign\nright",
        "by\nchance", "p",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for symbol in shown:
        point = report.points[symbol]
        table.add_row(
            symbol,
            str(point.best_shift),
            number(point.correlation_last, 3),
            number(point.correlation_actual, 3),
            "-"
            if math.isnan(point.slope)
            else give_or_take(f"{point.slope:.2f}", f"{point.slope_error:.2f}"),
            number(point.r2_zero),
            number(point.r2_mean),
            share(point.hit_rate),
            share(point.expected_hit_rate),
            number(point.direction_p, 3),
        )
    return table


def _years(report: "Report") -> "Table":
    label = report.forecasters["model"].label
    table = figures(
        f"Coverage by year: share of closes inside the ranges of {label}",
        coverage_notes(report.yearly).lstrip("\n"),
    )
    for name in ("year", "days", "50 %", "80 %", "90 %", "95 %"):
        table.add_column(name, justify="right")
    for year in dict.fromkeys(check.subset for check in report.yearly):
        checks = [check for check in report.yearly if check.subset == year]
        table.add_row(year, f"{checks[0].days:,}", *map(coverage_cell, checks))
    return table


def _tail(report: "Report") -> "Table":
    shown, which = shown_symbols(report)
    table = figures(
        "Value at risk: days on which the return fell below the forecast quantile",
        "p-values: of their number (Kupiec), of their clustering (Christoffersen), and of both\n"
        "where fewer than about ten are expected, the tests reject too often"
        + (f"\n{which}" if which else ""),
    )
    table.add_column("", no_wrap=True)
    for name in ("quantile", "days", "expected", "found", "number", "clustering", "both"):
        table.add_column(name, justify="right")
    found = report.forecasters["model"].diagnostics
    tail = found.tail if found else {}
    for symbol in filter(tail.__contains__, shown):
        for level, part in tail[symbol].items():
            table.add_row(
                symbol,
                f"{float(level):.0%}",
                f"{part['days']:,}",
                f"{part['expected']:.1f}",
                str(part["found"]),
                *(
                    "-" if part[name] is None else f"{part[name]:.3f}"
                    for name in ("kupiec", "independence", "conditional")
                ),
            )
    return table
