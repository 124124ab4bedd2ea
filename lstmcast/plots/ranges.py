"""The calibration chart: empirical coverage of the ranges, and the PIT histogram.

An 80 % range should contain 80 % of the closes: on all days, at low and at high volatility, in each
year. Above, each mark is the deviation of a range's coverage from the nominal one, and the bar
behind it is the sampling error. Below, the histogram of the probability integral transform: each
of its twenty bins should contain 5 % of the closes. Too many in both outer bins mean ranges that
are too narrow, too many in the middle ranges that are too wide, too many on one side a median that
is too low or too high.
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
from lstmcast.evaluation.coverage import CRITICAL_ERRORS, subset_label
from lstmcast.evaluation.coverage_check import OVERALL, CoverageCheck
from lstmcast.evaluation.direction import too_few
from lstmcast.evaluation.significance import enough_days
from lstmcast.plots.labels import count
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MEDIAN, MIDDLE_BAND, MUTED, styled

_ROW, _LABELS = 0.5, 1.35
"""Inches: the height of a subset's row, and the width of its label."""

_MARKERS = {50: "o", 80: "s", 90: "^", 95: "D"}
_ERROR_BAND = "#dcdcdc"
_LEAST = 5.0
"""Points that the upper panel shows to either side at least."""


@styled
def ranges_chart(
    checks: Sequence[CoverageCheck],
    pit: Sequence[tuple[float, float]],
    *,
    title: str,
    details: str | None = None,
) -> Figure:
    """Draw how far the coverage of each range is from the nominal one, and the PIT histogram.

    Args:
        checks: of one horizon, in the order in which subsets are drawn from the top.
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
    days = next(check.days for check in checks if check.subset == OVERALL)
    sheet = Sheet()
    sheet.heading(title, details)
    if not enough_days(days, checks[0].horizon):
        sheet.text(f"{count(days, 'session')}, {too_few(days)}.")
    sheet.skip(0.08)
    for row in _legend(checks):
        sheet.legend(row, columns=len(row))
    sheet.skip(0.12)
    sheet.text(
        "Coverage minus nominal coverage, in percentage points: left too narrow, right too wide",
        weight="bold",
    )
    sheet.skip(0.05)
    subsets = list(dict.fromkeys(check.subset for check in checks))
    panel = sheet.panel(_ROW * len(subsets) + 0.1, left=_LABELS)
    _draw_deviations(panel, checks, subsets)
    sheet.text(
        "Low, medium and high volatility: terciles over a symbol's last 500 sessions", color=MUTED
    )
    sheet.skip(0.12)
    sheet.text(
        "Where the closes fell in the forecast distribution: ideally 5 % of them in each bin",
        weight="bold",
    )
    sheet.skip(0.05)
    _draw_pit(sheet.panel(2.0), pit)
    sheet.skip(0.2)
    return sheet.finish()


def _draw_deviations(axes: Axes, checks: Sequence[CoverageCheck], subsets: Sequence[str]) -> None:
    nominals = list(_MARKERS)
    farthest = _LEAST
    for check in checks:
        rank = nominals.index(check.nominal)
        place = subsets.index(check.subset) + 0.19 * (rank - (len(nominals) - 1) / 2)
        deviation = 100 * check.coverage - check.nominal
        error = 100 * CRITICAL_ERRORS * check.standard_error
        axes.barh(place, 2 * error, left=-error, height=0.15, color=_ERROR_BAND, zorder=2)
        axes.plot(
            [deviation],
            [place],
            **_look(check),
            label=f"_{check.subset} {check.nominal}",
            clip_on=False,
            zorder=4,
        )
        farthest = max(farthest, 1.1 * abs(deviation), 1.1 * min(error, 2 * _LEAST))
    axes.axvline(0, color=INK, linewidth=0.9, zorder=3)
    axes.set_xlim(-farthest, farthest)
    axes.set_ylim(len(subsets) - 0.5, -0.5)
    days = {check.subset: check.days for check in checks}
    axes.set_yticks(
        range(len(subsets)),
        [f"{subset_label(subset)}\n{days[subset]:,} days" for subset in subsets],
    )
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:+g}" if value else "0")


def _look(check: CoverageCheck) -> dict[str, Any]:
    broken = check.calibrated is False
    faces = {True: MIDDLE_BAND, False: MEDIAN, None: "white"}
    return {
        "marker": _MARKERS[check.nominal],
        "markersize": 6.5 if broken else 5.5,
        "markeredgecolor": INK,
        "markerfacecolor": faces[check.calibrated],
        "linestyle": "none",
    }


def _draw_pit(axes: Axes, pit: Sequence[tuple[float, float]]) -> None:
    found, error = (100 * np.array(part) for part in zip(*pit, strict=True))
    stated = 100 / len(found)
    centres = stated * (np.arange(len(found)) + 0.5)
    band = CRITICAL_ERRORS * error
    axes.bar(centres, 2 * band, bottom=stated - band, width=stated, color=_ERROR_BAND, zorder=2)
    axes.bar(centres, found, width=0.72 * stated, color=MIDDLE_BAND, label="_pit", zorder=3)
    axes.axhline(stated, color=INK, linewidth=0.9, zorder=4)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, max(2 * stated, 1.1 * float(found.max())))
    axes.set_xticks(range(0, 101, 10))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.set_xlabel("Forecast probability of a lower close")


def _legend(checks: Sequence[CoverageCheck]) -> tuple[list[Artist], list[Artist]]:
    """A row of the ranges, and one of what is said of them."""
    ranges: list[Artist] = [
        _mark(_MARKERS[nominal], MIDDLE_BAND, f"{nominal} % range") for nominal in _MARKERS
    ]
    handles: list[Artist] = [Patch(facecolor=_ERROR_BAND, label="Sampling error")]
    if any(check.calibrated is False for check in checks):
        handles.append(_mark("o", MEDIAN, "Beyond sampling error"))
    if any(check.calibrated is None for check in checks):
        handles.append(_mark("o", "white", "Too few days"))
    return ranges, handles


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
