"""The page's section on test forecasts: ranges and medians against the closes that came."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.plots.price_forecasts import PriceForecasts, select
from lstmcast.prices.digits import decimals_for
from lstmcast.report.bands import BAND_COLORS, band_trace, line_trace, price_title
from lstmcast.report.content import (
    Chart,
    Key,
    Section,
    Variant,
    days,
    rounded,
)
from lstmcast.report.shapes import scatter

CLEAR = 300
"""Sessions whose ranges can be seen at once; of more, a year is shown at first."""

_MISSED = {
    "color": "--surface",
    "size": 7,
    "symbol": "diamond",
    "line": {"color": "--ink", "width": 1.4},
}

_LEAD = (
    "Each range was stated at the close before, from what was known then. The median of an honest "
    "forecast lies almost on the last close: what the forecast tells is how far the price may move."
)


def forecasts_section(
    predictions: pd.DataFrame,
    symbols: Sequence[str],
    horizon: int,
    currencies: Mapping[str, str | None],
    left_out: int = 0,
) -> Section:
    """The test forecasts of each symbol beside the closes that came.

    Args:
        predictions: the prediction table.
        symbols: those that are shown.
        horizon: sessions ahead.
        currencies: of the prices, where they are known.
        left_out: symbols of the table that are not shown.
    """
    parts = {symbol: select(predictions, symbol, horizon) for symbol in symbols}
    variants = [_test(rows, currencies.get(symbol)) for symbol, rows in parts.items()]
    first = next(iter(parts.values()))
    bands = [band.percent for band in first.bands]
    ahead = "one session" if horizon == 1 else f"{horizon} sessions"
    legend = [
        *(Key(f"{percent_} % range", BAND_COLORS[percent_], "band") for percent_ in bands),
        Key("Median forecast" if bands else "Forecast", "--median"),
        Key("Actual close", "--ink"),
    ]
    if bands:
        legend.append(Key(f"Outside the {bands[0]} % range", "--ink", "diamond"))
    chart = Chart(
        id="test",
        title=f"Forecasts {ahead} ahead, and the closes that came",
        summary=variants[0].summary,
        variants=variants,
        legend=legend,
        height=440,
        dates=True,
        months=12 if len(first) > CLEAR else 0,
        notes=[
            f"{left_out} more symbols are left out, to keep the file small; `--symbol` picks them."
        ]
        if left_out
        else [],
    )
    return Section("test", "Test forecasts", "Test", lead=[_LEAD], charts=[chart])


def _test(rows: PriceForecasts, currency: str | None) -> Variant:
    widths = [rows.bands[-1].high - rows.bands[-1].low] if rows.bands else []
    decimals = decimals_for(np.concatenate(widths) if widths else [], rows.actual)
    form = f",.{decimals}f"
    traces: list[dict[str, Any]] = [
        band_trace(band.percent, band.low, band.high, decimals) for band in rows.bands
    ]
    forecast = "Median" if rows.bands else "Forecast"
    traces += [
        line_trace(forecast, rounded(rows.median, decimals), "--median", form),
        line_trace("Close", rounded(rows.actual, decimals), "--ink", form, width=1.4),
    ]
    if rows.bands:
        missed = np.where(rows.outside(), rows.actual, np.nan)
        traces.append(
            scatter(
                "Outside",
                "markers",
                y=rounded(missed, decimals),
                marker=_MISSED,
                hoverinfo="skip",
                table=False,
            )
        )
    layout = {"yaxis": {"title": price_title(currency)}}
    return Variant(rows.symbol, days(rows.dates), traces, layout, decimals, _told_of(rows))


def _told_of(rows: PriceForecasts) -> str:
    words = (
        f"{rows.symbol}: {len(rows):,} forecasts from {rows.dates[0]:%d %b %Y} to "
        f"{rows.dates[-1]:%d %b %Y}."
    )
    if not rows.bands:
        return words
    missed = int(rows.outside().sum())
    widest = rows.bands[0].percent
    return f"{words} {missed:,} of {len(rows):,} closes fell outside the {widest} % range."
