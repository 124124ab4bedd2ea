"""The interface of predictive distributions, and point forecasts, which state a single number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Distribution(Protocol):
    """A forecast of returns for `(rows, horizons)`."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        ...

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log predictive density at `y`, `(rows, horizons)`; NaN for a point forecast."""
        ...

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of a value up to `y`, `(rows, horizons)`; NaN for a point forecast."""
        ...

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Quantiles, `(rows, horizons, levels)`; NaN where a forecast does not state one."""
        ...

    def mean(self) -> FloatArray:
        """Expected value, `(rows, horizons)`."""
        ...

    def shortfall(self, points: FloatArray) -> FloatArray:
        """Expected value of max(point - X, 0), the integral of the distribution function.

        Args:
            points: `(rows, horizons, points)`, and of the same shape is what is returned; NaN for
                a point forecast.
        """
        ...

    def part(self, rows: slice) -> "Distribution":
        """The forecasts of some rows."""
        ...


@dataclass(frozen=True)
class PointForecast:
    """A forecast that states one number and no range; its density and quantiles are NaN.

    Args:
        value: `(rows, horizons)`, the expected return.
    """

    value: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.value.shape[0], self.value.shape[1]

    def part(self, rows: slice) -> "PointForecast":
        """The forecasts of some rows."""
        return PointForecast(self.value[rows])

    def log_density(self, y: FloatArray) -> FloatArray:
        """NaN: a point has no density."""
        return np.full_like(y, np.nan, dtype=np.float64)

    def cdf(self, y: FloatArray) -> FloatArray:
        """NaN: a point has no distribution function."""
        return np.full_like(y, np.nan, dtype=np.float64)

    def mean(self) -> FloatArray:
        """The number itself."""
        return self.value

    def shortfall(self, points: FloatArray) -> FloatArray:
        """NaN: a point has no distribution function."""
        return np.full_like(points, np.nan, dtype=np.float64)

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """The number at level 0.5, NaN at every other level."""
        stated = np.isclose(np.asarray(levels), 0.5)
        return np.where(stated, self.value[..., None], np.nan)
