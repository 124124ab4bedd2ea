"""The chart of a record: how often a range held so far, and what sampling error explains.

The dashed line is what the range states. The band around the share so far holds the coverages that
the outcomes up to that day do not refute, on all days at once: it may be looked at every day, and
the range is refuted where the dashed line leaves it.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lstmcast.errors import DataError
from lstmcast.plots.axes import date_axis
from lstmcast.plots.labels import day
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MEDIAN, MUTED, SERIES, WIDE_BAND, styled

_LEAST = 0.15
"""Coverage that the axis shows to either side of what is stated, at least."""


@styled
def coverage_chart(
    table: pd.DataFrame, *, nominal: int, title: str, details: str | None = None
) -> Figure:
    """Draw the coverage of a range over time with its band.

    Args:
        table: by day: `so_far` and `recent`, shares of outcomes inside (NaN where there is none),
            and `low` and `high`, the band around the first.
        nominal: what the range states, in %.
        title: the first line.
        details: a line below it.

    Raises:
        DataError: if there is no day.
    """
    if table.empty:
        raise DataError("`table` has no day to draw", "wait until a forecast has come true")
    sheet = Sheet()
    sheet.heading(title, details)
    sheet.text(_finding(table, nominal))
    sheet.skip(0.08)
    sheet.legend(
        [
            Line2D([], [], color=SERIES[0], linewidth=1.8, label="All outcomes so far"),
            Patch(facecolor=WIDE_BAND, label="Coverage not refuted"),
            Line2D([], [], color=MUTED, linewidth=1.0, linestyle=":", label="Last 60 days"),
            Line2D([], [], color=INK, linewidth=1.0, linestyle="--", label=f"Nominal: {nominal} %"),
        ],
        columns=4,
    )
    sheet.skip(0.1)
    sheet.text(f"Share of closes inside the {nominal} % range", weight="bold")
    sheet.skip(0.05)
    _draw(sheet.panel(3.6), table, nominal / 100)
    sheet.skip(0.2)
    return sheet.finish()


def _finding(table: pd.DataFrame, nominal: int) -> str:
    """What the band says of the range, in words."""
    stated = nominal / 100
    outside = table[(table["high"] < stated) | (table["low"] > stated)]
    share = f"{100 * table['so_far'].iloc[-1]:.1f} % of the closes were inside"
    if outside.empty:
        return f"{share}; the difference from {nominal} % is within sampling error."
    kind = "too narrow" if outside["high"].iloc[0] < stated else "too wide"
    first = day(pd.Timestamp(outside.index[0]))
    return f"{share}; since {first} that is beyond sampling error: the range is {kind}."


def _draw(axes: Axes, table: pd.DataFrame, stated: float) -> None:
    dates = pd.DatetimeIndex(table.index)
    x = dates.to_numpy()
    shares = {name: table[name].to_numpy(dtype=np.float64) for name in table.columns}
    axes.fill_between(
        x, shares["low"], shares["high"], step="post", color=WIDE_BAND, linewidth=0, label="_band"
    )
    axes.plot(x, shares["recent"], color=MUTED, linewidth=1.0, linestyle=":", label="_recent")
    # One day makes no line.
    dot = "o" if len(table) == 1 else ""
    axes.plot(x, shares["so_far"], color=SERIES[0], linewidth=1.8, marker=dot, label="_so_far")
    if dot:
        axes.vlines(x, shares["low"], shares["high"], color=WIDE_BAND, linewidth=8, zorder=1)
    axes.axhline(stated, color=INK, linewidth=1.0, linestyle="--")
    refuted = (shares["high"] < stated) | (shares["low"] > stated)
    if refuted.any():
        first = int(refuted.argmax())
        axes.plot(
            x[first : first + 1],
            [stated],
            color=MEDIAN,
            marker="v",
            markersize=8,
            markeredgecolor=INK,
            linestyle="none",
            label="_refuted",
            clip_on=False,
        )
    # Of the first days everything is possible, and the lines jump: they would flatten the rest.
    settled = slice(min(len(table) // 4, 40), None)
    shown = np.concatenate([shares[name][settled] for name in shares])
    shown = shown[np.isfinite(shown)]
    low = max(0.0, min(float(shown.min()) - 0.02, stated - _LEAST))
    axes.set_ylim(low, min(1.0, max(float(shown.max()) + 0.02, stated + _LEAST)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    date_axis(axes, dates)
