"""Tables to draw, and what a reader would see of the figure: its words and where they stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from lstmcast.distributions import StudentTMixture
from lstmcast.plots import PartDates
from support.simulated import bars_from_returns, garch_returns, points, predict

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """A symbol's closes, where they were cut, and the forecasts of the test part."""

    closes: pd.Series
    ends: PartDates
    predictions: pd.DataFrame


def world(
    test_rows: int,
    *,
    history: int = 1000,
    horizons: int = 1,
    level: float = 50.0,
    point: bool = False,
    symbol: str = "ABC",
) -> World:
    """Closes with volatility that comes in clusters, and forecasts that know that volatility."""
    made = _world(test_rows, history, horizons, level, point, symbol)
    return World(made.closes.copy(), made.ends, made.predictions.copy())


@lru_cache(maxsize=32)
def _world(
    test_rows: int, history: int, horizons: int, level: float, point: bool, symbol: str
) -> World:
    rows = history + test_rows
    returns, volatility = garch_returns(3, rows - 1)
    bars = bars_from_returns(returns, start=level)
    first = history - 1
    origins = len(bars) - 1 - first
    scale = volatility[first:, None] * np.sqrt(np.arange(1, horizons + 1)) * 0.86
    shape = scale[None].shape
    forecast = StudentTMixture(df=np.full(shape, 8.0), loc=np.zeros(shape), scale=scale[None])
    table = predict(
        {symbol: bars}, first, {symbol: points(origins, horizons, 1e-4) if point else forecast}
    )
    dates = bars.index
    ends = PartDates(dates[history * 3 // 4], dates[history - 1], dates[-1])
    return World(bars["close"], ends, table)


def fan_table(closes: pd.Series, sessions: int, *, drift: float = 0.0) -> pd.DataFrame:
    """A forecast in prices for the coming weekdays, wider with the root of the horizon."""
    horizon = np.arange(1, sessions + 1)
    dates = pd.bdate_range(closes.index[-1], periods=sessions + 1)[1:]
    table = pd.DataFrame({"date": dates, "horizon": horizon})
    steps: Mapping[str, float] = {
        "q025": -2.2,
        "q10": -1.3,
        "q25": -0.65,
        "median": 0.0,
        "q75": 0.65,
        "q90": 1.3,
        "q975": 2.2,
    }
    for name, step in steps.items():
        log_price = drift * horizon + 0.015 * np.sqrt(horizon) * step
        table[name] = float(closes.iloc[-1]) * np.exp(log_price)
    return table


def words(figure: Figure) -> list[str]:
    """Every text that the figure shows, tick labels included."""
    _lay_out(figure)
    return [text.get_text() for text in _texts(figure)]


def one_artist(axes: Axes, label: str) -> Any:
    """The artist that carries this label; of whatever class, hence `Any`."""
    found = [child for child in axes.get_children() if child.get_label() == label]
    assert len(found) == 1, f"{len(found)} artists are labelled {label}"
    return found[0]


def points_of(axes: Axes, label: str) -> FloatArray:
    """`(points, 2)` x and y of a line."""
    return np.asarray(one_artist(axes, label).get_xydata())


def outline_of(axes: Axes, label: str) -> FloatArray:
    """`(points, 2)` x and y of the edge of a band."""
    return np.asarray(one_artist(axes, label).get_paths()[0].vertices)


def day_numbers(dates: Any) -> FloatArray:
    """Dates as a date axis counts them: days since 1970."""
    return np.asarray((pd.DatetimeIndex(dates) - pd.Timestamp(0)) / pd.Timedelta(days=1))


def has_artist(axes: Axes, label: str) -> bool:
    """Whether any artist carries this label."""
    return any(child.get_label() == label for child in axes.get_children())


def layout_faults(figure: Figure) -> list[str]:
    """Texts that touch one another or leave the picture."""
    _lay_out(figure)
    canvas: Any = figure.canvas
    renderer = canvas.get_renderer()
    # `Text.` and not the method: an annotation counts its pointer as part of itself.
    boxes = [(text.get_text(), Text.get_window_extent(text, renderer)) for text in _texts(figure)]
    page = figure.bbox
    faults = [
        f"{words!r} leaves the picture"
        for words, box in boxes
        if box.x0 < 0 or box.y0 < 0 or box.x1 > page.x1 or box.y1 > page.y1
    ]
    faults += [
        f"{one!r} touches {other!r}"
        for (one, box), (other, second) in combinations(boxes, 2)
        if _touch(box, second)
    ]
    return faults


def _lay_out(figure: Figure) -> None:
    """Put every part in its place, once for all that is asked about it."""
    if figure.stale:
        figure.draw_without_rendering()


def _touch(one: Bbox, other: Bbox) -> bool:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(width > 0.5 and height > 0.5)


def _texts(figure: Figure) -> Iterator[Text]:
    shown = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        shown += [*axes.texts, axes.xaxis.label, axes.yaxis.label, axes.title]
        shown += [*_tick_labels(axes.xaxis), *_tick_labels(axes.yaxis)]
    return (text for text in shown if text.get_visible() and text.get_text().strip())


def _tick_labels(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    room = 1e-9 * (high - low)
    return [
        tick.label1
        for tick in axis.get_major_ticks()
        if low - room <= tick.get_loc() <= high + room
    ]
