"""The chart of feature importance: by group, by column, and by lag."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lstmcast.harmless import harmless
from lstmcast.plots.labels import count, day
from lstmcast.plots.sheet import Sheet
from lstmcast.plots.style import INK, MIDDLE_BAND, MUTED, SERIES, styled

if TYPE_CHECKING:
    from lstmcast.explain import Effect, Importance

MAX_COLUMNS = 12
_ROW = 0.3
"""Inches."""

NAMES = 2.1
"""Inches for the names of inputs; longer ones are cut."""

_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "++++", "oooo")


@styled
def importance_chart(
    found: "Importance",
    lags: pd.DataFrame | None = None,
    *,
    title: str = "What the inputs are worth",
    details: str | None = None,
) -> Figure:
    """Draw how much worse forecasts get without each input, and how far back inputs reach.

    Args:
        found: of some networks.
        lags: mean absolute parts by lag and group (`lstmcast.explain.reach_by_lag`); None for none.
        title: the first line.
        details: a line below it.
    """
    sheet = Sheet()
    sheet.heading(title, details)
    sheet.text(
        f"{count(found.sessions, 'session')} of validation, {day(found.first)} to "
        f"{day(found.last)}; {count(len(found.loss), 'network')}",
        color=MUTED,
    )
    sheet.skip(0.08)
    sheet.legend(_legend(), columns=4)
    sheet.skip(0.12)
    for kind, words in (("group", "Feature groups"), ("column", "Columns")):
        effects = found.of("group" if kind == "group" else "column")
        shown = effects[:MAX_COLUMNS] if kind == "column" else effects
        more = f", the {len(shown)} that count most" if len(shown) < len(effects) else ""
        sheet.text(
            f"{words}{more}: increase in loss without them (further right is worse)", weight="bold"
        )
        sheet.skip(0.04)
        _draw_effects(sheet.panel(_ROW * len(shown) + 0.1, left=NAMES), shown)
        sheet.skip(0.1)
    if lags is not None:
        sheet.text(
            "How far back the next range looks: mean absolute attribution of its log width, by lag",
            weight="bold",
        )
        sheet.skip(0.04)
        sheet.legend(_lag_legend([str(name) for name in lags.columns]), columns=6)
        sheet.skip(0.06)
        _draw_lags(sheet.panel(1.7), _as_far_as_it_goes(lags))
        sheet.skip(0.2)
    return sheet.finish()


def _legend() -> list[Artist]:
    return [
        Patch(facecolor=MIDDLE_BAND, edgecolor=MUTED, linewidth=0.4, label="Shuffled: mean"),
        Line2D([], [], color=INK, marker="|", linestyle="none", label="Shuffled: each network"),
        Line2D([], [], color=SERIES[1], marker="D", linestyle="none", label="Held at its mean"),
    ]


def _draw_effects(axes: Axes, effects: Sequence["Effect"]) -> None:
    for place, effect in enumerate(effects):
        mean = float(np.mean(effect.permutation))
        axes.barh(place, mean, height=0.6, color=MIDDLE_BAND, label=f"_{effect.name}", zorder=2)
        axes.plot(
            effect.permutation,
            [place] * len(effect.permutation),
            color=INK,
            marker="|",
            markersize=9,
            linestyle="none",
            label=f"_networks {effect.name}",
            zorder=4,
        )
        axes.plot(
            [float(np.mean(effect.occlusion))],
            [place],
            color=SERIES[1],
            marker="D",
            markersize=5,
            linestyle="none",
            label=f"_held {effect.name}",
            zorder=3,
        )
    axes.axvline(0, color=INK, linewidth=0.9, zorder=3)
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.set_yticks(range(len(effects)), [_short(effect.name) for effect in effects])
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.locator_params(axis="x", nbins=7)


def _short(name: str) -> str:
    shown = harmless(name)
    return shown if len(shown) <= 24 else f"{shown[:23]}\N{HORIZONTAL ELLIPSIS}"


def _lag_legend(names: Sequence[str]) -> list[Artist]:
    return [
        Patch(
            facecolor=SERIES[k % len(SERIES)],
            edgecolor="white",
            hatch=_HATCHES[k % len(_HATCHES)],
            label=_short(name),
        )
        for k, name in enumerate(names)
    ]


def _as_far_as_it_goes(lags: pd.DataFrame) -> pd.DataFrame:
    """The lags that hold 99 % of what there is; at least ten."""
    held = lags.sum(axis=1).cumsum()
    return lags.iloc[: max(10, int((held < 0.99 * held.iloc[-1]).sum()) + 1)]


def _draw_lags(axes: Axes, lags: pd.DataFrame) -> None:
    places = lags.index.to_numpy(dtype=np.float64)
    bottom = np.zeros(len(lags))
    for k, name in enumerate(lags.columns):
        values = lags[name].to_numpy(dtype=np.float64)
        axes.bar(
            places,
            values,
            bottom=bottom,
            width=0.85,
            color=SERIES[k % len(SERIES)],
            edgecolor="white",
            linewidth=0.2,
            hatch=_HATCHES[k % len(_HATCHES)],
            label=f"_{name}",
            zorder=2,
        )
        bottom = bottom + values
    axes.set_xlim(-0.8, len(lags) - 0.2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    axes.locator_params(axis="y", nbins=5)
    axes.set_xlabel("Lag in sessions; 0 is the forecast's origin")
