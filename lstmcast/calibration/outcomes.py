"""Outcomes beside the intervals that were stated for them, by the day on which they are known."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lstmcast.calibration.series import COVERAGES, CalibrationSeries, HalfWidths
from lstmcast.dataset.target import seldom_traded
from lstmcast.distributions import FloatArray


@dataclass(frozen=True)
class ForecastOutcomes:
    """The forecasts of one symbol that are compared with their outcomes.

    Args:
        series: of the symbol.
        rows: `(rows,)` the origins, without a gap.
        widths: the uncalibrated intervals from them.
    """

    series: CalibrationSeries
    rows: NDArray[np.intp]
    widths: HalfWidths


@dataclass(frozen=True)
class Outcomes:
    """What came true, `(days, symbols, horizons)` by the day on which it is known.

    Args:
        distance: log distance from the median, in half widths of the 80 % interval; NaN if none.
        bounds: log half widths in the same unit, `(days, symbols, horizons, coverages)`.
        origin: day of the forecast.
        stale: whether it is an unchanged close of a seldom traded symbol.
    """

    distance: FloatArray
    bounds: FloatArray
    origin: NDArray[np.intp]
    stale: NDArray[np.bool_]

    @classmethod
    def empty(cls, days: int, symbols: int, horizons: int) -> Self:
        """Room for outcomes, none of them known yet."""
        shape = (days, symbols, horizons)
        return cls(
            np.full(shape, np.nan),
            np.zeros((*shape, len(COVERAGES))),
            np.zeros(shape, dtype=np.intp),
            np.zeros(shape, dtype=bool),
        )

    def add(self, k: int, one: ForecastOutcomes, day: NDArray[np.intp]) -> None:
        """Add symbol k, whose closes are known on the days `day`, `(rows,)`."""
        days, _, horizons = self.distance.shape
        seldom = seldom_traded(one.series.closes)[one.rows]
        count = int((day < days).sum())  # what is known only after the last day tells nothing
        log_close = np.log(one.series.closes[one.rows[:count]])
        for h in range(min(horizons, count - 1)):
            made, known = slice(0, count - h - 1), day[h + 1 : count]
            moved = log_close[h + 1 :] - log_close[: -h - 1]
            away = np.abs(moved - one.widths.median[made, h]) / one.widths.unit[made, h]
            self.distance[known, k, h] = np.log(np.maximum(away, 1e-9))
            self.bounds[known, k, h] = np.log(one.widths.intervals[made, h])
            self.origin[known, k, h] = day[made]
            self.stale[known, k, h] = (moved == 0) & seldom[made]

    def counted(self) -> NDArray[np.bool_]:
        """The outcomes that count.

        A halted symbol is inside every interval, every day, and would narrow those of all others.
        Its unchanged closes count on days on which no symbol tells more.
        """
        known = np.isfinite(self.distance)
        fresh = (known & ~self.stale).any(axis=1, keepdims=True)
        counted: NDArray[np.bool_] = known & ~(self.stale & fresh)
        return counted
