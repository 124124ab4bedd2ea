"""The sheet that every chart is laid out on, from the top downwards, measured in inches.

Fixed measures instead of an automatic layout: the same chart always has its parts in the same
places, and nothing is drawn twice to find out how large it is.
"""

import io
import math
from collections.abc import Callable, Sequence
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lstmcast.harmless import harmless
from lstmcast.plots.style import DPI, INK, MUTED, SMALL, TEXT, TITLE, WIDTH, house_style

LEFT, RIGHT = 0.85, 0.35
"""Inches; every chart is as wide, so that charts of one page line up."""

TOP, BOTTOM, TICK_LABELS = 0.18, 0.14, 0.26


NO_BREAK = "\N{NO-BREAK SPACE}"
"""Between a number and its `%`, so that no line begins with the sign."""


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
        characters = int((WIDTH - LEFT - RIGHT) * 72 / (size * wide))
        joined = harmless(words, lines=True).replace(" %", f"{NO_BREAK}%")
        lines = [line.replace(NO_BREAK, " ") for line in wrap(joined, characters)] or [""]
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

    def heading(self, title: str, details: str | None = None) -> None:
        """Write the chart's title, and a line of details below it."""
        self.text(title, TITLE, "bold")
        if details:
            self.text(details, color=MUTED)

    def headed_panel(
        self,
        words: str,
        height: float,
        *,
        gap: float = 0.05,
        right: float = RIGHT,
        left: float = LEFT,
    ) -> Axes:
        """Write what a panel shows, and add the panel below it."""
        self.text(words, weight="bold")
        self.skip(gap)
        return self.panel(height, right, left)

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
