"""The chart of how ranges held: how often closes fell inside them, and where.

A range that states 80 % should hold 80 % of the closes: on all days, on calm and on restless ones,
year by year. Above, each mark is how far a range missed that, and the bar behind it is what luck
explains. Below, where the closes fell: between each two of the stated 5 % steps should lie one in
twenty. Too many at both ends are ranges that are too narrow, too many in the middle too wide ones,
too many on one side a median that is too low or too high.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lstmcast.errors import DataError
from lstmcast.evaluation.direction import too_few
from lstmcast.evaluation.reliability import LUCK, OVERALL, RangeCheck
from lstmcast.evaluation.significance import enough
from lstmcast.plots.style import INK, MEDIAN, MIDDLE_BAND, MUTED, TITLE, Sheet, count, styled

_ROW = 0.5
"""Inches."""

_MARKERS = {50: "o", 80: "s", 90: "^", 95: "D"}
_LUCK_BAND = "#dcdcdc"
_LEAST = 5.0
"""Points that the upper panel shows to either side at least."""


@styled
def ranges_chart(
    checks: Sequence[RangeCheck],
    pit: Sequence[tuple[float, float]],
    *,
    title: str,
    details: str | None = None,
) -> Figure:
    """Draw how far each range missed what it states, and where the closes fell among its steps.

    Args:
        checks: of one horizon, in the order in which parts are drawn from the top.
        pit: share of closes between each two 5 % steps, and its standard error.
        title: the first line.
        details: a line below it.

    Raises:
        DataError: if there are no checks, as for a point forecast.
    """
    if not checks:
        raise DataError(
            "`checks` is empty, so there is no range to draw",
            "a model that forecasts single numbers states none: `lstmcast plot --kind test`",
        )
    days = next(check.days for check in checks if check.where == OVERALL)
    sheet = Sheet()
    sheet.text(title, TITLE, "bold")
    if details:
        sheet.text(details, color=MUTED)
    if not enough(days, checks[0].horizon):
        sheet.text(f"{count(days, 'session')}, {too_few(days)}.")
    sheet.skip(0.08)
    sheet.legend(_legend(checks), columns=4)
    sheet.skip(0.12)
    sheet.text(
        "Closes inside a range beyond what it states, in points: left too narrow, right too wide",
        weight="bold",
    )
    sheet.skip(0.05)
    parts = list(dict.fromkeys(check.where for check in checks))
    _draw_misses(sheet.panel(_ROW * len(parts) + 0.1), checks, parts)
    sheet.text(
        "calm, middle, restless: thirds of the volatility of the last 500 sessions", color=MUTED
    )
    sheet.skip(0.12)
    sheet.text(
        "Where the closes fell among the stated 5 % steps: one in twenty in each, give or take",
        weight="bold",
    )
    sheet.skip(0.05)
    _draw_pit(sheet.panel(2.0), pit)
    sheet.skip(0.2)
    return sheet.finish()


def _draw_misses(axes: Axes, checks: Sequence[RangeCheck], parts: Sequence[str]) -> None:
    nominals = list(_MARKERS)
    farthest = _LEAST
    for check in checks:
        rank = nominals.index(check.nominal)
        place = parts.index(check.where) + 0.19 * (rank - (len(nominals) - 1) / 2)
        missed, luck = 100 * check.found - check.nominal, 100 * LUCK * check.error
        axes.barh(place, 2 * luck, left=-luck, height=0.15, color=_LUCK_BAND, zorder=2)
        axes.plot(
            [missed],
            [place],
            **_look(check),
            label=f"_{check.where} {check.nominal}",
            clip_on=False,
            zorder=4,
        )
        farthest = max(farthest, 1.1 * abs(missed), 1.1 * min(luck, 2 * _LEAST))
    axes.axvline(0, color=INK, linewidth=0.9, zorder=3)
    axes.set_xlim(-farthest, farthest)
    axes.set_ylim(len(parts) - 0.5, -0.5)
    named = {check.where: check.days for check in checks}
    labels = ["all days" if where == OVERALL else where for where in parts]
    axes.set_yticks(
        range(len(parts)),
        [f"{label}\n{named[where]:,} days" for label, where in zip(labels, parts, strict=True)],
    )
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "as stated")


def _look(check: RangeCheck) -> dict[str, Any]:
    broken = check.holds is False
    return {
        "marker": _MARKERS[check.nominal],
        "markersize": 6.5 if broken else 5.5,
        "markeredgecolor": INK,
        "markerfacecolor": MEDIAN if broken else "white" if check.holds is None else MIDDLE_BAND,
        "linestyle": "none",
    }


def _draw_pit(axes: Axes, pit: Sequence[tuple[float, float]]) -> None:
    found, error = (100 * np.array(part) for part in zip(*pit, strict=True))
    stated = 100 / len(found)
    centres = stated * (np.arange(len(found)) + 0.5)
    axes.bar(centres, 2 * LUCK * error, bottom=stated - LUCK * error, width=stated,
             color=_LUCK_BAND, zorder=2)  # fmt: skip
    axes.bar(centres, found, width=0.72 * stated, color=MIDDLE_BAND, label="_pit", zorder=3)
    axes.axhline(stated, color=INK, linewidth=0.9, zorder=4)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, max(2 * stated, 1.1 * float(found.max())))
    axes.set_xticks(range(0, 101, 10))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_xlabel("Probability that was stated for a lower close")


def _legend(checks: Sequence[RangeCheck]) -> list[Artist]:
    handles: list[Artist] = [
        _mark(_MARKERS[nominal], MIDDLE_BAND, f"{nominal} % range") for nominal in _MARKERS
    ]
    handles.append(Patch(facecolor=_LUCK_BAND, label="What luck explains"))
    if any(check.holds is False for check in checks):
        handles.append(_mark("o", MEDIAN, "Beyond luck"))
    if any(check.holds is None for check in checks):
        handles.append(_mark("o", "white", "Too few days"))
    return handles


def _mark(marker: str, face: str, label: str) -> Line2D:
    return Line2D(
        [],
        [],
        color=INK,
        marker=marker,
        markerfacecolor=face,
        markersize=5.5,
        linestyle="none",
        label=label,
    )
