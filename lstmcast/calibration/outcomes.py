"""Outcomes beside the intervals that were stated for them, by the day on which they are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.calibration.fixed_point import FixedPoint
from lstmcast.calibration.series import COVERAGES, UNIT, CalibrationSeries, HalfWidths
from lstmcast.dataset.target import seldom_traded
from lstmcast.distributions import FloatArray

_OTHERS = [k for k in range(len(COVERAGES)) if k != UNIT]
"""Coverages whose half widths are not the unit, and so not always 1."""

_CENTRES = np.array([-0.7, 0.0, 0.3, 0.53])
"""Log half widths of the intervals of Student's t with five degrees of freedom, about."""

_SPREAD = 0.15
"""How far they usually are from there."""

_NEAREST, _FARTHEST = np.log(1e-9), np.log(1e5)
"""Log distances, in half widths of the 80 % interval, beyond which nothing depends on how far."""


@dataclass(frozen=True)
class ForecastOutcomes:
    """The forecasts of one symbol beside their outcomes.

    A pool of many symbols keeps all of these at once, so a number takes two or three bytes: a
    distance is exact to 1e-6, and a bound to 1e-5 where an interval has the proportions of a
    Student-t's. A miss is judged smoothly within 0.05.

    Args:
        series: of the symbol.
        first: row of the first origin; the others follow without a gap.
        distance: `(rows, horizons)` log distance of the outcome from the median, in half widths of
            the 80 % interval; NaN where it is not known.
        bounds: `(rows, horizons)` log half widths in the same unit, squeezed between -1 and 1; for
            each coverage but 80 %, where they are 0.
        stale: `(rows / 8, horizons)` bits, whether it is an unchanged close of a seldom traded
            symbol.
    """

    series: CalibrationSeries
    first: int
    distance: FixedPoint
    bounds: tuple[FixedPoint, ...]
    stale: NDArray[np.uint8]

    @classmethod
    def of(cls, series: CalibrationSeries, rows: NDArray[np.intp], widths: HalfWidths) -> Self:
        """Compare the uncalibrated intervals from some rows, without a gap, with what came true."""
        shape = widths.median.shape
        distance, stale = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
        seldom, log_close = seldom_traded(series.closes)[rows], np.log(series.closes[rows])
        for h in range(min(shape[1], len(rows) - 1)):
            made = slice(0, len(rows) - h - 1)
            moved = log_close[h + 1 :] - log_close[: -h - 1]
            away = np.abs(moved - widths.median[made, h]) / widths.unit[made, h]
            distance[made, h] = np.log(np.maximum(away, 1e-9))
            stale[made, h] = (moved == 0) & seldom[made]
        return cls(
            series,
            int(rows[0]) if len(rows) else 0,
            FixedPoint.of(distance, _NEAREST, _FARTHEST, 3),
            tuple(
                FixedPoint.of(_squeezed(np.log(widths.intervals[..., k]), k), -1.0, 1.0, 2)
                for k in _OTHERS
            ),
            np.packbits(stale, axis=0),
        )

    @property
    def horizons(self) -> int:
        """Sessions ahead."""
        return int(self.distance.codes.shape[2])

    @property
    def dates(self) -> pd.DatetimeIndex:
        """The sessions of the origins."""
        return self.series.dates[self.first : self.first + self.distance.codes.shape[1]]


def _squeezed(logs: FloatArray, coverage: int) -> FloatArray:
    """Any numbers as such between -1 and 1, with the finest steps for the usual ones."""
    away = (logs - _CENTRES[coverage]) / _SPREAD
    squeezed: FloatArray = away / (1 + np.abs(away))
    return squeezed


def _log_half_widths(squeezed: FloatArray, coverage: int) -> FloatArray:
    """The inverse of `_squeezed`."""
    away = squeezed / np.maximum(1 - np.abs(squeezed), 1e-9)
    logs: FloatArray = _CENTRES[coverage] + _SPREAD * away
    return logs


@dataclass(frozen=True)
class Outcomes:
    """What came true on some days, `(days, symbols, horizons)` by the day on which it is known.

    Args:
        distance, bounds, stale: as of `ForecastOutcomes`, bounds with an axis of all coverages
            more; a distance that is not known is NaN.
        origin: day of the forecast.
    """

    distance: FloatArray
    bounds: FloatArray
    origin: NDArray[np.int32]
    stale: NDArray[np.bool_]

    @classmethod
    def between(
        cls,
        compared: Sequence[ForecastOutcomes],
        known: Sequence[NDArray[np.int32]],
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
            np.zeros(shape, dtype=np.int32),
            np.zeros(shape, dtype=bool),
        )
        for k, (one, day) in enumerate(zip(compared, known, strict=True)):
            found._add(k, one, day, first, stop)
        return found

    def _add(
        self, k: int, one: ForecastOutcomes, day: NDArray[np.int32], first: int, stop: int
    ) -> None:
        """Add symbol k."""
        horizons = self.distance.shape[2]
        begin, end = (int(day.searchsorted(limit)) for limit in (first, stop))
        earliest = max(begin - horizons, 0)
        if begin >= end or end < 2:
            return
        read = slice(earliest, end - 1)
        distance = one.distance.rows(read)
        bounds = np.zeros((*distance.shape, len(COVERAGES)))
        for coverage, bound in zip(_OTHERS, one.bounds, strict=True):
            bounds[..., coverage] = _log_half_widths(bound.rows(read), coverage)
        stale = np.unpackbits(one.stale, axis=0, count=end - 1)[read].astype(bool)
        for h in range(horizons):
            ahead = h + 1
            rows = slice(max(begin, ahead), end)
            if rows.start >= end:
                continue
            made = slice(rows.start - ahead, end - ahead)
            shown = slice(made.start - earliest, made.stop - earliest)
            place = (day[rows] - first, k, h)
            self.distance[place] = distance[shown, h]
            self.bounds[place] = bounds[shown, h]
            self.origin[place] = day[made]
            self.stale[place] = stale[shown, h]

    def counted(self) -> NDArray[np.bool_]:
        """The outcomes that count.

        A halted symbol is inside every interval, every day, and would narrow those of all others.
        Its unchanged closes count on days on which no symbol tells more.
        """
        known = np.isfinite(self.distance)
        fresh = (known & ~self.stale).any(axis=1, keepdims=True)
        counted: NDArray[np.bool_] = known & ~(self.stale & fresh)
        return counted
