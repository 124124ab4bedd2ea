"""Scaling of the input columns, by statistics of training rows and of nothing else."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray

ScalerKind = Literal["standard", "minmax"]


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

        `standard` gives zero mean and unit variance, `minmax` the range 0 to 1.
        """
        # Takes a second to load, and forecasting from a trained run never gets here.
        from sklearn.preprocessing import MinMaxScaler, StandardScaler

        if kind == "standard":
            standard = StandardScaler().fit(rows)
            return cls(np.asarray(standard.mean_), np.asarray(standard.scale_))
        minmax = MinMaxScaler().fit(rows)
        factor = 1 / np.asarray(minmax.scale_)
        return cls(np.asarray(minmax.data_min_), factor)

    def transform(self, rows: FloatArray) -> NDArray[np.float32]:
        """Scale `(rows, columns)`; float32, as the network computes."""
        return ((rows - self.offset) / self.factor).astype(np.float32)

    def inverse(self, values: FloatArray, column: int = 0) -> FloatArray:
        """Undo the scaling of one column."""
        restored: FloatArray = values * self.factor[column] + self.offset[column]
        return restored
