"""How every chart looks: palette, type sizes, text for dates and prices, date axes.

Charts are built on matplotlib's objects alone. `pyplot` keeps figures in a global list and picks a
window system when imported, and neither belongs in a library. The settings here are put in force
while a chart is drawn or saved and taken back afterwards, on top of matplotlib's own defaults, so
that a `matplotlibrc` on the machine changes nothing and the same tables give the same picture.

The hues are those of Okabe and Ito (2008), which stay apart in the common kinds of colour
blindness. They are also of clearly different lightness, and everything that a colour says is said
by a line style, a hatch, a marker or a word as well, so that a chart printed in grey still reads.
"""

import io
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from textwrap import wrap
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, Formatter

from lstmcast.harmless import harmless
from lstmcast.prices.digits import decimals_for, in_digits

P = ParamSpec("P")
R = TypeVar("R")

INK = "#111111"
MUTED = "#5f5f5f"
GRID = "#dedede"
MEDIAN = "#d55e00"
WIDE_BAND = "#d3e5f3"
MIDDLE_BAND = "#94c1e2"
NARROW_BAND = "#5fa5d3"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#a3497f", "#8a6d00", "#3b3b3b", "#56b4e9", "#b8860b")

DPI = 130
WIDTH = 11.0
LEFT, RIGHT = 0.85, 0.35
"""Inches; every chart is as wide, so that charts of one page line up."""

TOP, BOTTOM, TICK_LABELS = 0.18, 0.14, 0.26

MILLIONS = 1e7
"""From here on prices are shown in millions, for labels have an inch at most."""

TITLE, TEXT, SMALL = 14.0, 10.0, 9.5
"""Type sizes in points."""

_SETTINGS: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": TEXT,
    "text.parse_math": False,  # a symbol or a run's name may hold dollar signs
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "svg.hashsalt": "lstmcast",  # element ids that do not change from one process to the next
    "pdf.fonttype": 42,
}


def house_style() -> AbstractContextManager[None]:
    """The settings of lstmcast's charts, in force inside a `with` block only."""
    # The backend is left alone: reading or restoring it would make matplotlib choose a window
    # system.
    settings: dict[Any, Any] = {
        key: value for key, value in mpl.rcParamsDefault.items() if key != "backend"
    }
    return mpl.rc_context(settings | _SETTINGS)


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function with the settings of lstmcast's charts."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with house_style():
            return draw(*args, **kwargs)

    return wrapper


class Chart(Figure):
    """A figure that is saved with the settings of lstmcast's charts, and that notebooks show."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save as matplotlib does."""
        with house_style():
            super().savefig(fname, **options)

    def _repr_png_(self) -> bytes:
        """The picture, for notebooks; none has to be told to draw figures inline."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", metadata={"Software": "lstmcast"})
        return buffer.getvalue()


class Sheet:
    """A figure filled from the top downwards, measured in inches, and as high as its content.

    Fixed measures instead of an automatic layout: the same chart always has its parts in the same
    places, and nothing is drawn twice to find out how large it is.
    """

    def __init__(self) -> None:
        self._figure = Chart(figsize=(WIDTH, WIDTH), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self._figure)
        self._depth = TOP
        self._place: list[Callable[[float], None]] = []

    def skip(self, inches: float) -> None:
        """Leave a gap."""
        self._depth += inches

    def text(
        self, words: str, size: float = TEXT, weight: str = "normal", color: str = INK
    ) -> None:
        """Write at the left edge, in as many lines as that takes, and go below."""
        wide = 0.62 if weight == "bold" else 0.58  # of the size: the mean width of a character
        lines = wrap(
            harmless(words, lines=True), int((WIDTH - LEFT - RIGHT) * 72 / (size * wide))
        ) or [""]
        block = self._figure.text(
            LEFT / WIDTH,
            0,
            "\n".join(lines),
            size=size,
            weight=weight,
            color=color,
            va="top",
            ha="left",
        )
        depth = self._depth
        self._place.append(lambda height: block.set_y(1 - depth / height))
        self.skip(len(lines) * size / 72 * 1.45)

    def panel(self, height: float, right: float = RIGHT, left: float = LEFT) -> Axes:
        """Add axes over the width of the sheet, less `left` and `right` inches, and go below."""
        self.skip(height)
        width, depth = (WIDTH - left - right) / WIDTH, self._depth
        left /= WIDTH
        axes = self._figure.add_axes((left, 0, width, 1))
        axes.tick_params(length=3.5, width=0.8)
        self._place.append(
            lambda total: axes.set_position((left, 1 - depth / total, width, height / total))
        )
        self.skip(TICK_LABELS)
        return axes

    def legend(self, handles: Sequence[Any], columns: int) -> None:
        """Add a legend of `columns` columns in a row of its own, so that it never hides data."""
        legend = self._figure.legend(
            handles=list(handles),
            loc="upper left",
            ncols=columns,
            borderpad=0,
            borderaxespad=0,
            labelspacing=0.45,
            handlelength=2.2,
            handletextpad=0.6,
            columnspacing=1.8,
        )
        depth = self._depth
        self._place.append(
            lambda height: legend.set_bbox_to_anchor(
                (LEFT / WIDTH, 1 - depth / height), self._figure.transFigure
            )
        )
        self.skip(math.ceil(len(handles) / columns) * SMALL / 72 * 1.5 + 0.04)

    def finish(self) -> Figure:
        """Cut the sheet below its last part and return the figure."""
        height = self._depth + BOTTOM
        self._figure.set_size_inches(WIDTH, height)
        for place in self._place:
            place(height)
        return self._figure


def day(date: pd.Timestamp) -> str:
    """A date in words, as in `1 Mar 2013`."""
    return f"{date.day} {date:%b %Y}"


def count(number: int, noun: str) -> str:
    """A number with its noun, as in `1 session` and `1,200 sessions`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


