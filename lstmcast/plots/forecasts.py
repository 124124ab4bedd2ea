"""The chart of the test period: what was forecast at each close, and the close that came.

One session ahead, the median of an honest forecast lies almost on the close before it. On a chart
of a few hundred sessions that looks like a forecast that follows the price, and it is the most
common way in which such charts mislead. So this one states the error of "it stays where it is"
beside the forecast's own, and shows the newest sessions enlarged, where the forecast, the close
before it and the close that came are three marks that can be told apart.
"""

from typing import Literal

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lstmcast.errors import UsageError
from lstmcast.evaluation.direction import too_few
from lstmcast.plots.axes import date_axis, date_numbers, price_axis, session_axis
from lstmcast.plots.forecast_marks import BAND_COLORS, BEFORE, MISS, draw_lines, draw_marks
from lstmcast.plots.forecast_moves import add_all_moves, add_moves
from lstmcast.plots.labels import count, day, in_currency, money, same_decimals
from lstmcast.plots.parts import PartEnds, add_heading, add_overview, clean_closes, mark_parts
from lstmcast.plots.price_forecasts import Band, PriceForecasts, select
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MEDIAN, MUTED, styled

View = Literal["test", "history"]

DETAIL_SESSIONS = 60
"""How many sessions are enlarged; a test range that is no longer is drawn enlarged at once."""

CLEAR_SESSIONS = 700
"""How many sessions a panel of prices can show with their ranges; beyond, moves are shown too."""


@styled
def forecast_chart(
    predictions: pd.DataFrame,
    closes: pd.Series,
    *,
    split: PartEnds,
    symbol: str | None = None,
    horizon: int = 1,
    view: View = "test",
    earlier: pd.DataFrame | None = None,
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
        earlier: prediction rows of the training and validation parts, for `history`: the networks
            were fitted to the one and stopped by the other, so they tell nothing of the test.
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
    sheet.heading(title or f"{rows.symbol}: {_subject(rows)}, and the actual close", details)
    if not rows.conclusive:
        sheet.text(f"{count(len(rows), 'session')}, {too_few(len(rows))}.")
    sheet.skip(0.1)
    sheet.legend(_legend(rows, currency), columns=3)
    sheet.skip(0.12)
    if view == "history":
        before = None if earlier is None or earlier.empty else select(earlier, rows.symbol, horizon)
        _add_history(sheet, rows, known, split, unit, before)
        if before is not None:
            add_all_moves(sheet, before, rows, split)
    elif enlarge:
        sheet.text(f"Test period: {_span(rows)}, adjusted close{unit}", weight="bold")
        axes = _panel(sheet, rows, 2.9)
        draw_lines(axes, rows, misses=len(rows) <= CLEAR_SESSIONS)
        date_axis(axes, rows.dates)
        sheet.skip(0.12)
    if len(rows) > CLEAR_SESSIONS:
        add_moves(sheet, rows)
    _add_newest(sheet, rows, unit, enlarge)
    if view == "test":
        add_overview(sheet, known, split, unit)
    return sheet.finish()


def _subject(rows: PriceForecasts) -> str:
    what = "the range for" if rows.bands else "the forecast of"
    ahead = "the next close" if rows.horizon == 1 else f"the close {rows.horizon} sessions ahead"
    return f"{what} {ahead}"


def _span(rows: PriceForecasts) -> str:
    dates = (
        f"{day(rows.dates[0])} to {day(rows.dates[-1])}" if len(rows) > 1 else day(rows.dates[0])
    )
    return f"{count(len(rows), 'session')}, {dates}"


def _panel(sheet: Sheet, rows: PriceForecasts, height: float) -> Axes:
    sheet.skip(0.05)
    axes = sheet.panel(height)
    price_axis(axes, *rows.extent())
    return axes


def _on_basis_of(rows: PriceForecasts, closes: pd.Series) -> pd.Series:
    """Closes on the table's basis: a dividend paid since the run has re-based all earlier ones."""
    if rows.origins[0] not in closes.index:
        return closes
    then = float(closes.loc[rows.origins[0]])
    return closes.mul(float(rows.previous[0]) / then)


def _legend(rows: PriceForecasts, currency: str | None) -> list[Artist]:
    """Three columns: what came; the forecast's error beside the random walk's; the ranges.

    Errors and shares are left out where too few sessions would leave them to sampling error.
    """
    point = "Median forecast" if rows.bands else "Forecast"
    before = "Previous close" if rows.horizon == 1 else "No change"
    errors = rows.rmse(), rows.rmse_of_random_walk()
    error, naive = (
        f": RMSE {money(x, currency)}" if rows.conclusive else "" for x in same_decimals(*errors)
    )
    handles: list[Artist] = [
        Line2D([], [], color=INK, linewidth=1.2, marker="o", markersize=3.5, label="Actual close")
    ]
    if rows.bands:
        misses = f": {int(rows.outside().sum()):,} of {len(rows):,}" if rows.conclusive else ""
        label = f"Outside the {rows.bands[0].percent} % range{misses}"
        handles.append(Line2D([], [], **MISS, label=label))
    handles += [
        Line2D([], [], color=MEDIAN, linewidth=2.2, label=f"{point}{error}"),
        Line2D([], [], **BEFORE, label=f"{before} (random walk){naive}"),
    ]
    handles += [
        Patch(
            facecolor=BAND_COLORS[band.percent],
            edgecolor=MUTED,
            linewidth=0.4,
            label=f"{band.percent} % range{_held(rows, band)}",
        )
        for band in reversed(rows.bands)
    ]
    return handles


def _held(rows: PriceForecasts, band: Band) -> str:
    return f": contained {100 * band.coverage:.1f} % of closes" if rows.conclusive else ""


def _add_newest(sheet: Sheet, rows: PriceForecasts, unit: str, enlarged: bool) -> None:
    recent = rows.last(DETAIL_SESSIONS)
    made = "at the previous close" if rows.horizon == 1 else f"{rows.horizon} sessions before"
    if enlarged:
        mark = "bar" if rows.bands else "mark"
        words = f"Enlarged: the last {_span(recent)}; each {mark} is a forecast made {made}"
    else:
        words = f"Test period: {_span(recent)}, adjusted close{unit}"
    sheet.text(words, weight="bold")
    axes = _panel(sheet, recent, 2.6)
    draw_marks(axes, recent)
    session_axis(axes, recent.dates)
    sheet.skip(0.28)


def _add_history(
    sheet: Sheet,
    rows: PriceForecasts,
    closes: pd.Series,
    split: PartEnds,
    unit: str,
    earlier: PriceForecasts | None = None,
) -> None:
    add_heading(sheet, closes, split, unit)
    axes = sheet.panel(3.4)
    dates = pd.DatetimeIndex(closes.index)
    mark_parts(axes, dates, split)
    before = dates <= rows.dates[0]
    axes.plot(
        date_numbers(dates[before]),
        closes.to_numpy()[before],
        color=INK,
        linewidth=0.9,
        label="_closes",
        zorder=2,
    )
    low, high = rows.extent()
    if earlier is not None:
        scaled = earlier.on_basis_of(closes)
        draw_lines(axes, scaled, misses=False, name="earlier")
        low, high = min(low, scaled.extent()[0]), max(high, scaled.extent()[1])
    draw_lines(axes, rows, misses=False)
    price_axis(axes, min(low, float(closes.min())), max(high, float(closes.max())))
    date_axis(axes, dates)
    sheet.skip(0.12)
