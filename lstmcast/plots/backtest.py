"""The chart of a backtest: where and when the model gained on the best baseline, and where not."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lstmcast.errors import DataError
from lstmcast.evaluation.direction import too_few
from lstmcast.evaluation.significance import enough_days
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MUTED, SERIES, styled


@styled
def backtest_chart(
    differences: "pd.Series[float]",
    *,
    rival: str,
    title: str | None = None,
    details: str | None = None,
    folds: list[pd.Timestamp] | None = None,
) -> Figure:
    """Draw the cumulated difference of daily losses: a falling line is a model that gains.

    Args:
        differences: by session, the model's loss minus the rival's, in %.
        rival: what the model is compared with.
        title: the first line.
        details: a line below it.
        folds: first origin of each fold, marked below the line.

    Raises:
        DataError: if there are no differences.
    """
    if differences.empty:
        raise DataError("`differences` has no rows", "a point forecast has no range to compare")
    sheet = Sheet()
    sheet.heading(title or f"CRPS against {rival}: cumulative difference", details)
    if not enough_days(len(differences)):
        sheet.text(f"{len(differences)} days, {too_few(len(differences))}.")
    sheet.skip(0.08)
    handles = [Line2D([], [], color=SERIES[0], linewidth=1.6, label=f"Model minus {rival}")]
    if folds:
        handles.append(Line2D([], [], color=MUTED, marker="|", linestyle="none", label="Retrained"))
    sheet.legend(handles, columns=2)
    sheet.skip(0.1)
    axes = sheet.headed_panel("Cumulative daily difference in CRPS (falling: the model gains)", 3.6)
    dates = pd.DatetimeIndex(differences.index)
    total = np.cumsum(differences.to_numpy(dtype=np.float64))
    axes.axhline(0, color=INK, linewidth=0.9)
    axes.plot(dates.to_numpy(), total, color=SERIES[0], linewidth=1.6)
    if folds:
        _mark_folds(axes, folds, total)
    sheet.skip(0.2)
    return sheet.finish()


def _mark_folds(axes: Axes, folds: list[pd.Timestamp], total: "np.ndarray[Any, Any]") -> None:
    """A tick below the line where each fold begins."""
    low = min(float(total.min()), 0.0)
    axes.plot(
        pd.DatetimeIndex(folds).to_numpy(),
        np.full(len(folds), low - 0.04 * (float(np.ptp(total)) or 1.0)),
        color=MUTED,
        marker="|",
        markersize=9,
        linestyle="none",
    )
