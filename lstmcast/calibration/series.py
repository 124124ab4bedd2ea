"""What both kinds of calibration read: calibration series, and intervals as half widths."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import Distribution, FloatArray
from lstmcast.predictions import LEVELS, QUANTILES, RANGES

RowsBySymbol = Mapping[str, NDArray[np.intp]]
UncalibratedForecasts = Callable[[RowsBySymbol], Mapping[str, Distribution]]

COVERAGES = np.array(sorted(RANGES)) / 100
"""Nominal coverage of the intervals that are calibrated, narrowest first."""

_ENDS = {"q50", *(name for bounds in RANGES.values() for name in bounds)}
_LEVELS = [level for name, level in zip(QUANTILES, LEVELS, strict=True) if name in _ENDS]
_MEDIAN = len(RANGES)

UNIT = sorted(RANGES).index(80)
"""The interval whose half width is the unit of the others."""


class MapFunction(Protocol):
    """Applies a function to every item, in order of the items."""

    def __call__(self, function: Callable[[Any], Any], items: Iterable[Any], /) -> list[Any]:
        """The results."""
        ...


def sequential_map(function: Callable[[Any], Any], items: Iterable[Any], /) -> list[Any]:
    """Apply a function to every item, one after the other."""
    return [function(item) for item in items]


PORTION = 16
"""Symbols whose forecasts are in memory at once."""


def portions(rows: RowsBySymbol) -> Iterator[dict[str, NDArray[np.intp]]]:
    """The symbols in their order, a few at a time."""
    items = iter(rows.items())
    while some := dict(islice(items, PORTION)):
        yield some


@dataclass(frozen=True)
class CalibrationSeries:
    """One symbol's outcomes, and the row from which its forecasts are compared with them.

    Args:
        name: the symbol.
        dates: `(rows,)` sessions.
        closes: `(rows,)` adjusted closes.
        first: row of the first forecast that calibration learns from.
        market: symbols with the same key close together; those of other markets know this symbol's
            close only on a later date.
    """

    name: str
    dates: pd.DatetimeIndex
    closes: FloatArray
    first: int
    market: str = ""


@dataclass(frozen=True)
class HalfWidths:
    """Central prediction intervals as half widths.

    Args:
        median: `(rows, horizons)`.
        unit: `(rows, horizons)` half width of the 80 % interval.
        intervals: `(rows, horizons, coverages)` half widths in that unit, narrowest first.
    """

    median: FloatArray
    unit: FloatArray
    intervals: FloatArray

    @classmethod
    def of(cls, distribution: Distribution) -> Self:
        """The intervals of a forecast whose nominal coverages are `COVERAGES`."""
        quantiles = distribution.quantiles(_LEVELS)
        halves = (quantiles[..., :_MEDIAN:-1] - quantiles[..., :_MEDIAN]) / 2
        narrow_first = halves[..., ::-1]
        unit = narrow_first[..., UNIT]
        return cls(quantiles[..., _MEDIAN], unit, narrow_first / unit[..., None])
