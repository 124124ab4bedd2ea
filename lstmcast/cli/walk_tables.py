"""What a walk-forward backtest found, as tables: the verdict, year by year, trading rules."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import (
    decimals_of_scores,
    figures,
    give_or_take,
    note,
    number,
    print_table,
    signed,
)
from lstmcast.cli.verdict import print_report

if TYPE_CHECKING:
    from rich.table import Table

    from lstmcast.evaluation.backtest import BacktestReport

METRICS = "metrics.json"

FITTED = "fitted again in each fold, on all sessions before it"
"""What the baselines of a walk are fitted on."""


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
            f"{100 * year.skill:+z.2f} %",
        )
    return table


def _strategy_table(report: "BacktestReport") -> "Table":
    names = {part.name for part in report.strategies}
    table = figures(
        f"Trading rules after costs of {report.cost_bps:g} bps per trade",
        "volatility target: invests the share that gives 15 % volatility a year, at most 100 %\n"
        "trades at the next open; symbols weighted equally; cash earns nothing\n"
        "a year: 252 times the mean daily return\n"
        "excess: return a year beyond holding the rule's average share; Newey-West standard error\n"
        "deflated: probability that the Sharpe ratio of the excess beats the best by chance in "
        f"{report.trials} {'trial' if report.trials == 1 else 'trials'}"
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
            signed(part.annual_return),
            f"{part.annual_volatility:.1%}",
            give_or_take(f"{part.sharpe:z.2f}", f"{part.sharpe_error:.2f}"),
            "-"
            if math.isnan(part.beyond)
            else give_or_take(signed(part.beyond), f"{part.beyond_error:.1%}"),
            number(part.deflated, 2),
            f"{part.turnover:.1f}",
            f"{part.drawdown:.1%}",
        )
    return table


def is_whole(metrics: Mapping[str, Any]) -> bool:
    """Whether the trading rules were asked for: the folder already stands for all the rest."""
    return bool(metrics.get("strategies"))
