"""What forecasters that are fitted or run outside a training read of a symbol."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.dataset import LogReturnTarget
from lstmcast.distributions import FloatArray, StudentTMixture
from lstmcast.nn.heads.student_t import StudentTParams


@dataclass(frozen=True)
class SymbolInputs:
    """What may be known of one symbol at the close of each session.

    Args:
        symbol: its name.
        dates: `(rows,)` sessions.
        features: `(rows, columns)`, not scaled; NaN on the rows before they begin.
        scale: `(rows,)` slow volatility of a session, a fraction; NaN where there is none yet.
        closes: `(rows,)` adjusted closes.
    """

    symbol: str
    dates: pd.DatetimeIndex
    features: FloatArray
    scale: FloatArray
    closes: FloatArray

    @property
    def complete(self) -> NDArray[np.bool_]:
        """`(rows,)`: whether the row has every feature and a scale."""
        known = np.isfinite(self.features).all(axis=1) & np.isfinite(self.scale)
        return np.asarray(known)

    @property
    def begins(self) -> int:
        """The first row from which on every row is complete; the number of rows if none is."""
        lacking = np.flatnonzero(~self.complete)
        return int(lacking[-1]) + 1 if len(lacking) else 0


def as_returns(params: StudentTParams, first: int = 0) -> StudentTMixture:
    """The forecasts of one sequence, from its step `first` on, as returns in fractions."""
    unit = LogReturnTarget().unit
    df, loc, scale = (value[0, first:].double().numpy() for value in params)
    return StudentTMixture(df=df[None], loc=loc[None] / unit, scale=scale[None] / unit)
