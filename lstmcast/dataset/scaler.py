"""Scaling of the input columns, by statistics of training rows and of nothing else."""

from collections.abc import Callable, Iterable
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
        mean = rows.sum(axis=0) / len(rows)
        centred = rows - mean
        return _standard(len(rows), mean, np.square(centred).sum(axis=0), centred.sum(axis=0))

    def transform(self, rows: FloatArray) -> NDArray[np.float32]:
        """Scale `(rows, columns)`; float32, as the network computes."""
        return ((rows - self.offset) / self.factor).astype(np.float32)

    def transform_into(
        self, out: NDArray[np.float32], rows: FloatArray, scratch: FloatArray
    ) -> None:
        """What `transform` gives, without taking new memory, which takes longer than to compute it.

        Args:
            out: `(rows, columns)`, where it is put.
            rows: `(rows, columns)`, best with each column in one piece, as a table has them.
            scratch: `(columns, rows or more)`, which is written over.
        """
        scaled = scratch[:, : len(rows)]
        np.subtract(rows.T, self.offset[:, None], out=scaled)
        np.divide(scaled, self.factor[:, None], out=scaled)
        out[:] = scaled.T

    def inverse(self, values: FloatArray, column: int = 0) -> FloatArray:
        """Undo the scaling of one column."""
        restored: FloatArray = values * self.factor[column] + self.offset[column]
        return restored


def fit_standard(parts: Callable[[], Iterable[FloatArray]]) -> Scaler:
    """What `Scaler.fit` gives for all rows of several parts, which are there one at a time.

    Rows of several columns are added one after the other, so the bits are the same.

    Args:
        parts: gives the parts `(rows, columns)` from the first on; it is called twice.
    """
    total, count = _sum(parts())
    mean = total / count
    columns = len(mean)
    both, _ = _sum(
        np.hstack([np.square(centred := part - mean), centred]) for part in parts() if len(part)
    )
    return _standard(count, mean, both[:columns], both[columns:])


def _sum(parts: Iterable[FloatArray]) -> tuple[FloatArray, int]:
    """The sum of all rows and how many there are."""
    total, count = None, 0
    for part in parts:
        if len(part):
            total = part.sum(axis=0) if total is None else np.vstack([total, part]).sum(axis=0)
            count += len(part)
    if total is None:
        raise ValueError("`parts` have no row")
    return total, count


def _standard(count: int, mean: FloatArray, squares: FloatArray, left: FloatArray) -> Scaler:
    """The scaler, from the sums of the squares and of what is left of the rows without their mean.

    That sum corrects the rounding of the mean (Chan, Golub and LeVeque 1983).
    """
    variance = (squares - left**2 / count) / count
    constant = variance <= count * EPSILON * variance + (count * mean * EPSILON) ** 2
    return Scaler(mean, np.where(constant, 1.0, np.sqrt(variance)))
