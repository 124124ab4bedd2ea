"""What forecasters that are fitted or run outside a training read of a symbol."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.dataset import LogReturnTarget
from lstmcast.distributions import FloatArray, StudentTMixture
from lstmcast.nn.heads.student_t import StudentTParams


class Reading(Protocol):
    """What may be known of one symbol; see `SymbolInputs`."""

    @property
    def symbol(self) -> str:
        """Its name."""
        ...

    @property
    def dates(self) -> pd.DatetimeIndex:
        """`(rows,)` sessions."""
        ...

    @property
    def features(self) -> FloatArray:
        """`(rows, columns)`."""
        ...

    @property
    def scale(self) -> FloatArray:
        """`(rows,)`."""
        ...

    @property
    def closes(self) -> FloatArray:
        """`(rows,)`."""
        ...

    @property
    def complete(self) -> NDArray[np.bool_]:
        """`(rows,)`."""
        ...

    @property
    def begins(self) -> int:
        """A row."""
        ...


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
        return _begins(self.complete)

    def kept(self, features: Callable[[], FloatArray]) -> "KeptInputs":
        """The same without the features, which are read again when they are asked for."""
        return KeptInputs(self.symbol, self.dates, self.scale, self.closes, self.complete, features)


@dataclass(frozen=True)
class KeptInputs:
    """What may be known of one symbol, its features kept elsewhere: those of many fill a memory.

    Args:
        symbol, dates, scale, closes, complete: as of `SymbolInputs`.
        read: gives the features.
    """

    symbol: str
    dates: pd.DatetimeIndex
    scale: FloatArray
    closes: FloatArray
    complete: NDArray[np.bool_]
    read: Callable[[], FloatArray]

    @property
    def features(self) -> FloatArray:
        """`(rows, columns)`, read now."""
        return np.asarray(self.read(), dtype=np.float64)

    @property
    def begins(self) -> int:
        """As of `SymbolInputs`."""
        return _begins(self.complete)


def _begins(complete: NDArray[np.bool_]) -> int:
    lacking = np.flatnonzero(~complete)
    return int(lacking[-1]) + 1 if len(lacking) else 0


def as_returns(params: StudentTParams, first: int = 0) -> StudentTMixture:
    """The forecasts of one sequence, from its step `first` on, as returns in fractions."""
    unit = LogReturnTarget().unit
    df, loc, scale = (value[0, first:].double().numpy() for value in params)
    return StudentTMixture(df=df[None], loc=loc[None] / unit, scale=scale[None] / unit)
