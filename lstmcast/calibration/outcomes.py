"""Outcomes beside the intervals that were stated for them, by the day on which they are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lstmcast.calibration.series import COVERAGES, CalibrationSeries, HalfWidths
from lstmcast.dataset.target import seldom_traded
from lstmcast.distributions import FloatArray


@dataclass(frozen=True)
class ForecastOutcomes:
    """The forecasts of one symbol beside their outcomes.

    Args:
        series: of the symbol.
        rows: `(rows,)` the origins, without a gap.
        distance: `(rows, horizons)` log distance of the outcome from the median, in half widths of
            the 80 % interval; NaN where it is not known.
        bounds: `(rows, horizons, coverages)` log half widths in the same unit.
        stale: `(rows, horizons)` whether it is an unchanged close of a seldom traded symbol.
    """

    series: CalibrationSeries
    rows: NDArray[np.intp]
    distance: FloatArray
    bounds: FloatArray
    stale: NDArray[np.bool_]

    @classmethod
    def of(cls, series: CalibrationSeries, rows: NDArray[np.intp], widths: HalfWidths) -> Self:
        """Compare the uncalibrated intervals from some rows with what came true."""
        shape = widths.median.shape
        distance, stale = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        seldom, log_close = seldom_traded(series.closes)[rows], np.log(series.closes[rows])
        for h in range(min(shape[1], len(rows) - 1)):
            made = slice(0, len(rows) - h - 1)
            moved = log_close[h + 1 :] - log_close[: -h - 1]
            away = np.abs(moved - widths.median[made, h]) / widths.unit[made, h]
            distance[made, h] = np.log(np.maximum(away, 1e-9))
            stale[made, h] = (moved == 0) & seldom[made]
        return cls(series, rows, distance, np.log(widths.intervals), stale)


@dataclass(frozen=True)
class Outcomes:
    """What came true on some days, `(days, symbols, horizons)` by the day on which it is known.

    Args:
        distance, bounds, stale: as of `ForecastOutcomes`, bounds with an axis of coverages more;
            a distance that is not known is NaN.
        origin: day of the forecast.
    """

    distance: FloatArray
    bounds: FloatArray
    origin: NDArray[np.intp]
    stale: NDArray[np.bool_]

    @classmethod
    def between(
        cls,
        compared: Sequence[ForecastOutcomes],
        known: Sequence[NDArray[np.intp]],
        horizons: int,
        first: int,
        stop: int,
    ) -> Self:
        """What is known on the days `first` up to, not including, `stop`.

        Args:
            compared: of each symbol.
            known: of each, the day on which the close of each of its rows is known, increasing.
            horizons: sessions ahead.
            first: number of the first day.
            stop: number of the day after the last.
        """
        shape = (stop - first, len(compared), horizons)
        found = cls(
            np.full(shape, np.nan),
            np.zeros((*shape, len(COVERAGES))),
            np.zeros(shape, dtype=np.intp),
            np.zeros(shape, dtype=bool),
        )
        for k, (one, day) in enumerate(zip(compared, known, strict=True)):
            found._add(k, one, day, first, stop)
        return found

    def _add(
        self, k: int, one: ForecastOutcomes, day: NDArray[np.intp], first: int, stop: int
    ) -> None:
        """Add symbol k."""
        begin, end = (int(day.searchsorted(limit)) for limit in (first, stop))
        for h in range(self.distance.shape[2]):
            ahead = h + 1
            rows = slice(max(begin, ahead), end)
            if rows.start >= end:
                continue
            made, place = slice(rows.start - ahead, end - ahead), (day[rows] - first, k, h)
            self.distance[place] = one.distance[made, h]
            self.bounds[place] = one.bounds[made, h]
            self.origin[place] = day[made]
            self.stale[place] = one.stale[made, h]

    def counted(self) -> NDArray[np.bool_]:
        """The outcomes that count.

        A halted symbol is inside every interval, every day, and would narrow those of all others.
        Its unchanged closes count on days on which no symbol tells more.
        """
        known = np.isfinite(self.distance)
        fresh = (known & ~self.stale).any(axis=1, keepdims=True)
        counted: NDArray[np.bool_] = known & ~(self.stale & fresh)
        return counted
