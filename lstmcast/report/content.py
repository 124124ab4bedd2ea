"""What a report is made of: sections with text, tables and charts, as plain values.

Text is text: nothing in here is markup, and the page escapes all of it. Colours are names such as
`--median`, which the page looks up in its light or its dark palette.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Table:
    """A table of a few rows.

    Args:
        caption: what it shows.
        head: of each column; those but the first hold figures.
        rows: cells as text.
        notes: lines below it.
        text: whether all columns hold text, and none figures.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    text: bool = False


@dataclass(frozen=True)
class Key:
    """An entry of a legend: a name, its colour, and how it is drawn."""

    name: str
    color: str
    look: Literal["line", "dashed", "dotted", "band", "dot", "ring", "diamond", "tick"] = "line"


@dataclass(frozen=True)
class Variant:
    """One set of curves that a chart can show; a chart of several symbols has one for each.

    Args:
        name: in the list that chooses among them.
        x: shared by all traces that have none of their own.
        traces: as plotly.js takes them, and bands: `{"band": name, "low": [...], "high": [...]}`.
        layout: what differs from the page's own.
        decimals: of the figures in the table that the page makes of the curves.
        summary: in the place of the chart's, where there are several.
    """

    name: str
    x: Sequence[Any]
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    decimals: int = 2
    summary: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart with its legend and its table.

    Args:
        id: unique in the page.
        title: what it shows.
        summary: the same for who cannot see it, in a sentence or two.
        variants: at least one.
        legend: what the looks mean.
        height: in pixels.
        dates: whether x is dates, to be zoomed by buttons.
        table: of what is drawn; None where the page makes it of the curves.
        notes: lines below it.
        first_column: what x is called in that table.
        months: that are shown at first, of dates; 0 for all.
        unfolded: whether the table is open from the start.
    """

    id: str
    title: str
    summary: str
    variants: Sequence[Variant]
    legend: Sequence[Key] = ()
    height: int = 380
    dates: bool = False
    table: Table | None = None
    notes: Sequence[str] = ()
    first_column: str = "Date"
    months: int = 0
    unfolded: bool = False


@dataclass(frozen=True)
class Tile:
    """A figure that stands by itself."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        id: unique in the page, and what links point to.
        title: its heading.
        short: the same in the list of sections.
        lead: paragraphs at its beginning.
        charts: in order.
        tables: after the charts.
        code: text to copy, with what it is: `(label, text)`.
    """

    id: str
    title: str
    short: str
    lead: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    code: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title: what was forecast.
        kind: `run` or `walk`.
        name: of the run or walk.
        facts: a few words each, below the title.
        verdict: the answer in one line.
        findings: what it rests on.
        tiles: the most telling figures.
        sections: in order.
        notes: what the reader should know besides.
    """

    title: str
    kind: str
    name: str
    facts: Sequence[str]
    verdict: str
    findings: Sequence[str]
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    notes: Sequence[str] = ()


def days(dates: Any) -> list[str]:
    """Dates as plotly.js reads them."""
    return [str(day) for day in pd.DatetimeIndex(dates).strftime("%Y-%m-%d")]


def rounded(values: Any, decimals: int) -> list[float | None]:
    """Numbers with no more digits than a chart shows; null where there is none."""
    return [
        round(float(value), decimals) if math.isfinite(value) else None
        for value in np.asarray(values, dtype=np.float64)
    ]


def figure(value: float | None, decimals: int, *, sign: bool = False) -> str:
    """A number with a real minus; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    shown = round(value, decimals) + 0.0  # no negative zero
    return f"{shown:{'+' if sign and shown else ''},.{decimals}f}".replace("-", MINUS)


def relative(skill: float | None, decimals: int = 2) -> str:
    """How a loss compares with another one, by the skill of the first."""
    if skill is None or not math.isfinite(skill):
        return DASH
    return f"{percent(abs(skill), decimals)} {'lower' if skill > 0 else 'higher'}"


def percent(share: float | None, decimals: int = 1, *, sign: bool = False) -> str:
    """A share in percent; a dash where there is none."""
    if share is None or not math.isfinite(share):
        return DASH
    return f"{figure(100 * share, decimals, sign=sign)} %"
