"""A distribution whose distances from the median are stretched: what calibration makes of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmcast.distributions.base import Distribution, FloatArray
from lstmcast.distributions.special import gauss_legendre

_NODES = 4
"""Of Gauss-Legendre quadrature on each piece."""


@dataclass(frozen=True)
class RecalibratedDistribution:
    """`Y = m + u W(|X - m| / u)` on either side of the median m of X.

    W runs in straight lines through the points `(at, to)` from the origin on, and beyond the last
    one in parallel to the line from there to the origin: the last piece may be short, and its slope
    says little of the tail.

    Args:
        base: the distribution of X.
        unit: `(rows, horizons)`, u, above 0: half the width of the central 80 % range, say.
        at: `(rows, horizons, points)` or alike for all rows, increasing, above 0.
        to: of the same shape, increasing, above 0.
    """

    base: Distribution
    unit: FloatArray
    at: FloatArray
    to: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.base.shape

    @cached_property
    def _median(self) -> FloatArray:
        median: FloatArray = self.base.quantiles((0.5,))[..., 0]
        return median

    def part(self, rows: slice) -> "RecalibratedDistribution":
        """The forecasts of some rows."""
        at, to = (ends[rows] if ends.ndim > 2 else ends for ends in (self.at, self.to))
        return RecalibratedDistribution(self.base.part(rows), self.unit[rows], at, to)

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log density, by change of variables; NaN where `y` is."""
        x, slope = self._back(y)
        density: FloatArray = self.base.log_density(x) - np.log(slope)
        return density

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of a value up to `y`."""
        return self.base.cdf(self._back(y)[0])

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Quantiles of the base, moved."""
        median, unit = self._median[..., None], self.unit[..., None]
        away = self.base.quantiles(levels) - median
        moved = _along(self.at, self.to, np.abs(away) / unit)[0] * unit
        found: FloatArray = median + np.sign(away) * moved
        return found

    def mean(self) -> FloatArray:
        """Expected value.

        With D(z) = P(X - m > u z) - P(X - m < -u z), which is 0 where X is symmetric,

            E[Y] - m = u * integral over z > 0 of W'(z) D(z).

        W' is constant on each piece, and beyond the last it is that of a plain factor, for which
        the integral is the factor times E[X] - m. What the pieces differ from it is integrated by
        Gauss-Legendre quadrature.
        """
        shape = (*self.shape, self.at.shape[-1])
        zero = np.zeros((*self.shape, 1))
        ends, reached = (
            np.concatenate([zero, np.broadcast_to(points, shape)], axis=-1)
            for points in (self.at, self.to)
        )
        beyond = reached[..., -1] / ends[..., -1]
        extra = np.diff(reached, axis=-1) / np.diff(ends, axis=-1) - beyond[..., None]
        half, centre = np.diff(ends, axis=-1) / 2, (ends[..., 1:] + ends[..., :-1]) / 2
        gained = np.zeros(self.shape)
        for piece in range(shape[-1]):
            for node, weight in gauss_legendre(_NODES):
                z = self.unit * (centre[..., piece] + node * half[..., piece])
                lean = 1 - self.base.cdf(self._median + z) - self.base.cdf(self._median - z)
                gained += weight * half[..., piece] * extra[..., piece] * lean
        away = self.base.mean() - self._median
        found: FloatArray = self._median + beyond * away + self.unit * gained
        return found

    def _back(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The x that was moved to y, and the slope of W there."""
        away = np.asarray(y) - self._median
        x, inverse = _along(self.to, self.at, (np.abs(away) / self.unit)[..., None])
        return self._median + np.sign(away) * self.unit * x[..., 0], 1 / inverse[..., 0]


def _along(start: FloatArray, end: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lines from the origin through `(start, end)` at `(rows, horizons, values)`, and slopes."""
    shape = (*values.shape[:2], start.shape[-1])
    x, y = (
        np.concatenate([np.zeros((*shape[:2], 1)), np.broadcast_to(points, shape)], axis=-1)
        for points in (start, end)
    )
    beyond = y[..., -1:] / x[..., -1:]
    slopes = np.concatenate([np.diff(y, axis=-1) / np.diff(x, axis=-1), beyond], axis=-1)
    piece = (values[..., None] >= x[..., None, 1:]).sum(axis=-1)
    slope, left, reached = (np.take_along_axis(part, piece, axis=-1) for part in (slopes, x, y))
    return reached + slope * (values - left), slope
