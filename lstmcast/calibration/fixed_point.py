"""Numbers in two bytes or three, for what calibration keeps of every forecast of every symbol.

The steps between them are the same whatever the numbers are: a code that depended on the largest,
say, would let a later number change an earlier one.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray

_BYTE = 256


@dataclass(frozen=True)
class FixedPoint:
    """Numbers as whole steps above a lowest one.

    Args:
        codes: `(bytes, rows, horizons)` the steps, lowest byte first; the largest code is NaN.
        lowest: what the code 0 stands for.
        step: how far one code is from the next, twice the largest rounding error.
    """

    codes: NDArray[np.uint8]
    lowest: float
    step: float

    @classmethod
    def of(cls, values: FloatArray, lowest: float, highest: float, width: int) -> Self:
        """Round `(rows, horizons)` values; those beyond the limits become the limits.

        Args:
            values: numbers, NaN among them.
            lowest: least value.
            highest: largest value.
            width: bytes of a number, at most three.
        """
        largest = _BYTE**width - 2
        step = (highest - lowest) / largest
        steps = np.rint((np.clip(values, lowest, highest) - lowest) / step)
        whole = np.where(np.isnan(steps), largest + 1, steps).astype(np.uint32)
        codes = np.stack([(whole >> 8 * k).astype(np.uint8) for k in range(width)])
        return cls(codes, lowest, step)

    def rows(self, rows: slice) -> FloatArray:
        """The values of some rows, `(rows, horizons)`."""
        parts = self.codes[:, rows].astype(np.uint32)
        whole = sum(part << 8 * k for k, part in enumerate(parts))
        values: FloatArray = self.lowest + self.step * whole
        values[whole == _BYTE ** len(parts) - 1] = np.nan
        return values

    @property
    def nbytes(self) -> int:
        """Memory that the numbers take."""
        return self.codes.nbytes
