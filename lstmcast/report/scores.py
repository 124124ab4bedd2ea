"""Scores beside the baselines, by horizon and by symbol, and a walk year by year."""

import math

import numpy as np
import pandas as pd

from lstmcast.evaluation.backtest.summary import BacktestReport
from lstmcast.evaluation.comparison import Comparison
from lstmcast.evaluation.finding import Finding, interpret
from lstmcast.evaluation.report import MODEL, ForecasterReport, Report
from lstmcast.predictions import RANGES
from lstmcast.report.content import (
    Chart,
    Key,
    Section,
    Table,
    Variant,
    days,
    figure,
    percent,
    relative,
    rounded,
)
from lstmcast.report.shapes import bar, rule, scatter

_SCORES = (
    "Price error: RMSE of the median over that of the last close (1 is no better). Log score and "
    "CRPS: of the return in %, lower is better. 50 % to 95 %: share of closes inside the range."
)
MAX_SYMBOLS = 60


def scores_section(report: Report, fitted: str) -> Section:
    """Every score of every forecaster.

    Args:
        report: of the evaluation.
        fitted: what the baselines were fitted on, in words.
    """
    horizon = report.horizons[0]
    charts = [chart] if (chart := _gains(report, horizon)) else []
    tables = [_all(report, horizon, fitted)]
    if len(report.horizons) > 1:
        tables.append(_horizons(report))
    if len(report.rows) > 1:
        tables.append(_symbols(report, horizon))
    return Section("scores", "Scores beside the baselines", "Scores", charts=charts, tables=tables)


def _gains(report: Report, horizon: int) -> Chart | None:
    """How much better the model's CRPS is than each baseline's."""
    parts = {
        report.forecasters[name].label: found[horizon]
        for name, found in report.comparisons.items()
        if found[horizon].skill is not None
    }
    if not parts:
        return None
    ordered = sorted(parts.items(), key=lambda item: float(item[1].skill or 0.0))
    names = [name for name, _ in ordered]
    gains = [round(100 * float(found.skill or 0.0), 3) for _, found in ordered]
    trace = bar(
        "Gain in CRPS",
        orientation="h",
        y=names,
        x=gains,
        marker={"color": [_tone(found) for _, found in ordered]},
        hovertemplate="%{x:+.2f} %<extra>%{y}</extra>",
    )
    layout = {
        "xaxis": {"title": "Gain in CRPS, %", "zeroline": True},
        "yaxis": {"type": "category", "autorange": "reversed"},
        "hovermode": "closest",
    }
    label = report.forecasters[MODEL].label
    named, best = ordered[0]
    which = {"--good": "better", "--bad": "worse"}.get(_tone(best), "no measurable difference")
    return Chart(
        id="gains",
        title=f"How much better {label} forecasts than each baseline, in CRPS",
        summary=f"The best baseline is {named}: CRPS of {label} is {relative(best.skill)} "
        f"({which}).",
        variants=[Variant("gains", (), [trace], layout)],
        legend=[
            Key(f"{label} is better", "--good", "band"),
            Key("worse", "--bad", "band"),
            Key("no measurable difference", "--muted", "band"),
        ],
        height=90 + 30 * len(names),
        table=Table(
            f"CRPS of {label} beside each baseline",
            ("Baseline", "Gain", "95 % interval", "p"),
            [[name, *_compared(found)] for name, found in ordered],
            ["p: Diebold and Mariano's test of the daily means"],
        ),
    )


def _tone(found: Comparison) -> str:
    """The colour of a difference; only one that sampling error does not explain is a finding."""
    return {Finding.better: "--good", Finding.worse: "--bad"}.get(interpret(found.crps), "--muted")


def _compared(found: Comparison) -> list[str]:
    low, high, test = found.low, found.high, found.crps
    known = low is not None and high is not None
    return [
        percent(found.skill, 2, sign=True),
        f"{percent(low, 2, sign=True)} to {percent(high, 2, sign=True)}" if known else "",
        "" if test is None or math.isnan(test.p_value) else f"{test.p_value:.2g}",
    ]


def _all(report: Report, horizon: int, fitted: str) -> Table:
    ahead = "one session" if horizon == 1 else f"{horizon} sessions"
    ranges = [f"{nominal} %" for nominal in RANGES]
    return Table(
        f"All scores, {ahead} ahead",
        ("Forecaster", "Price error", "Log score", "CRPS", *ranges, "Hit rate"),
        [_scores_row(part, horizon) for part in report.forecasters.values()],
        [f"{_SCORES} {_hit_rate(report, horizon)}", f"Baselines: {fitted}."],
    )


