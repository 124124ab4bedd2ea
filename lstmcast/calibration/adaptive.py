"""Adaptive conformal inference: every outcome moves the width of the intervals to come.

The 50, 80, 90 and 95 % intervals are each multiplied by a factor, one for each horizon h and the
same for all symbols of a run. From the first validation session on, on the day that an outcome is
known, after n symbols' outcomes,

    log factor += gain / sqrt(h) * (mean of the n misses - (1 - nominal coverage)),

so that the factor rises after too many misses and falls after too few. Long-run coverage comes out
as the nominal one, whatever the process, while the factor stays between 1/2 and 2. A miss is judged
by the factor at the forecast's origin. Each interval has a factor of its own, since a distribution
with the wrong tails has some intervals too wide and others too narrow. The step falls with the
horizon, whose outcomes overlap.

What differs from the source: the recursion moves the log of the width, not the nominal rate, so
that no interval becomes infinite. A miss counts smoothly within 5 % of a bound: otherwise
a rounding error could decide between hit and miss. An unchanged close of a seldom traded symbol
counts only where no other outcome is known that day. The outcome of a symbol that closes at another
time (`lstmcast.prices.closing`) counts a day later.

Source: Gibbs and Candes (2021), Adaptive conformal inference under distribution shift; Gibbs and
Candes (2024), Conformal inference for online prediction with arbitrary distribution shifts, and
Zaffran et al. (2022), Adaptive conformal predictions for time series, on the choice of the gain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from lstmcast.calibration.outcomes import ForecastOutcomes, Outcomes
from lstmcast.calibration.series import (
    COVERAGES,
    CalibrationSeries,
    HalfWidths,
    MapFunction,
    RowsBySymbol,
    UncalibratedForecasts,
    portions,
    sequential_map,
)
from lstmcast.distributions import Distribution, FloatArray, RecalibratedDistribution

GAIN = 0.02
"""Step of the log factor for one miss more than nominal, one session ahead; chosen on validation
rows."""

_SMOOTH = 0.05
_BOUND = np.log(2.0)
"""Largest log factor, either way."""

_LEAST_STEP = 0.2
"""Share of the gap between two neighbouring intervals that always remains: they stay nested."""


OUTCOMES_AT_ONCE = 2**18
"""Outcomes of all symbols and horizons that lie side by side, of one day at least; bounds memory
only, at some 100 bytes each."""


def learned_factors(
    raw: UncalibratedForecasts,
    series: Sequence[CalibrationSeries],
    origins: RowsBySymbol,
    horizons: int,
    map_function: MapFunction = sequential_map,
) -> "dict[str, IntervalFactors]":
    """The factors of the intervals of each market in `origins`, from all series' outcomes.

    Forecasts are made and compared with their outcomes a portion of the symbols at a time.
    """
    by_name = {one.name: one for one in series}
    newest = max(by_name[name].dates[int(rows.max())] for name, rows in origins.items())
    spans = {
        one.name: np.arange(one.first, int(one.dates.searchsorted(newest, side="right")))
        for one in series
    }
    spans = {name: rows for name, rows in spans.items() if len(rows)}
    compared: list[ForecastOutcomes] = []
    for some in portions(spans):
        forecasts = raw(some)

        def outcomes(
            name: str, forecasts: Mapping[str, Distribution] = forecasts
        ) -> ForecastOutcomes:
            return ForecastOutcomes.of(by_name[name], spans[name], HalfWidths.of(forecasts[name]))

        compared += map_function(outcomes, some)
    return {
        market: IntervalFactors.learned(compared, horizons, market)
        for market in dict.fromkeys(by_name[name].market for name in origins)
    }


def recalibrated(
    plain: Distribution,
    one: CalibrationSeries,
    rows: NDArray[np.intp],
    factors: "IntervalFactors",
) -> RecalibratedDistribution:
    """Forecasts from some rows of a symbol, each by the factors known at its origin."""
    widths = HalfWidths.of(plain)
    known = factors.known_at(one.dates[rows])
    unit = widths.unit[..., None]
    to = in_order(widths.intervals * unit, known) / unit
    return RecalibratedDistribution(plain, widths.unit, widths.intervals, to)


def in_order(halves: FloatArray, factors: FloatArray) -> FloatArray:
    """Half widths times their factors, `(rows, horizons, coverages)`, nested and never narrowing.

    The factors are learned independently of each other. Here each interval stays inside the next
    wider one, and none is narrower than the one a session less ahead.
    """
    steps = np.diff(halves * factors, axis=-1, prepend=0.0)
    least = _LEAST_STEP * np.diff(halves, axis=-1, prepend=0.0)
    nested = np.cumsum(np.maximum(steps, least), axis=-1)
    found: FloatArray = np.maximum.accumulate(nested, axis=1)
    return found


@dataclass(frozen=True)
class IntervalFactors:
    """The factors of all intervals over time, as symbols of one market know them.

    Args:
        dates: `(days,)` sessions of any symbol.
        logs: `(days + 1, horizons, coverages)` log factors; entry k is from before the outcomes of
            day k, so entry k + 1 is what is known at its close.
    """

    dates: pd.DatetimeIndex
    logs: FloatArray

    @classmethod
    def learned(cls, compared: Sequence[ForecastOutcomes], horizons: int, market: str) -> Self:
        """Learn from each outcome on the day that a market knows it: its own first, others later.

        Args:
            compared: of symbols of any market.
            horizons: sessions ahead.
            market: whose factors they are.
        """
        dates = pd.DatetimeIndex([])
        for one in compared:
            dates = dates.union(one.dates)
        known = [
            (dates.get_indexer(one.dates) + (one.series.market != market)).astype(np.int32)
            for one in compared
        ]
        return cls(dates, _learn(compared, known, len(dates), horizons))

    def known_at(self, dates: pd.DatetimeIndex) -> FloatArray:
        """`(dates, horizons, coverages)` factors at the close of each date."""
        return np.exp(self.logs[self.dates.searchsorted(dates, side="right")])


def _learn(
    compared: Sequence[ForecastOutcomes],
    known: Sequence[NDArray[np.int32]],
    days: int,
    horizons: int,
) -> FloatArray:
    """Log factors, `(days + 1, horizons, coverages)`: the recursion."""
    ahead = np.arange(horizons)
    gain = GAIN / np.sqrt(ahead[:, None] + 1.0)
    logs = np.zeros((days + 1, horizons, len(COVERAGES)))
    at_once = max(1, OUTCOMES_AT_ONCE // max(1, len(compared) * horizons))
    for first in range(0, days, at_once):
        stop = min(first + at_once, days)
        outcomes = Outcomes.between(compared, known, horizons, first, stop)
        counted = outcomes.counted()[..., None]
        distance = np.where(counted, outcomes.distance[..., None], 0.0)
        beyond = np.subtract(distance, outcomes.bounds, out=outcomes.bounds)
        weights = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
        for day in range(stop - first):
            at_origin = logs[outcomes.origin[day] + 1, ahead]
            missed = expit((beyond[day] - at_origin) / _SMOOTH)
            error = (weights[day] * (missed - (1 - COVERAGES))).sum(axis=0)
            now = first + day
            logs[now + 1] = np.clip(logs[now] + gain * error, -_BOUND, _BOUND)
    return logs
