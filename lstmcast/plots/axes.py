"""Axes for prices, dates and sessions, with readable ticks.

matplotlib places ticks for plain numbers; these suit prices and trading calendars.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import FixedFormatter, FixedLocator, Formatter

from lstmcast.plots.labels import MILLIONS


class PriceTicks(Formatter):
    """Tick labels with thousands separators and just the decimals that the ticks need.

    From ten million on, in millions, for the labels have an inch at most.
    """

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 - matplotlib's
        """The label of a tick at `x` that stands alone."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The labels of the ticks of one axis."""
        ticks = np.asarray(values, dtype=float)
        largest = float(np.max(np.abs(ticks), initial=0.0)) or 1.0
        unit, suffix = (1e6, " M") if largest >= MILLIONS else (1.0, "")
        ticks, largest = ticks / unit, largest / unit
        for decimals in range(12):
            if np.all(np.abs(np.round(ticks, decimals) - ticks) < 1e-9 * largest):
                break
        return [f"{tick:,.{decimals}f}{suffix}" for tick in ticks]


def is_logarithmic(low: float, high: float) -> bool:
    """Whether prices grow so much that the early ones would be flat on a linear scale."""
    return low > 0 and high / low > 6


def price_axis(axes: Axes, low: float, high: float, most_ticks: int = 6) -> bool:
    """Set the price axis to hold `low` to `high`, on the scale that suits them.

    Returns:
        Whether the axis is logarithmic.
    """
    logarithmic = is_logarithmic(low, high)
    if logarithmic:
        axes.set_yscale("log")
        margin = (high / low) ** 0.05
        axes.set_ylim(low / margin, high * margin)
        axes.yaxis.set_major_locator(FixedLocator(_log_ticks(low, high, most_ticks)))
        axes.yaxis.set_minor_locator(FixedLocator([]))
    else:
        margin = 0.05 * (high - low) or 0.02 * abs(high) or 1.0
        axes.set_ylim(low - margin, high + margin)
        axes.locator_params(axis="y", nbins=most_ticks)
    axes.yaxis.set_major_formatter(PriceTicks())
    return logarithmic


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    choices: list[list[float]] = []
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7)):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        choices.append([tick for tick in ticks if low <= tick <= high])
    for ticks in reversed(choices):
        if len(ticks) <= most:
            return ticks
    decimated = choices[0]
    return decimated[:: math.ceil(len(decimated) / most)]


def date_axis(axes: Axes, dates: pd.DatetimeIndex, most_ticks: int = 14) -> None:
    """Set an axis of many dates to hold `dates`, with few and plain labels."""
    first, last = dates[0], dates[-1]
    margin = max(pd.Timedelta(days=1), (last - first) * 0.008)
    axes.set_xlim(date_number(first - margin), date_number(last + margin))
    # With more ticks than days there would be hours among them.
    fewest = min(4, (last - first + 2 * margin).days)
    locator, formatter = _date_ticks(most_ticks, fewest)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _date_ticks(most: int, fewest: int) -> tuple[AutoDateLocator, ConciseDateFormatter]:
    # matplotlib.dates has no type annotations, hence the ignores.
    locator = AutoDateLocator(minticks=fewest, maxticks=most)  # type: ignore[no-untyped-call] # above
    formatter = ConciseDateFormatter(locator, show_offset=False)  # type: ignore[no-untyped-call] # above
    formatter.formats[2] = formatter.zero_formats[2] = "%d %b"
    return locator, formatter


def session_axis(axes: Axes, dates: pd.DatetimeIndex, *, label_last: bool = False) -> None:
    """Set an axis of few sessions at 0, 1, 2 ..., evenly, with no gaps for weekends.

    Labels stand at every session, at the first one of a week, or of a month, whichever is the
    most that fits; the year stands below the first label and below the first of a new year.
    `label_last` adds the last session, in the place of a label that would touch it.
    """
    margin = max(0.8, (10 - len(dates)) / 2)
    axes.set_xlim(-margin, len(dates) - 1 + margin)
    ticks = _session_ticks(dates)
    if label_last:
        end = len(dates) - 1
        ticks = [tick for tick in ticks if end - tick > 0.075 * end] + [end]
    labels = []
    for before, tick in zip([None, *ticks], ticks, strict=False):
        label = f"{dates[tick].day} {dates[tick]:%b}"
        new_year = before is None or dates[before].year != dates[tick].year
        labels.append(f"{label}\n{dates[tick].year}" if new_year else label)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FixedFormatter(labels))


def _session_ticks(dates: pd.DatetimeIndex, most: int = 14) -> list[int]:
    for period in ("D", "W", "M", "Q", "Y"):
        periods = dates.to_period(period)
        ticks = [i for i in range(len(dates)) if i == 0 or periods[i] != periods[i - 1]]
        # The first session may stand just before the first full period; its label then gives way.
        if len(ticks) > 1 and ticks[1] < len(dates) / most:
            ticks = ticks[1:]
        if len(ticks) <= most:
            break
    return ticks


def date_number(date: pd.Timestamp) -> float:
    """A date as matplotlib counts it: days."""
    days: float = date2num(date.to_pydatetime())  # type: ignore[no-untyped-call] # not annotated
    return float(days)


def date_numbers(dates: Iterable[pd.Timestamp]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Dates as matplotlib counts them."""
    days = pd.DatetimeIndex(list(dates) if not isinstance(dates, pd.DatetimeIndex) else dates)
    numbers = date2num(days.to_numpy())  # type: ignore[no-untyped-call] # not annotated
    return np.asarray(numbers, dtype=np.float64)
