"""What the network is taught to say, and how its answer becomes a return again.

`LogReturnTarget`, the default, speaks percent of log return from the origin, beside the symbol's
own volatility in that unit. `PriceTarget` is the classic recipe's: the scaled price itself.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.dataset.scaler import Scaler
from lstmcast.distributions import FloatArray

PERCENT = 100.0


class Target(Protocol):
    """A way of writing the truth for the network and of reading its answer."""

    @property
    def unit(self) -> float:
        """How many of the network's units make a return of 1; spreads are divided by it."""
        ...

    def encode(self, closes: FloatArray, horizon: int) -> FloatArray:
        """`(rows,)` closes to `(rows, horizon)` training targets, NaN beyond the last row."""
        ...

    def decode(self, values: FloatArray, closes: FloatArray) -> FloatArray:
        """The network's `(rows, horizon)` values to log returns from `(rows,)` closes."""
        ...


def _ahead(values: FloatArray, horizon: int) -> FloatArray:
    """`(rows,)` to `(rows, horizon)`: the values 1..horizon rows later, NaN past the end."""
    padded = np.append(values, np.full(horizon, np.nan))
    windows = np.lib.stride_tricks.sliding_window_view(padded, horizon)
    later: FloatArray = windows[1 : len(values) + 1]
    return later


UNCHANGED_SHARE = 1 / 3
"""Share of unchanged closes from which on a symbol counts as seldom traded."""

UNCHANGED_HALF_LIFE = 60
"""Sessions in which the weight of a close in that share halves."""


def seldom_traded(closes: FloatArray) -> NDArray[np.bool_]:
    """Whether so many closes up to each row are those of the day before, `(rows,)`."""
    same = pd.Series(np.diff(closes, prepend=np.nan) == 0, dtype=np.float64)
    same.iloc[0] = np.nan
    recent = same.ewm(halflife=UNCHANGED_HALF_LIFE).mean()
    seldom: NDArray[np.bool_] = (recent >= UNCHANGED_SHARE).to_numpy()
    return seldom


@dataclass(frozen=True)
class LogReturnTarget:
    """Cumulative log returns in percent.

    Returns of exactly zero are a point mass, which no density can hold: where they are many, the
    likelihood is highest for a range of no width, and a network that learned it says so of days
    with trades as well. So where a symbol is seldom traded they are no targets. What is learned is
    how far the price moves if it does.

    Source: Lesmond, Ogden and Trzcinka (1999), A new estimate of transaction costs, on zero returns
    as days on which the price was not heard.
    """

    unit: float = PERCENT

    def encode(self, closes: FloatArray, horizon: int) -> FloatArray:
        """Log return from each row's close over 1..horizon sessions, in percent."""
        log_close = np.log(closes)
        returns: FloatArray = self.unit * (_ahead(log_close, horizon) - log_close[:, None])
        returns[(returns == 0) & seldom_traded(closes)[:, None]] = np.nan
        return returns

    def decode(self, values: FloatArray, closes: FloatArray) -> FloatArray:  # noqa: ARG002 - a return needs no close
        """Percent back to fractions."""
        returns: FloatArray = values / self.unit
        return returns


@dataclass(frozen=True)
class PriceTarget:
    """The adjusted close, scaled like the input column it is.

    Args:
        scaler: fitted on the training rows of the symbol.
        column: the column of the scaler that holds the close.
    """

    scaler: Scaler
    column: int
    unit: float = 1.0

    def encode(self, closes: FloatArray, horizon: int) -> FloatArray:
        """Scaled closes 1..horizon sessions later."""
        scaled = (closes - self.scaler.offset[self.column]) / self.scaler.factor[self.column]
        return _ahead(scaled, horizon)

    def decode(self, values: FloatArray, closes: FloatArray) -> FloatArray:
        """Scaled price to price, and price to log return from the origin's close.

        A price below a hundredth of the close is taken as that: the recipe can answer with a
        negative price, which has no logarithm.
        """
        prices = np.maximum(self.scaler.inverse(values, self.column), 0.01 * closes[:, None])
        returns: FloatArray = np.log(prices / closes[:, None])
        return returns
