"""The page's section on the sessions to come: the fan chart and its table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.prices.digits import decimals_for, in_digits
from lstmcast.report.bands import BAND_COLORS, band_trace, line_trace, price_title
from lstmcast.report.content import (
    DASH,
    Chart,
    Key,
    Section,
    Table,
    Variant,
    days,
    percent,
    rounded,
)

PAST = 60
"""Closes that are shown before the sessions to come."""

FAN = ((95, "q025", "q975"), (80, "q10", "q90"), (50, "q25", "q75"))


def fan_section(
    closes: "Mapping[str, pd.Series[float]]",
    forecasts: Mapping[str, pd.DataFrame],
    currencies: Mapping[str, str | None],
    sentences: Mapping[str, str],
    left_out: int = 0,
) -> Section:
    """The sessions to come of each symbol.

    Args:
        closes: adjusted closes of each symbol up to its newest bar.
        forecasts: the tables of `lstmcast.forecasting.SymbolForecast`.
        currencies: of the prices, where they are known.
        sentences: what makes the newest range wide, by symbol, where that can be told.
        left_out: symbols of the run that are not shown.
    """
    ranged = not any(table["q10"].isna().all() for table in forecasts.values())
    variants = [
        _fan(symbol, closes[symbol].iloc[-PAST:], each, currencies.get(symbol))
        for symbol, each in forecasts.items()
    ]
    legend = [Key(f"{p} % range", BAND_COLORS[p], "band") for p, _, _ in FAN] if ranged else []
    chart = Chart(
        id="fan",
        title="The last closes, and the range for each session to come",
        summary=variants[0].summary,
        variants=variants,
        legend=[*legend, Key("Median", "--median"), Key("Close so far", "--ink")],
        height=400,
        notes=["Some dates are assumed: no calendar knows them."]
        if any(each["assumed"].any() for each in forecasts.values())
        else [],
    )
    shown = [f"{symbol}: {sentence}" for symbol, sentence in sentences.items()]
    tables = [_fan_table(symbol, each) for symbol, each in list(forecasts.items())[:MAX_TABLES]]
    if len(tables) == 1:
        chart = replace(chart, table=tables.pop(), unfolded=True)
    more = [f"{left_out} more symbols are left out; `--symbol` picks them."] if left_out else []
    if len(sentences) == 1:
        shown = list(sentences.values())
    return Section(
        "fan",
        "The sessions to come",
        "Forecast",
        lead=[*shown, *more],
        charts=[chart],
        tables=tables,
    )


MAX_TABLES = 6
"""Symbols whose sessions to come stand in tables of their own; the chart has those of all."""


def _told(table: pd.DataFrame) -> str:
    last, horizon = table.iloc[-1], int(table["horizon"].iloc[-1])
    ahead = "one session" if horizon == 1 else f"{horizon} sessions"
    if not np.isfinite(last["q10"]):
        return f"{ahead} ahead a close at {last['median']:,.2f}."
    return (
        f"{ahead} ahead the 80 % range is {last['q10']:,.2f} to {last['q90']:,.2f}, "
        f"the median {last['median']:,.2f}."
    )


def _fan(
    symbol: str, closes: "pd.Series[float]", table: pd.DataFrame, currency: str | None
) -> Variant:
    decimals = decimals_for(table["q75"] - table["q25"], closes)
    before = [None] * (len(closes) - 1)
    last = float(closes.iloc[-1])
    dates = days(closes.index) + days(table["date"])

    def joined(column: str) -> list[float | None]:
        return [*before, *rounded(np.append(last, table[column].to_numpy(np.float64)), decimals)]

    traces: list[dict[str, Any]] = []
    if table["q10"].notna().all():
        for percent_, low, high in FAN:
            traces.append(
                {
                    **band_trace(percent_, [], [], decimals),
                    "low": joined(low),
                    "high": joined(high),
                }
            )
    form = f",.{decimals}f"
    traces += [
        line_trace("Median", joined("median"), "--median", form),
        line_trace("Close", rounded(closes, decimals), "--ink", form, width=1.4),
    ]
    told = f"{symbol} from the close of {closes.index[-1]:%d %b %Y}: {_told(table)}"
    return Variant(
        symbol, dates, traces, {"yaxis": {"title": price_title(currency)}}, decimals, summary=told
    )


def _fan_table(symbol: str, table: pd.DataFrame) -> Table:
    shown = [*table["median"], *table["q025"], *table["q975"]]
    decimals = decimals_for(table["q75"] - table["q25"], shown)

    def between(row: Mapping[Any, Any], low: str, high: str) -> str:
        if not np.isfinite(row[low]):
            return DASH
        return f"{in_digits(row[low], decimals)} {DASH} {in_digits(row[high], decimals)}"

    rows = [
        [
            f"{row['date']:%a %Y-%m-%d}{' ?' if row['assumed'] else ''}",
            in_digits(row["median"], decimals),
            *(between(row, low, high) for _, low, high in reversed(FAN)),
            percent(row["chance_up"]),
        ]
        for row in table.to_dict("records")
    ]
    return Table(
        f"{symbol}: the sessions to come",
        ("Session", "Median", "50 % range", "80 % range", "95 % range", "Chance up"),
        rows,
        ["? an assumed session: holidays move the dates"] if table["assumed"].any() else [],
    )
