"""How every chart looks: palette, type sizes, and matplotlib's settings.

Charts are built on matplotlib's objects alone. `pyplot` keeps figures in a global list and picks a
window system when imported, and neither belongs in a library. The settings here are put in force
while a chart is drawn or saved and taken back afterwards, on top of matplotlib's own defaults, so
that a `matplotlibrc` on the machine changes nothing and the same tables give the same picture.

The hues are those of Okabe and Ito (2008), which stay apart in the common kinds of colour
blindness. They are also of clearly different lightness, and everything that a colour says is said
by a line style, a hatch, a marker or a word as well, so that a chart printed in grey still reads.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl

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
