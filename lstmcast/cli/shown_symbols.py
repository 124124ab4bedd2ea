"""Which symbols the tables of `lstmcast evaluate` show: all of a few, the extremes of many."""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstmcast.evaluation import Report

MOST = 40
"""Symbols that are all shown: of more, a table pushes everything else off the screen."""

EXTREMES = 10
"""Symbols that are shown from either end where there are more."""


def shown_symbols(report: "Report") -> tuple[list[str], str]:
    """The symbols that tables have a row for, and a line that says which, where not all are.

    Of many the best and the worst, in that order: by CRPS relative to the best baseline's, and
    where there is none by the error of the price.
    """
    if len(report.rows) <= MOST:
        return list(report.rows), ""
    from lstmcast.evaluation.ratios import ratio
    from lstmcast.evaluation.significance import enough_days

    best, horizon = report.verdict.best_baseline, report.horizons[0]
    model = report.forecasters["model"].symbols

    def loss(symbol: str) -> float:
        scores = model[symbol][horizon]
        if not enough_days(report.rows[symbol].count, horizon):
            return math.nan
        if best is None:
            return scores.rmse_ratio
        return ratio(scores.crps, report.forecasters[best].symbols[symbol][horizon].crps)

    losses = {symbol: loss(symbol) for symbol in report.rows}
    ranked = sorted((s for s in losses if not math.isnan(losses[s])), key=lambda s: losses[s])
    shown = ranked if len(ranked) <= 2 * EXTREMES else ranked[:EXTREMES] + ranked[-EXTREMES:]
    by = "price error" if best is None else "gain"
    return shown, (
        f"the {EXTREMES} symbols with the best and with the worst {by} of {len(report.rows)}; "
        "metrics.json has all"
    )
