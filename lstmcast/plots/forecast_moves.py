"""Panels of forecasts as moves in percent, where the width of every range can be seen.

On a panel of prices over many years a range is thinner than the line of the close.
"""

import numpy as np
import pandas as pd

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
    sheet.text(f"The same forecasts as moves from {since}, in %", weight="bold")
    sheet.skip(0.05)
    axes = sheet.panel(1.7)
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
    since = "the close before" if rows.horizon == 1 else f"{rows.horizon} sessions before"
    held = ", ".join(
        f"{name} {100 * part.bands[0].coverage:.1f} %"
        for name, part in parts.items()
        if len(part) and part.bands and part.conclusive
    )
    words = f"Moves from {since}, in %"
    if held:
        words += f"; the {rows.bands[0].percent} % range contained: {held}"
    sheet.text(words, weight="bold")
    sheet.text(
        "Fitted to the training part, stopped by the validation part: only the test part tells how "
        "good forecasts are",
        color=MUTED,
    )
    sheet.skip(0.05)
    axes = sheet.panel(1.9)
    dates = pd.DatetimeIndex([*before.dates, *rows.dates])
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
    if (far := int(np.sum(moves > edge))) > 0:
        sheet.text(f"{count(far, 'move')} beyond {edge:.0f} % drawn at the edge", color=MUTED)
    sheet.skip(0.12)
