"""Charts over dates: the test forecasts against the closes that came, and the sessions to come."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.plots.price_forecasts import PriceForecasts, select
from lstmcast.prices.digits import decimals_for, in_digits
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
from lstmcast.report.shapes import scatter

CLEAR = 300
"""Sessions whose ranges can be seen at once; of more, a year is shown at first."""

PAST = 60
"""Closes that are shown before the sessions to come."""

_MISSED = {
    "color": "--surface",
    "size": 7,
    "symbol": "diamond",
    "line": {"color": "--ink", "width": 1.4},
}
_BANDS = {95: "--band-95", 80: "--band-80", 50: "--band-50"}
_LEAD = (
    "Each range was stated at the close before, from what was known then. The median of an honest "
    "forecast lies almost on the last close: what the forecast tells is how far the price may move."
)
FAN = ((95, "q025", "q975"), (80, "q10", "q90"), (50, "q25", "q75"))


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
        *(Key(f"{percent_} % range", _BANDS[percent_], "band") for percent_ in bands),
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
        _band(band.percent, band.low, band.high, decimals) for band in rows.bands
    ]
    forecast = "Median" if rows.bands else "Forecast"
    traces += [
        _line(forecast, rounded(rows.median, decimals), "--median", form),
        _line("Close", rounded(rows.actual, decimals), "--ink", form, width=1.4),
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
    layout = {"yaxis": {"title": _price(currency)}}
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


def _price(currency: str | None) -> str:
    return f"Adjusted close, {currency}" if currency else "Adjusted close"


def _band(percent_: int, low: Any, high: Any, decimals: int) -> dict[str, Any]:
    return {
        "band": f"{percent_} % range",
        "low": rounded(low, decimals),
        "high": rounded(high, decimals),
        "color": _BANDS[percent_],
        "form": f",.{decimals}f",
    }


def _line(name: str, y: Any, color: str, form: str, width: float = 1.8) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "y": y,
        "line": {"color": color, "width": width},
        "hovertemplate": f"%{{y:{form}}}",
    }


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
    legend = [Key(f"{p} % range", _BANDS[p], "band") for p, _, _ in FAN] if ranged else []
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
                    **_band(percent_, [], [], decimals),
                    "low": joined(low),
                    "high": joined(high),
                }
            )
    form = f",.{decimals}f"
    traces += [
        _line("Median", joined("median"), "--median", form),
        _line("Close", rounded(closes, decimals), "--ink", form, width=1.4),
    ]
    told = f"{symbol} from the close of {closes.index[-1]:%d %b %Y}: {_told(table)}"
    return Variant(
        symbol, dates, traces, {"yaxis": {"title": _price(currency)}}, decimals, summary=told
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
