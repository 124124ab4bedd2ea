"""The chart of the test range: what was forecast at each close, and what came.

One session ahead, the median of an honest forecast lies almost on the close before it. On a chart
of a few hundred sessions that looks like a forecast that follows the price, and it is the most
common way in which such charts mislead. So this one states the error of "it stays where it is"
beside the forecast's own, and shows the newest sessions enlarged, where the forecast, the close
before it and the close that came are three marks that can be told apart.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lstmcast.errors import UsageError
from lstmcast.evaluation.direction import too_few
from lstmcast.plots.parts import PartEnds, add_heading, add_overview, clean_closes, mark_parts
from lstmcast.plots.rows import Band, Rows, select
from lstmcast.plots.style import (
    INK,
    MEDIAN,
    MIDDLE_BAND,
    MUTED,
    TITLE,
    WIDE_BAND,
    Sheet,
    alike,
    count,
    date_axis,
    day,
    in_currency,
    money,
    numbers,
    price_axis,
    session_axis,
    styled,
)

View = Literal["test", "history"]

DETAIL_SESSIONS = 60
"""How many sessions are enlarged; a test range that is no longer is drawn enlarged at once."""

CLEAR_SESSIONS = 700
"""How many sessions a panel of prices can show with their ranges; beyond, moves are shown too."""

_BAND_COLORS = {95: WIDE_BAND, 80: MIDDLE_BAND}


@styled
def forecast_chart(
    predictions: pd.DataFrame,
    closes: pd.Series,
    *,
    split: PartEnds,
    symbol: str | None = None,
    horizon: int = 1,
    view: View = "test",
    currency: str | None = None,
    title: str | None = None,
    details: str | None = None,
) -> Figure:
    """Draw one symbol's forecasts over the test range against the closes that came, in prices.

    Args:
        predictions: the prediction table; `close_*` adjusted closes, quantiles of log returns as
            fractions. For a point model, whose quantiles are null, no range is drawn.
        closes: the symbol's adjusted closes over the whole history, indexed by session.
        split: where the history was cut.
        symbol: which symbol of the table; None if it has just one.
        horizon: which horizon of the table, in sessions.
        view: `test` for the test range above a strip of the whole history, `history` for one
            panel from the first session to the last.
        currency: of the prices, as the exchange writes it; None if it is not known.
        title: the first line, instead of the symbol and the horizon.
        details: a line below it, such as the run and the model.

    Returns:
        A figure whose errors and shares are computed from the very rows that it draws.

    Raises:
        DataError: if the table is empty or lacks a column, or no close is known.
        UsageError: if the symbol, the horizon or the view is not there to be drawn.
    """
    if view not in ("test", "history"):
        raise UsageError(f"`view` {view} is not one of the views", "choose from test, history")
    rows = select(predictions, symbol, horizon)
    known = _on_basis_of(rows, clean_closes(closes))
    unit = in_currency(currency)
    enlarge = view == "history" or len(rows) > DETAIL_SESSIONS

    sheet = Sheet()
    sheet.text(title or f"{rows.symbol}: {_subject(rows)}, and the close that came", TITLE, "bold")
    if details:
        sheet.text(details, color=MUTED)
    if not rows.conclusive:
        sheet.text(f"{count(len(rows), 'session')}, {too_few(len(rows))}.")
    sheet.skip(0.1)
    sheet.legend(_legend(rows, currency), columns=3)
    sheet.skip(0.12)
    if view == "history":
        _add_history(sheet, rows, known, split, unit)
    elif enlarge:
        sheet.text(f"Test range: {_span(rows)}, adjusted close{unit}", weight="bold")
        axes = _panel(sheet, rows, 2.9)
        _draw_lines(axes, rows, misses=len(rows) <= CLEAR_SESSIONS)
        date_axis(axes, rows.dates)
        sheet.skip(0.12)
    if len(rows) > CLEAR_SESSIONS:
        _add_moves(sheet, rows)
    _add_newest(sheet, rows, unit, enlarge)
    if view == "test":
        add_overview(sheet, known, split, unit)
    return sheet.finish()


def _subject(rows: Rows) -> str:
    what = "the range for" if rows.bands else "the forecast of"
    ahead = "the next close" if rows.horizon == 1 else f"the close {rows.horizon} sessions ahead"
    return f"{what} {ahead}"


def _span(rows: Rows) -> str:
    dates = (
        f"{day(rows.dates[0])} to {day(rows.dates[-1])}" if len(rows) > 1 else day(rows.dates[0])
    )
    return f"{count(len(rows), 'session')}, {dates}"


def _panel(sheet: Sheet, rows: Rows, height: float) -> Axes:
    sheet.skip(0.05)
    axes = sheet.panel(height)
    price_axis(axes, *rows.extent())
    return axes


def _on_basis_of(rows: Rows, closes: pd.Series) -> pd.Series:
    """Closes on the table's basis: a dividend paid since the run has re-based all earlier ones."""
    if rows.origins[0] not in closes.index:
        return closes
    then = float(closes.loc[rows.origins[0]])
    return closes.mul(float(rows.previous[0]) / then)