def _hit_rate(report: Report, horizon: int) -> str:
    up = percent(report.forecasters[MODEL].pooled[horizon].up_share)
    return f"Hit rate: share of moves whose direction was right; always saying up scores {up}."


def _scores_row(part: ForecasterReport, horizon: int) -> list[str]:
    scores = part.pooled[horizon]
    return [
        part.label,
        figure(scores.rmse_ratio, 4),
        figure(scores.log_score, 4),
        figure(scores.crps, 4),
        *(percent(getattr(scores, f"coverage_{nominal}")) for nominal in RANGES),
        percent(scores.hit_rate),
    ]


def _horizons(report: Report) -> Table:
    step = -(-len(report.horizons) // 6)  # those that `lstmcast evaluate` prints
    columns = sorted({*report.horizons[::step], report.horizons[-1]})
    return Table(
        "CRPS by sessions ahead",
        ("Forecaster", *map(str, columns)),
        [
            [part.label, *(figure(part.pooled[h].crps, 4) for h in columns)]
            for part in report.forecasters.values()
        ],
    )


def _symbols(report: Report, horizon: int) -> Table:
    best = report.verdict.best_baseline
    model = report.forecasters[MODEL]
    names = list(report.rows)[:MAX_SYMBOLS]
    rows = []
    for name in names:
        scores = model.symbols[name][horizon]
        theirs = report.forecasters[best].symbols[name][horizon].crps if best else math.nan
        rows.append(
            [
                name,
                f"{report.rows[name].count:,}",
                figure(scores.crps, 4),
                figure(theirs, 4),
                percent(scores.coverage_80),
                figure(scores.rmse_ratio, 4),
            ]
        )
    other = f"CRPS of {report.forecasters[best].label}" if best else "CRPS of the best"
    more = len(report.rows) - len(names)
    return Table(
        "Symbol by symbol",
        ("Symbol", "Forecasts", "CRPS", other, "80 % range", "Price error"),
        rows,
        [f"{more} more symbols are in metrics.json"] if more > 0 else [],
    )


def walk_section(found: BacktestReport, folds: "list[pd.Timestamp]") -> Section | None:
    """A walk year by year; None where nothing was compared.

    Args:
        found: the backtest's report.
        folds: first origin of each fold.
    """
    if found.differences.empty:
        return None
    best = found.report.forecasters[str(found.report.verdict.best_baseline)].label
    charts, tables = [_walk(found, folds, best)], [_years(found, best)]
    return Section("walk", "Walk-forward", "Walk", charts=charts, tables=tables)


def _walk(found: BacktestReport, folds: "list[pd.Timestamp]", best: str) -> Chart:
    """The cumulative difference of daily losses, with a line where networks were refitted."""
    total = np.cumsum(found.differences.to_numpy(np.float64))
    trace = scatter(
        f"Model minus {best}",
        "lines",
        y=rounded(total, 4),
        line={"color": "--series-1", "width": 1.8},
        hovertemplate="%{y:.3f}",
    )
    layout = {
        "yaxis": {"title": "Sum of differences", "zeroline": True},
        "shapes": [rule("x", f"{fold:%Y-%m-%d}", "--grid", width=1, dash="dot") for fold in folds],
    }
    dates = days(found.differences.index)
    return Chart(
        id="walk",
        title=f"CRPS against {best}, summed day by day",
        summary=f"Falling: the model gains. Over {len(total):,} days the sum is "
        f"{figure(float(total[-1]), 3, sign=True)}.",
        variants=[Variant("walk", dates, [trace], layout, decimals=3)],
        legend=[
            Key(f"Model minus {best}", "--series-1"),
            Key("Refitted", "--muted", "dashed"),
        ],
        height=360,
        dates=True,
    )


def _years(found: BacktestReport, best: str) -> Table:
    return Table(
        f"By year, against {best}",
        ("Year", "Days", "CRPS", f"CRPS of {best}", "Gain"),
        [
            [
                str(year.year),
                f"{year.days:,}",
                figure(year.crps, 4),
                figure(year.best_crps, 4),
                percent(year.skill, 2, sign=True),
            ]
            for year in found.years
        ],
    )
