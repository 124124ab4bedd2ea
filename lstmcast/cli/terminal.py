"""A chart in the terminal: closes with the ranges that were stated, or that are to come.

Ranges are shades, the median is a line and the close a dot. Nothing depends on colour, so that a
log shows the same.
"""

import math
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.cli.console import out
from lstmcast.errors import UsageError
from lstmcast.prices.digits import decimals_for, in_digits

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from lstmcast.api.charts import Judged
    from lstmcast.prices.store import PriceStore

SHADE, INNER, LINE, CLOSE, MISS = "░", "▒", "─", "●", "◆"
PLAIN = {SHADE: ".", INNER: ":", LINE: "-", CLOSE: "o", MISS: "x"}
"""In the place of those where the encoding has none."""

HEIGHT, WIDTH = 16, 100


@dataclass(frozen=True)
class Curve:
    """What one chart shows, column by column before it is thinned to the screen.

    Args:
        dates: of each column.
        close: NaN where none has come.
        median: NaN where nothing is forecast.
        outer, inner: low and high end of the 95 and the 80 % range; NaN where none is stated.
    """

    dates: "pd.DatetimeIndex"
    close: "NDArray[np.float64]"
    median: "NDArray[np.float64]"
    outer: "tuple[NDArray[np.float64], NDArray[np.float64]]"
    inner: "tuple[NDArray[np.float64], NDArray[np.float64]]"

    def last(self, count: int) -> "Curve":
        """The last columns."""
        tail = slice(max(0, len(self.dates) - count), None)
        return Curve(
            self.dates[tail],
            self.close[tail],
            self.median[tail],
            (self.outer[0][tail], self.outer[1][tail]),
            (self.inner[0][tail], self.inner[1][tail]),
        )


def judged(predictions: "pd.DataFrame", symbol: str, horizon: int) -> Curve:
    """The test forecasts of a symbol, by the sessions that they are about.

    Raises:
        UsageError: if the symbol or the horizon was not forecast.
    """
    import numpy as np

    from lstmcast.plots.price_forecasts import select

    rows = select(predictions, symbol, horizon)
    nothing = np.full(len(rows), np.nan)
    ends = {band.percent: (band.low, band.high) for band in rows.bands}
    none = (nothing, nothing)
    return Curve(rows.dates, rows.actual, rows.median, ends.get(95, none), ends.get(80, none))


def to_come(closes: "pd.Series[float]", forecast: "pd.DataFrame", past: int) -> Curve:
    """The last closes of a symbol, and its sessions to come."""
    import numpy as np
    import pandas as pd

    before = closes.iloc[-past:]
    nothing = np.full(len(before), np.nan)
    after = np.full(len(forecast), np.nan)

    def joined(name: str) -> "NDArray[np.float64]":
        return np.concatenate([nothing, forecast[name].to_numpy(np.float64)])

    return Curve(
        pd.DatetimeIndex([*before.index, *forecast["date"]]),
        np.concatenate([before.to_numpy(np.float64), after]),
        joined("median"),
        (joined("q025"), joined("q975")),
        (joined("q10"), joined("q90")),
    )


def screen_width() -> int:
    """Columns of the terminal; `WIDTH` where standard output is none."""
    return shutil.get_terminal_size((WIDTH, 0)).columns if sys.stdout.isatty() else WIDTH


def draw(curve: Curve, width: int = WIDTH, height: int = HEIGHT) -> list[str]:
    """The lines of a chart.

    Args:
        curve: what it shows; of more sessions than there are columns, the last ones.
        width: columns in all, those of the prices on the left included.
        height: rows of the chart, without those of the dates.
    """
    widths = curve.inner[1] - curve.inner[0]
    drawn = (curve.close, curve.median, *curve.outer)
    known = [float(x) for part in drawn for x in part if math.isfinite(x)]
    labels = max(len(in_digits(x, decimals_for(widths, known))) for x in (min(known), max(known)))
    curve = curve.last(max(8, width - labels - 2))
    drawn = (curve.close, curve.median, *curve.outer)
    known = [float(x) for part in drawn for x in part if math.isfinite(x)]
    low, high = min(known), max(known)
    room = 0.03 * (high - low) or 0.01 * abs(high) or 1.0
    low, high = low - room, high + room
    decimals = decimals_for(curve.inner[1] - curve.inner[0], known)

    def row(price: float) -> int:
        return round((high - price) / (high - low) * (height - 1))

    grid = _grid(curve, row, height)
    lines = []
    for place, cells in enumerate(grid):
        price = high - (high - low) * place / (height - 1)
        label = in_digits(price, decimals) if place % 5 == 0 else ""
        lines.append(f"{label:>{labels}} {_written(cells)}".rstrip())
    return [*lines, " " * (labels + 1) + _dates(curve.dates)]


