"""The chart of an LSTM's gates and cell state over the sessions of a window."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lstmcast.errors import UsageError
from lstmcast.plots.axes import date_axis, date_numbers, price_axis
from lstmcast.plots.labels import in_currency
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MUTED, SERIES, styled

if TYPE_CHECKING:
    from lstmcast.explain import GateTrace

MAX_UNITS = 6
"""Units that one chart can tell apart."""

_DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 1)),
    (0, (9, 2)),
)
_PANELS = {
    "forget": "Forget gate: how much of the memory is kept (1 keeps all)",
    "input": "Input gate: how much of what is new is written (0 writes nothing)",
    "output": "Output gate: how much of the memory is shown",
    "memory": "Cell memory c",
}


@styled
def gates_chart(
    trace: "GateTrace",
    units: Sequence[int],
    *,
    currency: str | None = None,
    title: str | None = None,
    details: str | None = None,
) -> Figure:
    """Draw gates and memory of some units over the sessions of a window, the close above.

    Args:
        trace: of one symbol and network.
        units: which of the layer's units, at most `MAX_UNITS`.
        currency: of the prices; None if it is not known.
        title: the first line.
        details: a line below it.

    Raises:
        UsageError: if there are no units, too many, or one that the layer does not have.
    """
    count = trace.memory.shape[1]
    if not 1 <= len(units) <= MAX_UNITS or not all(0 <= unit < count for unit in units):
        raise UsageError(
            f"`units` {', '.join(map(str, units)) or 'names none'} cannot be drawn",
            f"choose 1 to {MAX_UNITS} of 0 to {count - 1}",
        )
    layer = f"layer {trace.layer} of {trace.layers}" if trace.layers > 1 else "the LSTM layer"
    sheet = Sheet()
    sheet.heading(title or f"{trace.symbol}: inside {layer}, session by session", details)
    sheet.text(
        "The units that move the next session's range most; computed by the cell's equations",
        color=MUTED,
    )
    sheet.skip(0.08)
    sheet.legend(_legend(units), columns=MAX_UNITS)
    sheet.skip(0.12)
    _add_close(sheet, trace, currency)
    for name in _PANELS:
        _add_values(sheet, trace, units, name)
    sheet.skip(0.15)
    return sheet.finish()


def _add_close(sheet: Sheet, trace: "GateTrace", currency: str | None) -> None:
    axes = sheet.headed_panel(f"Adjusted close{in_currency(currency)}", 1.3, gap=0.04)
    dates = date_numbers(trace.dates)
    axes.plot(dates, trace.closes, color=INK, linewidth=1.1, label="_closes", marker=_dot(dates))
    price_axis(axes, float(trace.closes.min()), float(trace.closes.max()), most_ticks=4)
    _share_dates(axes, trace, labels=False)


def _add_values(sheet: Sheet, trace: "GateTrace", units: Sequence[int], name: str) -> None:
    """One panel: a gate, or the cell state, of each unit."""
    axes = sheet.headed_panel(_PANELS[name], 1.15, gap=0.04)
    dates, values = date_numbers(trace.dates), getattr(trace, name)
    for place, unit in enumerate(units):
        axes.plot(
            dates,
            values[:, unit],
            color=SERIES[place],
            linestyle=_DASHES[place],
            linewidth=1.2,
            marker=_dot(dates),
            label=f"_{name} {unit}",
        )
    if name == "memory":
        axes.axhline(0, color=MUTED, linewidth=0.8, zorder=1)
        axes.locator_params(axis="y", nbins=4)
    else:
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.5, 1])
    _share_dates(axes, trace, labels=name == "memory")


def _dot(dates: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> str:
    """One session makes no line."""
    return "." if len(dates) == 1 else ""


def _legend(units: Sequence[int]) -> list[Artist]:
    return [
        Line2D([], [], color=SERIES[k], linestyle=_DASHES[k], linewidth=1.6, label=f"Unit {unit}")
        for k, unit in enumerate(units)
    ]


def _share_dates(axes: Axes, trace: "GateTrace", *, labels: bool) -> None:
    date_axis(axes, trace.dates)
    if not labels:
        axes.tick_params(axis="x", labelbottom=False)
