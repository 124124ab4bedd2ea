"""How one symbol's forecasts are drawn: as bands and lines, as bars with marks, or as moves.

Shared by all panels of the chart of the test period, so that a miss looks the same in each.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from lstmcast.plots.axes import date_numbers
from lstmcast.plots.price_forecasts import PriceForecasts
from lstmcast.plots.style import INK, MEDIAN, MIDDLE_BAND, MUTED, WIDE_BAND

BAND_COLORS = {95: WIDE_BAND, 80: MIDDLE_BAND}

MISS: dict[str, Any] = {
    "color": INK,
    "marker": "D",
    "markersize": 5.5,
    "markerfacecolor": "white",
    "markeredgewidth": 1.1,
    "linestyle": "none",
}

BEFORE: dict[str, Any] = {"color": MUTED, "linewidth": 1.3, "linestyle": (0, (1.2, 1.2))}


def draw_lines(axes: Axes, rows: PriceForecasts, *, misses: bool, name: str = "") -> None:
    """Draw many sessions: ranges as bands, the rest as lines."""
    dates = date_numbers(rows.dates)
    for band in rows.bands:
        axes.fill_between(
            dates,
            band.low,
            band.high,
            color=BAND_COLORS[band.percent],
            linewidth=0,
            label=f"_{name}{band.percent}",
            zorder=2,
        )
    thin = 1.1 if misses else 0.7
    wide = thin + 0.5
    axes.plot(dates, rows.median, color=MEDIAN, linewidth=wide, label=f"_{name}median", zorder=3)
    axes.plot(dates, rows.actual, color=INK, linewidth=thin, label=f"_{name}actual", zorder=4)
    if misses:
        missed = rows.outside()
        style = MISS | {"markersize": 3.8}
        axes.plot(dates[missed], rows.actual[missed], **style, label="_missed", zorder=5)


def draw_marks(axes: Axes, rows: PriceForecasts) -> None:
    """Draw few sessions: each forecast a bar of its own, with the close before it and after it."""
    places = np.arange(len(rows), dtype=np.float64)
    for band in rows.bands:
        # Not `Axes.bar`, which makes an object of each bar: that takes half of the drawing.
        across = places[:, None] + [-0.36, 0.36, 0.36, -0.36]
        upwards = np.stack([band.low, band.low, band.high, band.high], axis=1)
        bars = PolyCollection(
            list(np.stack([across, upwards], axis=2)),
            facecolor=BAND_COLORS[band.percent],
            linewidth=0,
            label=f"_{band.percent}",
            zorder=2,
        )
        axes.add_collection(bars)
    # One session ahead, the line begins at the dot of the close that it repeats.
    start = places - (1.0 if rows.horizon == 1 else 0.5)
    axes.hlines(rows.previous, start, places + 0.36, **BEFORE, label="_before", zorder=3)
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
    axes.plot(places[missed], rows.actual[missed], **MISS, label="_missed", zorder=6)


def draw_moves(axes: Axes, rows: PriceForecasts, edge: float = np.inf) -> None:
    """Draw moves with their ranges; those beyond the edge at the edge."""
    dates, moves = date_numbers(rows.dates), 100 * (rows.actual / rows.previous - 1)
    moves = np.clip(moves, -edge, edge)
    for band in rows.bands:
        low, high = (100 * (end / rows.previous - 1) for end in (band.low, band.high))
        axes.fill_between(dates, low, high, color=BAND_COLORS[band.percent], linewidth=0, zorder=2)
    missed = rows.outside()
    axes.plot(dates[~missed], moves[~missed], ".", color=INK, markersize=1.6, zorder=3)
    axes.plot(dates[missed], moves[missed], **MISS | {"markersize": 2.8}, zorder=4)
