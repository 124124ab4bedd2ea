"""Scaling of the input columns, by statistics of training rows and of nothing else."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray

ScalerKind = Literal["standard", "minmax"]

EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Scaler:
    """An affine map of each column: `(x - offset) / factor`.

    Args:
        offset, factor: `(columns,)`, float64; a constant column has factor 1.
    """

    offset: FloatArray
    factor: FloatArray

    @classmethod
    def fit(cls, rows: FloatArray, kind: ScalerKind) -> "Scaler":
        """Fit to `rows` of shape `(rows, columns)`, which must be training rows only.

        `standard` gives zero mean and unit variance, `minmax` the range 0 to 1: what scikit-learn's
        scalers give, without the second and the 50 MB that loading it takes.
        """
        if kind == "minmax":
            lowest = rows.min(axis=0)
            spread = rows.max(axis=0) - lowest
            # A constant column, but for rounding.
            return cls(lowest, np.where(spread < 10 * EPSILON, 1.0, spread))
        count = len(rows)
        mean = rows.sum(axis=0) / count
        centred = rows - mean
        # The sum of what is left corrects the rounding of the mean (Chan, Golub and LeVeque 1983).
        squares = np.square(centred).sum(axis=0) - centred.sum(axis=0) ** 2 / count
        variance = squares / count
        constant = variance <= count * EPSILON * variance + (count * mean * EPSILON) ** 2
        return cls(mean, np.where(constant, 1.0, np.sqrt(variance)))

    def transform(self, rows: FloatArray) -> NDArray[np.float32]:
        """Scale `(rows, columns)`; float32, as the network computes."""
        return ((rows - self.offset) / self.factor).astype(np.float32)

    def inverse(self, values: FloatArray, column: int = 0) -> FloatArray:
        """Undo the scaling of one column."""
        restored: FloatArray = values * self.factor[column] + self.offset[column]
        return restored
