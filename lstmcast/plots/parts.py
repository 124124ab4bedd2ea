"""The history as it was cut: which sessions trained the network, chose it, and tested it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from lstmcast.errors import DataError
from lstmcast.plots.style import INK, MUTED, SMALL, Sheet, count, date_axis, day, number, price_axis

_LOOKS: dict[str, dict[str, Any]] = {
    "Training": {"facecolor": "#ffffff"},
    "Validation": {"facecolor": "#e9e9e9", "hatch": "////"},
    "Test": {"facecolor": "#fbe3bf"},
}


@dataclass(frozen=True)
class SplitDates:
    """Where the history was cut; every date is the last session of its part.

    Args:
        train_end: last session that the network was trained on.
        validation_end: last session that early stopping looked at; the test range follows.
        test_end: last session of the test range; None if that is the end of the history.
        train_start: first session used at all; None if that is the start of the history.
    """

    train_end: pd.Timestamp
    validation_end: pd.Timestamp
    test_end: pd.Timestamp | None = None
    train_start: pd.Timestamp | None = None

    def parts(
        self, sessions: pd.DatetimeIndex
    ) -> Iterator[tuple[str, pd.Timestamp, pd.Timestamp, int]]:
        """Name, first session, last session and number of sessions of each part that has any."""
        start = sessions[0] if self.train_start is None else self.train_start
        end = sessions[-1] if self.test_end is None else self.test_end
        cuts = (
            ("Training", sessions >= start, self.train_end),
            ("Validation", sessions > self.train_end, self.validation_end),
            ("Test", sessions > self.validation_end, end),
        )
        for name, after, last in cuts:
            inside = sessions[after & (sessions <= last)]
            if len(inside):
                yield name, inside[0], inside[-1], len(inside)


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


def legend_of_parts(sessions: pd.DatetimeIndex, split: SplitDates) -> list[Artist]:
    """A legend entry for each part, with its dates and its number of sessions."""
    return [
        Patch(
            label=f"{name} {day(first)} to {day(last)} ({sessions_in:,})",
            edgecolor=MUTED,
            linewidth=0.6,
            **_LOOKS[name],
        )
        for name, first, last, sessions_in in split.parts(sessions)
    ]


def mark_parts(axes: Axes, sessions: pd.DatetimeIndex, split: SplitDates) -> None:
    """Shade each part behind what the axes show, and rule a line where one ends."""
    half_a_day = pd.Timedelta(hours=12)
    for name, first, last, _ in split.parts(sessions):
        axes.axvspan(
            number(first - half_a_day),
            number(last + half_a_day),
            edgecolor="#bdbdbd",
            linewidth=0,
            zorder=0,
            label=f"_{name}",
            **_LOOKS[name],
        )
        if name != "Training":
            axes.axvline(number(first - half_a_day), color=MUTED, linewidth=0.8, zorder=1)


def add_overview(sheet: Sheet, closes: pd.Series, split: SplitDates, unit: str) -> Axes:
    """Add a strip with the whole history and its parts to a sheet."""
    dates = pd.DatetimeIndex(closes.index)
    heading = f"Whole history: {count(len(dates), 'session')}"
    legend_row = legend_of_parts(dates, split)
    logarithmic = price_axis_is_log(closes)
    scale = ", logarithmic scale" if logarithmic else ""
    sheet.text(f"{heading}, adjusted close{unit}{scale}", weight="bold")
    sheet.skip(0.04)
    sheet.legend(legend_row, columns=3)
    axes = sheet.panel(1.05)
    axes.plot(closes.index, closes.to_numpy(), color=INK, linewidth=0.9, label="_closes")
    mark_parts(axes, dates, split)
    price_axis(axes, float(closes.min()), float(closes.max()), most_ticks=4)
    date_axis(axes, dates, most_ticks=15)
    axes.tick_params(labelsize=SMALL)
    return axes


def price_axis_is_log(closes: pd.Series) -> bool:
    """Whether `price_axis` will draw these closes on a logarithmic scale."""
    return bool(closes.min() > 0 and closes.max() / closes.min() > 6)
