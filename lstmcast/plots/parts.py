"""The parts of a history on a chart: training, validation and test."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from lstmcast.errors import DataError
from lstmcast.plots.axes import date_axis, date_number, date_numbers, is_logarithmic, price_axis
from lstmcast.plots.labels import count, day
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MUTED, SMALL

_LOOKS: dict[str, dict[str, Any]] = {
    "Training": {"facecolor": "#ffffff"},
    "Validation": {"facecolor": "#e9e9e9", "hatch": "////"},
    "Test": {"facecolor": "#fbe3bf"},
}


class PartEnds(Protocol):
    """The last session of each part; `lstmcast.dataset.Boundaries` is one."""

    @property
    def train_end(self) -> pd.Timestamp:
        """Last session that the network was trained on."""
        ...

    @property
    def validation_end(self) -> pd.Timestamp:
        """Last session that early stopping looked at; the test range follows."""
        ...

    @property
    def test_end(self) -> pd.Timestamp:
        """Last session of the test range."""
        ...


@dataclass(frozen=True)
class PartDates:
    """Those dates as read from a run, which takes no more than reading them."""

    train_end: pd.Timestamp
    validation_end: pd.Timestamp
    test_end: pd.Timestamp


@dataclass(frozen=True)
class Part:
    """One stretch of the history.

    Args:
        name: `Training`, `Validation` or `Test`.
        first: its first session.
        last: its last session.
        sessions: how many there are.
    """

    name: str
    first: pd.Timestamp
    last: pd.Timestamp
    sessions: int


def cut(sessions: pd.DatetimeIndex, ends: PartEnds) -> list[Part]:
    """The parts that hold any of these sessions, in order."""
    before = pd.Timestamp.min
    parts = []
    for name, end in (
        ("Training", ends.train_end),
        ("Validation", ends.validation_end),
        ("Test", ends.test_end),
    ):
        inside = sessions[(sessions > before) & (sessions <= end)]
        if len(inside):
            parts.append(Part(name, inside[0], inside[-1], len(inside)))
        before = end
    return parts


def clean_closes(closes: pd.Series) -> pd.Series:
    """The known closes in the order of their dates.

    Raises:
        DataError: if there are none.
    """
    known = closes.astype("float64")
    known = known[np.isfinite(known.to_numpy())]
    if known.empty:
        raise DataError("`closes` has no known price", "fetch the symbol: `lstmcast fetch SYMBOL`")
    known.index = pd.DatetimeIndex(known.index)
    return known.sort_index(kind="stable")


def add_heading(sheet: Sheet, closes: pd.Series, ends: PartEnds, unit: str) -> None:
    """Add a line about the whole history, and a legend of its parts with their dates."""
    sessions = pd.DatetimeIndex(closes.index)
    logarithmic = is_logarithmic(float(closes.min()), float(closes.max()))
    scale = ", logarithmic scale" if logarithmic else ""
    words = f"Whole history: {count(len(sessions), 'session')}, adjusted close{unit}{scale}"
    sheet.text(words, weight="bold")
    sheet.skip(0.04)
    handles = [
        Patch(
            label=f"{part.name} {day(part.first)} to {day(part.last)} ({part.sessions:,})",
            edgecolor=MUTED,
            linewidth=0.6,
            **_LOOKS[part.name],
        )
        for part in cut(sessions, ends)
    ]
    sheet.legend(handles, columns=3)


def mark_parts(axes: Axes, sessions: pd.DatetimeIndex, ends: PartEnds) -> None:
    """Shade each part behind what the axes show, and rule a line where the next one begins."""
    half_a_day = pd.Timedelta(hours=12)
    for part in cut(sessions, ends):
        start, end = date_number(part.first - half_a_day), date_number(part.last + half_a_day)
        axes.axvspan(
            start,
            end,
            edgecolor="#bdbdbd",
            linewidth=0,
            zorder=0,
            label=f"_{part.name}",
            **_LOOKS[part.name],
        )
        if part.name != "Training":
            axes.axvline(start, color=MUTED, linewidth=0.8, zorder=1)


def add_overview(sheet: Sheet, closes: pd.Series, ends: PartEnds, unit: str) -> None:
    """Add a strip with the whole history and its parts to a sheet."""
    add_heading(sheet, closes, ends, unit)
    axes = sheet.panel(1.05)
    dates = pd.DatetimeIndex(closes.index)
    axes.plot(date_numbers(dates), closes.to_numpy(), color=INK, linewidth=0.9, label="_closes")
    mark_parts(axes, dates, ends)
    price_axis(axes, float(closes.min()), float(closes.max()), most_ticks=4)
    date_axis(axes, dates, most_ticks=15)
    axes.tick_params(labelsize=SMALL)
