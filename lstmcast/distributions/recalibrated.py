"""A distribution whose distances from the median are stretched: what calibration makes of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstmcast.distributions.base import Distribution, FloatArray


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

    @cached_property
    def _slopes(self) -> FloatArray:
        """Of W on each piece and beyond the last, `(rows, horizons, points + 1)`."""
        slopes, beyond = _slopes(self.at, self.to)
        return np.concatenate([slopes, beyond], axis=-1)

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log density, by change of variables; NaN where `y` is."""
        x, slope = self._back(np.asarray(y)[..., None])
        density: FloatArray = self.base.log_density(x[..., 0]) - np.log(slope[..., 0])
        return density

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of a value up to `y`."""
        return self.base.cdf(self._back(np.asarray(y)[..., None])[0][..., 0])

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Quantiles of the base, moved."""
        median, unit = self._median[..., None], self.unit[..., None]
        away = self.base.quantiles(levels) - median
        distance = np.abs(away) / unit
        moved = self._slopes[..., -1:] * distance
        bends = -np.diff(self._slopes, axis=-1)
        for piece in range(self.at.shape[-1]):
            here = slice(piece, piece + 1)
            moved += bends[..., here] * np.minimum(distance, self.at[..., here])
        found: FloatArray = median + np.copysign(moved * unit, away)
        return found

    def shortfall(self, points: FloatArray) -> FloatArray:
        """Expected shortfall below points: that of the base between joints, times W' there."""
        x, median, unit = self._back(points)[0], self._median[..., None], self.unit[..., None]
        inner = range(self.at.shape[-1])
        ends = [-self.at[..., k : k + 1] for k in reversed(inner)]
        ends = [*ends, np.zeros((1, 1, 1)), *(self.at[..., k : k + 1] for k in inner)]
        pieces = [-1, *reversed(inner), *inner, -1]
        total, before = np.zeros_like(x), np.zeros_like(x)
        for piece, end in zip(pieces, [*ends, np.full((1, 1, 1), np.inf)], strict=True):
            reached = self.base.shortfall(np.minimum(median + unit * end, x))
            total += self._slopes[..., piece, None] * (reached - before)
            before = reached
        return total

    def mean(self) -> FloatArray:
        """Expected value.

        With D(z) = P(X - m > u z) - P(X - m < -u z), which is 0 where X is symmetric,

            E[Y] - m = u * integral over z > 0 of W'(z) D(z).

        W' is constant on each piece, and beyond the last it is that of a plain factor, for which
        the integral is the factor times E[X] - m. What the pieces differ from it is the integral
        of D over each of them, which the base's expected shortfalls tell:

            u * integral of D from 0 to z = u z - S(m + u z) + S(m - u z).
        """
        width = self.unit[..., None] * self.at
        median = self._median[..., None]
        fallen = self.base.shortfall(np.concatenate([median + width, median - width], axis=-1))
        above, below = np.split(fallen, 2, axis=-1)
        lean = np.diff(width - above + below, axis=-1, prepend=0.0)
        beyond = self._slopes[..., -1]
        gained = ((self._slopes[..., :-1] - beyond[..., None]) * lean).sum(axis=-1)
        found: FloatArray = self._median + beyond * (self.base.mean() - self._median) + gained
        return found

    def _back(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The x that were moved to y, `(rows, horizons, points)`, and the slopes of W there."""
        median, unit = self._median[..., None], self.unit[..., None]
        away = y - median
        x, inverse = _along(self.to, self.at, np.abs(away) / unit)
        return median + np.sign(away) * unit * x, 1 / inverse


def _slopes(start: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of lines from the origin through `(start, end)`, and beyond the last point."""
    steps = np.diff(end, axis=-1, prepend=0.0) / np.diff(start, axis=-1, prepend=0.0)
    return steps, end[..., -1:] / start[..., -1:]


def _along(start: FloatArray, end: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lines from the origin through `(start, end)` at `(rows, horizons, values)`, and slopes."""
    shape = (*values.shape[:2], start.shape[-1])
    x, y = (
        np.concatenate([np.zeros((*shape[:2], 1)), np.broadcast_to(points, shape)], axis=-1)
        for points in (start, end)
    )
    slopes = np.concatenate(
        [np.broadcast_to(part, (*shape[:2], part.shape[-1])) for part in _slopes(start, end)], -1
    )
    piece = (values[..., None] >= x[..., None, 1:]).sum(axis=-1)
    slope, left, reached = (np.take_along_axis(part, piece, axis=-1) for part in (slopes, x, y))
    return reached + slope * (values - left), slope
