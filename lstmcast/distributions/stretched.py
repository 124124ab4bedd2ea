"""A distribution whose distances from the median are stretched: what calibration makes of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmcast.distributions.base import Distribution, FloatArray


@dataclass(frozen=True)
class Stretched:
    """`Y = m + f * u * W(|X - m| / u)` on either side of the median m of X.

    W runs in straight lines through the points `(at, to)` from the origin on, and goes on with its
    last slope. Without points it is the identity, and the width is multiplied by f.

    Args:
        base: the distribution of X.
        factor: `(rows, horizons)`, f, above 0.
        unit: `(rows, horizons)`, u, above 0: half the width of the central 80 % range, say.
        at: `(horizons, points)`, increasing, above 0.
        to: `(horizons, points)`, increasing, above 0.
    """

    base: Distribution
    factor: FloatArray
    unit: FloatArray
    at: FloatArray | None = None
    to: FloatArray | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.base.shape

    @cached_property
    def _median(self) -> FloatArray:
        median: FloatArray = self.base.quantiles((0.5,))[..., 0]
        return median

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log density, by change of variables; NaN where `y` is."""
        x, slope = self._back(y)
        density: FloatArray = self.base.log_density(x) - np.log(self.factor * slope)
        return density

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of a value up to `y`."""
        return self.base.cdf(self._back(y)[0])

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Quantiles of the base, moved."""
        median = self._median[..., None]
        away = self.base.quantiles(levels) - median
        unit = self.unit[..., None]
        moved = self._warp(np.abs(away) / unit) * unit * self.factor[..., None]
        found: FloatArray = median + np.sign(away) * moved
        return found

    def mean(self) -> FloatArray:
        """Expected value: exact where W is the identity, else with the mean's distance moved."""
        median = self._median
        away = self.base.mean() - median
        moved = self._warp((np.abs(away) / self.unit)[..., None])[..., 0]
        found: FloatArray = median + np.sign(away) * self.factor * self.unit * moved
        return found

    def _warp(self, distance: FloatArray) -> FloatArray:
        """W of `(rows, horizons, values)`."""
        if self.at is None or self.to is None:
            return distance
        return _along(self.at, self.to, distance)[0]

    def _back(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The x that was moved to y, and the slope of W there."""
        median = self._median
        away = np.asarray(y) - median
        distance = np.abs(away) / (self.factor * self.unit)
        if self.at is None or self.to is None:
            return median + np.sign(away) * self.unit * distance, np.ones(self.shape)
        x, inverse = _along(self.to, self.at, distance[..., None])
        return median + np.sign(away) * self.unit * x[..., 0], 1 / inverse[..., 0]


def _along(start: FloatArray, end: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lines from the origin through `(start, end)` at `(rows, horizons, values)`, and slopes."""
    zero = np.zeros((len(start), 1))
    x, y = np.concatenate([zero, start], axis=1), np.concatenate([zero, end], axis=1)
    slopes = np.diff(y, axis=1) / np.diff(x, axis=1)
    piece = (values[..., None] >= x[:, None, 1:-1]).sum(axis=-1)
    horizon = np.arange(len(start))[:, None]
    slope = slopes[horizon, piece]
    reached: FloatArray = y[horizon, piece] + slope * (values - x[horizon, piece])
    return reached, slope
