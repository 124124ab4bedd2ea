"""The charts of a search: how far it got, trial by trial, and which keys mattered."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, PercentFormatter

from lstmcast.errors import DataError
from lstmcast.plots.labels import count, significant
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MUTED, SERIES, SMALL, styled

_NEEDED = ("number", "state", "loss")

ROW = 0.34
"""Inches of a key in the chart of importances."""


@styled
def tuning_history_chart(
    trials: pd.DataFrame,
    *,
    start: float | None = None,
    title: str | None = None,
    details: str | None = None,
) -> Figure:
    """Draw the validation loss of every trial, and the lowest so far.

    Args:
        trials: a row per trial: `number`, `state` (`complete`, `pruned`, `failed`, ...), `loss`,
            which is null where a trial was not completed.
        start: the loss of the configuration as it stands.
        title: the first line.
        details: a line below it.

    Raises:
        DataError: if a column is missing or no trial is complete.
    """
    missing = [name for name in _NEEDED if name not in trials.columns]
    if missing:
        raise DataError(f"`trials` lacks {', '.join(missing)}")
    rows = trials.sort_values("number", kind="stable")
    loss = pd.to_numeric(rows["loss"]).to_numpy(dtype=np.float64)
    if not np.isfinite(loss).any():
        raise DataError("`trials` has none that is complete", "go on with the search")
    number = rows["number"].to_numpy(dtype=np.float64)
    sheet = Sheet()
    sheet.heading(title or f"Search over {count(len(rows), 'trial')}", details)
    sheet.skip(0.08)
    sheet.legend(_legend(rows, start), columns=4)
    sheet.skip(0.1)
    axes = sheet.headed_panel("Validation loss (lower is better)", 3.4)
    _draw(axes, number, loss, start)
    gone = rows["state"].isin(["pruned", "failed"]).to_numpy()
    _mark_gone(axes, number[gone])
    margin = max(0.4, 0.02 * float(np.ptp(number)))
    axes.set_xlim(number.min() - margin, number.max() + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("Trial")
    sheet.skip(0.2)
    return sheet.finish()


def _draw(
    axes: Axes,
    number: np.ndarray,
    loss: np.ndarray,
    start: float | None,
) -> None:
    known = np.isfinite(loss)
    axes.plot(
        number[known],
        loss[known],
        color=SERIES[0],
        marker="o",
        markersize=5,
        linestyle="none",
        label="_trials",
        zorder=3,
    )
    begin = np.inf if start is None else start
    lowest = np.minimum.accumulate(np.where(known, loss, np.inf))
    best = np.minimum(lowest, begin)
    shown = np.isfinite(best)
    axes.step(
        number[shown],
        best[shown],
        where="post",
        color=SERIES[1],
        linewidth=1.7,
        label="_best",
        zorder=2,
    )
    if start is not None:
        axes.axhline(start, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label="_start")
    _fit_axis(axes, number, loss, start)


def _fit_axis(axes: Axes, number: np.ndarray, loss: np.ndarray, start: float | None) -> None:
    """Fit the axis to typical losses; those above are marked at its upper edge."""
    known = np.isfinite(loss)
    # One hopeless trial must not press all the others into a line.
    typical = np.quantile(loss[known], 0.9)
    values = [*loss[known & (loss <= typical)], *([] if start is None else [start])]
    low, high = float(min(values)), float(max(values))
    room = (high - low) or 0.02 * abs(high) or 1.0
    axes.set_ylim(low - 0.12 * room, high + 0.12 * room)
    above = known & (loss > high + 0.12 * room)
    axes.plot(
        number[above],
        np.full(above.sum(), high + 0.09 * room),
        color=SERIES[0],
        marker="^",
        markersize=5,
        linestyle="none",
        label="_above",
        zorder=3,
    )


def _mark_gone(axes: Axes, number: np.ndarray) -> None:
    """A tick at the lower edge for each trial without a loss."""
    low, high = axes.get_ylim()
    axes.plot(
        number,
        np.full(len(number), low + 0.02 * (high - low)),
        color=MUTED,
        marker="x",
        markersize=5,
        linestyle="none",
        label="_gone",
        zorder=3,
    )


def _legend(rows: pd.DataFrame, start: float | None) -> list[Line2D]:
    gone = int(rows["state"].isin(["pruned", "failed"]).sum())
    handles = [
        Line2D([], [], color=SERIES[0], marker="o", linestyle="none", label="Trial"),
        Line2D([], [], color=SERIES[1], linewidth=1.7, label="Lowest so far"),
    ]
    if start is not None:
        words = f"Starting configuration: {significant(start)}"
        handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 2)), label=words))
    if gone:
        words = f"Pruned or failed: {gone}"
        handles.append(Line2D([], [], color=MUTED, marker="x", linestyle="none", label=words))
    return handles


@styled
def tuning_importance_chart(
    importances: Mapping[str, float],
    *,
    title: str | None = None,
    details: str | None = None,
) -> Figure:
    """Draw how much each key separates good trials from the others.

    Args:
        importances: by the path of a key, its share; shares sum to 1.
        title: the first line.
        details: a line below it.

    Raises:
        DataError: if there are none.
    """
    if not importances:
        raise DataError("`importances` is empty", "ten complete trials tell which keys mattered")
    keys = sorted(importances, key=lambda key: (-importances[key], key))
    shares = [importances[key] for key in keys]
    sheet = Sheet()
    sheet.heading(title or "Which keys mattered", details)
    sheet.skip(0.1)
    sheet.text(
        "Importance: share of what separates the best quarter of trials from the rest",
        weight="bold",
    )
    sheet.skip(0.05)
    axes = sheet.panel(ROW * len(keys) + 0.2)
    places = np.arange(len(keys))[::-1]
    axes.barh(places, shares, height=0.62, color=SERIES[0], label="_shares")
    most = max(shares) or 1.0
    for key, share, place in zip(keys, shares, places, strict=True):
        axes.text(share + 0.012 * most, place, f"{key}  {share:.0%}", va="center", size=SMALL)
    # Keys are long: they stand beside the bars, which leave them room.
    axes.set_xlim(0, 1.75 * most)
    axes.set_ylim(-0.7, len(keys) - 0.3)
    axes.yaxis.set_major_locator(FixedLocator([]))
    axes.yaxis.set_major_formatter(FixedFormatter([]))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(visible=False)
    sheet.skip(0.2)
    return sheet.finish()
