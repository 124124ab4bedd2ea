"""Panels of forecasts as moves in percent, where the width of every range can be seen.

On a panel of prices over many years a range is thinner than the line of the close.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from lstmcast.plots.axes import date_axis
from lstmcast.plots.forecast_marks import draw_moves
from lstmcast.plots.labels import count
from lstmcast.plots.parts import PartEnds, mark_parts
from lstmcast.plots.price_forecasts import PriceForecasts
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import MUTED


def add_moves(sheet: Sheet, rows: PriceForecasts) -> None:
    """The same forecasts as moves in percent, where the width of every range can be seen."""
    since = "the previous close" if rows.horizon == 1 else f"{rows.horizon} sessions before"
    axes = sheet.headed_panel(f"The same forecasts as moves from {since}, in %", 1.7)
    draw_moves(axes, rows)
    date_axis(axes, rows.dates)
    sheet.skip(0.12)


def add_all_moves(
    sheet: Sheet, before: PriceForecasts, rows: PriceForecasts, split: PartEnds
) -> None:
    """Ranges of all parts as moves in percent, where their widths can be seen."""
    parts = {
        "training": before.until(split.train_end),
        "validation": before.after(split.train_end),
        "test": rows,
    }
    sheet.text(_title(parts, rows), weight="bold")
    sheet.text(
        "Training used the training data, early stopping the validation data: only the test "
        "period shows how good forecasts are",
        color=MUTED,
    )
    sheet.skip(0.05)
    axes = sheet.panel(1.9)
    far, edge = _draw_parts(axes, parts, split)
    if far:
        sheet.text(f"{count(far, 'move')} beyond {edge:.0f} % drawn at the edge", color=MUTED)
    sheet.skip(0.12)


def _title(parts: Mapping[str, PriceForecasts], rows: PriceForecasts) -> str:
    """What the panel shows, with the coverage of the widest range in each part."""
    since = "the close before" if rows.horizon == 1 else f"{rows.horizon} sessions before"
    held = ", ".join(
        f"{name} {100 * part.bands[0].coverage:.1f} %"
        for name, part in parts.items()
        if len(part) and part.bands and part.conclusive
    )
    words = f"Moves from {since}, in %"
    if held:
        words += f"; the {rows.bands[0].percent} % range contained: {held}"
    return words


def _draw_parts(
    axes: Axes, parts: Mapping[str, PriceForecasts], split: PartEnds
) -> tuple[int, float]:
    """Draw the moves of all parts; returns how many are beyond the edge, and where that is."""
    dates = pd.DatetimeIndex([date for part in parts.values() for date in part.dates])
    mark_parts(axes, dates, split)
    moves = np.concatenate(
        [100 * np.abs(part.actual / part.previous - 1) for part in parts.values()]
    )
    edge = 1.6 * float(np.nanquantile(moves, 0.995)) or 1.0
    for part in parts.values():
        if len(part):
            draw_moves(axes, part, edge)
    axes.set_ylim(-1.03 * edge, 1.03 * edge)
    date_axis(axes, dates)
    return int(np.sum(moves > edge)), edge
