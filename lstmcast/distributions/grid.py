"""A distribution that is stated by its quantiles at some levels.

Between the levels it needs an interpolation and beyond them tails. Both come from one idea: plot
the quantiles against those of a Student-t distribution with `TAIL_DF` degrees of freedom at the
same levels, and join the points by straight lines, the outermost two carried on. So

    Y = g(Z),   Z ~ Student-t(TAIL_DF),   g increasing and linear between the stated levels,

which gives a distribution function, quantiles at every level, tails like a Student-t's, a mean, and
a density, `t(z) / g'(z)`, that integrates to one. The density is that of this interpolation: it
jumps at the stated quantiles, and the log score of a quantile forecast is only as good as it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from lstmcast.distributions.base import FloatArray
from lstmcast.distributions.special import gammaln, stdtr, stdtrit

TAIL_DF = 5.0
"""Tails of daily returns; the mean and the variance of the distribution exist."""


@cache
def _log_peak() -> float:
    """Log density of the standard Student-t at zero."""
    return float(gammaln((TAIL_DF + 1) / 2) - gammaln(TAIL_DF / 2) - 0.5 * np.log(np.pi * TAIL_DF))


def _log_standard_density(z: FloatArray) -> FloatArray:
    density: FloatArray = _log_peak() - (TAIL_DF + 1) / 2 * np.log1p(z * z / TAIL_DF)
    return density


def _standard_shortfall(z: FloatArray) -> FloatArray:
    """Expected value of max(z - Z, 0) for a Student-t variable Z with `TAIL_DF`."""
    density = np.exp(_log_standard_density(z))
    found: FloatArray = z * stdtr(TAIL_DF, z) + (TAIL_DF + z * z) / (TAIL_DF - 1) * density
    return found


@dataclass(frozen=True)
class QuantileGrid:
    """Quantiles at fixed levels, with the interpolation and the tails described above.

    Args:
        levels: at least two probabilities in increasing order, between 0 and 1.
        values: `(rows, horizons, levels)` quantiles, strictly increasing over the levels.
    """

    levels: tuple[float, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        if len(self.levels) < 2 or self.values.shape[2:] != (len(self.levels),):
            raise ValueError(
                f"`values` must have shape (rows, horizons, {len(self.levels)}) for "
                f"{len(self.levels)} levels, two at least, got {self.values.shape}"
            )
        if np.any(np.diff(self.values, axis=-1) <= 0) or np.any(np.diff(self.levels) <= 0):
            raise ValueError("`values` and `levels` must increase from each level to the next")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.values.shape[0], self.values.shape[1]

    @cached_property
    def _knots(self) -> FloatArray:
        knots: FloatArray = stdtrit(TAIL_DF, np.asarray(self.levels))
        return knots

    @cached_property
    def _slopes(self) -> FloatArray:
        """Slope of g on each piece, `(rows, horizons, levels - 1)`."""
        slopes: FloatArray = np.diff(self.values, axis=-1) / np.diff(self._knots)
        return slopes

    def _score(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The Student-t score of `y` and the slope of its piece, `(rows, horizons)`."""
        pieces = len(self.levels) - 1
        above = (y[..., None] >= self.values[..., 1:-1]).sum(axis=-1)
        piece = np.minimum(above, pieces - 1)[..., None]
        slope = np.take_along_axis(self._slopes, piece, axis=-1)[..., 0]
        start = np.take_along_axis(self.values, piece, axis=-1)[..., 0]
        score: FloatArray = self._knots[piece[..., 0]] + (y - start) / slope
        return score, slope

    def part(self, rows: slice) -> "QuantileGrid":
        """The forecasts of some rows."""
        return QuantileGrid(self.levels, self.values[rows])

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log density of the interpolation; NaN where `y` is."""
        score, slope = self._score(y)
        return _log_standard_density(score) - np.log(slope)

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of a value up to `y`."""
        probability: FloatArray = stdtr(TAIL_DF, self._score(y)[0])
        return probability

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """The stated quantiles at their levels, the interpolation at others."""
        score = stdtrit(TAIL_DF, np.asarray(levels, dtype=np.float64))
        piece = np.clip(
            np.searchsorted(self._knots, score, side="right") - 1, 0, len(self.levels) - 2
        )
        found: FloatArray = self.values[..., piece] + self._slopes[..., piece] * (
            score - self._knots[piece]
        )
        return found

    def shortfall(self, points: FloatArray) -> FloatArray:
        """Expected shortfall below points: that of the Student-t on each piece, times its slope."""
        left = np.concatenate([[0.0], _standard_shortfall(self._knots[1:-1])])
        areas = self._slopes[..., :-1] * np.diff(left)
        before = np.concatenate([np.zeros((*self.shape, 1)), np.cumsum(areas, axis=-1)], axis=-1)
        found = np.empty_like(points)
        for k in range(points.shape[-1]):
            score, slope = self._score(points[..., k])
            piece = np.clip(np.searchsorted(self._knots, score, "right") - 1, 0, len(left) - 1)
            reached = np.take_along_axis(before, piece[..., None], axis=-1)[..., 0]
            found[..., k] = reached + slope * (_standard_shortfall(score) - left[piece])
        return found

    def mean(self) -> FloatArray:
        """Expected value of the interpolation, exactly."""
        inner = self._knots[1:-1]
        below = np.concatenate([[0.0], stdtr(TAIL_DF, inner), [1.0]])
        # The integral of z t(z) dz is -(n + z^2) / (n - 1) t(z), which vanishes far out.
        first = -(TAIL_DF + inner**2) / (TAIL_DF - 1) * np.exp(_log_standard_density(inner))
        moment = np.diff(np.concatenate([[0.0], first, [0.0]]))
        probability = np.diff(below)
        offset = self.values[..., :-1] - self._slopes * self._knots[:-1]
        total: FloatArray = (offset * probability + self._slopes * moment).sum(axis=-1)
        return total