def _legend(rows: Rows, currency: str | None) -> list[Artist]:
    """Three columns: what came; the forecast's error beside the random walk's; the ranges.

    Errors and shares are left out where too few sessions would make them a matter of luck.
    """
    point = "Median forecast" if rows.bands else "Forecast"
    before = "Previous close" if rows.horizon == 1 else "No change"
    errors = rows.rmse(), rows.rmse_of_random_walk()
    error, naive = (
        f": RMSE {money(x, currency)}" if rows.conclusive else "" for x in alike(*errors)
    )
    handles: list[Artist] = [
        Line2D([], [], color=INK, linewidth=1.2, marker="o", markersize=3.5, label="Actual close")
    ]
    if rows.bands:
        misses = f": {int(rows.outside().sum()):,} of {len(rows):,}" if rows.conclusive else ""
        label = f"Outside the {rows.bands[0].percent} % range{misses}"
        handles.append(Line2D([], [], **_MISS, label=label))
    handles += [
        Line2D([], [], color=MEDIAN, linewidth=2.2, label=f"{point}{error}"),
        Line2D([], [], **_BEFORE, label=f"{before} (random walk){naive}"),
    ]
    handles += [
        Patch(
            facecolor=_BAND_COLORS[band.percent],
            edgecolor=MUTED,
            linewidth=0.4,
            label=f"{band.percent} % range{_held(rows, band)}",
        )
        for band in reversed(rows.bands)
    ]
    return handles


def _held(rows: Rows, band: Band) -> str:
    return f": holds {100 * band.share(rows.actual):.1f} % of closes" if rows.conclusive else ""


_MISS: dict[str, Any] = {
    "color": INK,
    "marker": "D",
    "markersize": 5.5,
    "markerfacecolor": "white",
    "markeredgewidth": 1.1,
    "linestyle": "none",
}
_BEFORE: dict[str, Any] = {"color": MUTED, "linewidth": 1.3, "linestyle": (0, (1.2, 1.2))}


def _draw_lines(axes: Axes, rows: Rows, *, misses: bool) -> None:
    """Draw many sessions: ranges as bands, the rest as lines."""
    dates = numbers(rows.dates)
    for band in rows.bands:
        axes.fill_between(
            dates,
            band.low,
            band.high,
            color=_BAND_COLORS[band.percent],
            linewidth=0,
            label=f"_{band.percent}",
            zorder=2,
        )
    thin = 1.1 if misses else 0.7
    axes.plot(dates, rows.median, color=MEDIAN, linewidth=thin + 0.5, label="_median", zorder=3)
    axes.plot(dates, rows.actual, color=INK, linewidth=thin, label="_actual", zorder=4)
    if misses:
        missed = rows.outside()
        style = _MISS | {"markersize": 3.8}
        axes.plot(dates[missed], rows.actual[missed], **style, label="_missed", zorder=5)