_MINOR_UNITS = {"GBp": "pence (GBp)", "GBX": "pence (GBX)", "ZAc": "cents (ZAc)", "ILA": "agorot"}


def in_currency(currency: str | None) -> str:
    """What follows `close` on an axis: `, USD`, `, pence (GBp)`, or nothing if it is not known."""
    return f", {_MINOR_UNITS.get(currency, harmless(currency))}" if currency else ""


def money(amount: str, currency: str | None) -> str:
    """An amount with its currency, where that is known."""
    return f"{amount} {harmless(currency)}" if currency else amount


def significant(value: float, digits: int = 4) -> str:
    """A number to at least so many digits, never in powers of ten; `n/a` if it is not finite."""
    return alike(value, digits=digits)[0]


def alike(*values: float, digits: int = 4) -> list[str]:
    """Numbers that are compared, with as many decimals as the smallest wants; see `significant`."""
    known = [abs(value) for value in values if math.isfinite(value) and value != 0]
    decimals = max(0, digits - 1 - math.floor(math.log10(min(known)))) if known else 0
    return [f"{value:,.{decimals}f}" if math.isfinite(value) else "n/a" for value in values]


def price(value: float) -> str:
    """A price that stands alone: two decimals from 1 to 10,000, more below, none above.

    From ten million on, in millions, as on the axis.
    """
    if not math.isfinite(value) or abs(value) < 1:
        return significant(value)
    if abs(value) >= MILLIONS:
        return f"{value / 1e6:,.2f} M"
    return f"{value:,.2f}" if abs(value) < 10_000 else f"{value:,.0f}"


@dataclass(frozen=True)
class Prices:
    """Prices that stand beside each other, all with the decimals that their ranges need.

    Args:
        decimals: of each.
        unit: what one of the numbers stands for: 1, or a million.
    """

    decimals: int
    unit: float = 1.0

    @classmethod
    def of(cls, widths: Iterable[float], shown: Iterable[float]) -> "Prices":
        """The format for prices whose ranges are so wide; see `decimals_for`."""
        known = [value for value in shown if math.isfinite(value)]
        unit = 1e6 if max(map(abs, known), default=0.0) >= MILLIONS else 1.0
        decimals = decimals_for((width / unit for width in widths), (x / unit for x in known))
        return cls(decimals, unit)

    def __call__(self, value: float) -> str:
        """The price in words; `n/a` if it is not finite."""
        if not math.isfinite(value):
            return "n/a"
        suffix = " M" if self.unit > 1 else ""
        return f"{in_digits(value / self.unit, self.decimals)}{suffix}"


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
    axes.set_xlim(number(first - margin), number(last + margin))
    locator, formatter = _date_ticks(most_ticks)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _date_ticks(most: int) -> tuple[AutoDateLocator, ConciseDateFormatter]:
    # matplotlib.dates has no type annotations, hence the ignores.
    locator = AutoDateLocator(minticks=4, maxticks=most)  # type: ignore[no-untyped-call] # above
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


def number(date: pd.Timestamp) -> float:
    """A date as matplotlib counts it: days."""
    days: float = date2num(date.to_pydatetime())  # type: ignore[no-untyped-call] # not annotated
    return float(days)


def numbers(dates: Iterable[pd.Timestamp]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Dates as matplotlib counts them."""
    return np.array([number(date) for date in dates])