def _grid(curve: Curve, row: Callable[[float], int], height: int) -> list[list[str]]:
    """A mark for every row and column, the close on top."""
    grid = [[" "] * len(curve.dates) for _ in range(height)]
    for k in range(len(curve.dates)):
        for (bottom, top), mark in ((curve.outer, SHADE), (curve.inner, INNER)):
            if math.isfinite(bottom[k]) and math.isfinite(top[k]):
                for place in range(row(top[k]), row(bottom[k]) + 1):
                    grid[place][k] = mark
        if math.isfinite(curve.median[k]):
            grid[row(curve.median[k])][k] = LINE
        if math.isfinite(curve.close[k]):
            outside = curve.close[k] < curve.outer[0][k] or curve.close[k] > curve.outer[1][k]
            grid[row(curve.close[k])][k] = MISS if outside else CLOSE
    return grid


def _written(cells: Sequence[str]) -> str:
    """The marks, or plain ones where standard output's encoding lacks them."""
    text = "".join(cells)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return "".join(PLAIN.get(cell, cell) for cell in cells)
    return text


def _dates(dates: "pd.DatetimeIndex") -> str:
    """Dates below the columns: the first, the last, and one in the middle where there is room."""
    first, last = (f"{date:%Y-%m-%d}" for date in (dates[0], dates[-1]))
    if len(dates) < 2 * len(first) + 2:
        return last if len(dates) < len(first) + 1 else f"{last:>{len(dates)}}"
    middle = f"{dates[len(dates) // 2]:%Y-%m-%d}" if len(dates) > 4 * len(first) else ""
    line = first + " " * (len(dates) - len(first) - len(last)) + last
    if middle:
        at = len(dates) // 2 - len(middle) // 2
        line = line[:at] + middle + line[at + len(middle) :]
    return line


def legend() -> str:
    """What the marks mean."""
    marks = {
        CLOSE: "close",
        MISS: "outside the 95 % range",
        LINE: "median",
        INNER: "80 %",
        SHADE: "95 %",
    }
    return "  ".join(f"{_written([mark])} {words}" for mark, words in marks.items())


def check_terminal(kind: str, output: Path | None) -> None:
    """Refuse what a terminal does not show.

    Raises:
        UsageError: naming the option.
    """
    if kind not in ("test", "fan"):
        raise UsageError(
            f"`--terminal` draws test and fan, not `--kind` {kind}",
            "leave `--terminal` out: the chart is written to a file",
        )
    if output is not None:
        raise UsageError(
            f"`--terminal` writes no file, and `--output` {output} names one", "leave one out"
        )


def print_charts(
    run: "Judged", store: "PriceStore", kind: str, symbol: str | None, horizon: int | None
) -> None:
    """Print the test forecasts of each symbol, or the sessions to come.

    Args:
        run: the run or walk.
        store: where prices are kept.
        kind: `test` or `fan`.
        symbol: one of several; all if None.
        horizon: sessions ahead.

    Raises:
        UsageError: for a symbol or horizon that there is not, and for the fan of a walk.
    """
    from lstmcast.api.charts import known_symbol

    name = known_symbol(run, symbol)
    if kind == "fan":
        _print_fans(run, store, name, horizon)
        return
    predictions = run.predictions(name)
    ahead = "one session" if horizon in (None, 1) else f"{horizon} sessions"
    for each in predictions["symbol"].unique():
        if name is None or each == name:
            lines = draw(judged(predictions, str(each), horizon or 1), screen_width())
            _print([f"{each}: forecasts {ahead} ahead", *lines, legend()])


def _print_fans(run: "Judged", store: "PriceStore", name: str | None, horizon: int | None) -> None:
    from lstmcast.forecasting import forecast_ahead
    from lstmcast.run import Run

    if not isinstance(run, Run):
        raise UsageError(
            f"`--kind` fan looks at a run's networks, and {run.name} is a walk of many",
            "draw its test forecasts, or name a run",
        )
    histories = run.histories(store, newest=True)
    wanted = [history.symbol for history in histories if name is None or history.symbol == name]
    closes = {history.symbol: history.adjusted()["close"] for history in histories}
    for ahead in forecast_ahead(run.forecaster(), histories, horizon, wanted):
        width = screen_width()
        lines = draw(to_come(closes[ahead.symbol], ahead.table, width), width)
        _print([f"{ahead.symbol}: from the close of {ahead.origin:%Y-%m-%d}", *lines, legend()])


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        out().print(line)