def _draw_marks(axes: Axes, rows: Rows) -> None:
    """Draw few sessions: each forecast a bar of its own, with the close before it and after it."""
    places = np.arange(len(rows), dtype=np.float64)
    for band in rows.bands:
        axes.bar(
            places,
            band.high - band.low,
            bottom=band.low,
            width=0.72,
            color=_BAND_COLORS[band.percent],
            label=f"_{band.percent}",
            zorder=2,
        )
    # One session ahead, the line begins at the dot of the close that it repeats.
    start = places - (1.0 if rows.horizon == 1 else 0.5)
    axes.hlines(rows.previous, start, places + 0.36, **_BEFORE, label="_before", zorder=3)
    axes.hlines(
        rows.median,
        places - 0.36,
        places + 0.36,
        color=MEDIAN,
        linewidth=2.2,
        label="_median",
        zorder=4,
    )
    axes.plot(
        places,
        rows.actual,
        color=INK,
        linewidth=0.8,
        marker="o",
        markersize=4,
        label="_actual",
        zorder=5,
    )
    missed = rows.outside()
    axes.plot(places[missed], rows.actual[missed], **_MISS, label="_missed", zorder=6)


def _add_newest(sheet: Sheet, rows: Rows, unit: str, enlarged: bool) -> None:
    recent = rows.last(DETAIL_SESSIONS)
    made = "at the close before" if rows.horizon == 1 else f"{rows.horizon} sessions before"
    if enlarged:
        mark = "bar" if rows.bands else "mark"
        words = f"Enlarged: the last {_span(recent)}; every {mark} is a forecast made {made}"
    else:
        words = f"Test range: {_span(recent)}, adjusted close{unit}"
    sheet.text(words, weight="bold")
    axes = _panel(sheet, recent, 2.6)
    _draw_marks(axes, recent)
    session_axis(axes, recent.dates)
    sheet.skip(0.28)


def _add_moves(sheet: Sheet, rows: Rows) -> None:
    """The same forecasts as moves in percent, where the width of every range can be seen."""
    since = "the close before" if rows.horizon == 1 else f"{rows.horizon} sessions before"
    sheet.text(f"The same as moves from {since}, in %", weight="bold")
    sheet.skip(0.05)
    axes = sheet.panel(1.7)
    dates, moves = numbers(rows.dates), 100 * (rows.actual / rows.previous - 1)
    for band in rows.bands:
        low, high = (100 * (end / rows.previous - 1) for end in (band.low, band.high))
        axes.fill_between(dates, low, high, color=_BAND_COLORS[band.percent], linewidth=0, zorder=2)
    missed = rows.outside()
    axes.plot(dates[~missed], moves[~missed], ".", color=INK, markersize=1.6, zorder=3)
    axes.plot(dates[missed], moves[missed], **_MISS | {"markersize": 2.8}, zorder=4)
    date_axis(axes, rows.dates)
    sheet.skip(0.12)


def _add_history(sheet: Sheet, rows: Rows, closes: pd.Series, split: PartEnds, unit: str) -> None:
    add_heading(sheet, closes, split, unit)
    axes = sheet.panel(3.4)
    dates = pd.DatetimeIndex(closes.index)
    mark_parts(axes, dates, split)
    before = dates <= rows.dates[0]
    axes.plot(
        numbers(dates[before]),
        closes.to_numpy()[before],
        color=INK,
        linewidth=0.9,
        label="_closes",
        zorder=2,
    )
    _draw_lines(axes, rows, misses=False)
    low, high = rows.extent()
    price_axis(axes, min(low, float(closes.min())), max(high, float(closes.max())))
    date_axis(axes, dates)
    sheet.skip(0.12)
