"""What every feature is computed from: adjusted bars, their log returns, and a slow volatility."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import pandas as pd

Table = TypeVar("Table")

SCALE_HALF_LIFE = 60
"""Sessions in which the weight of a squared return halves in the volatility that scales inputs."""

SCALE_FLOOR = 1e-4
"""Least volatility of a session (0.01 %), so that a halted stock does not divide by zero."""


Column = pd.Series
"""What a feature is computed from and as: one symbol's series, a value a session.

A table of many markets, sessions by markets, passes through the same code, since pandas computes on
both alike: simulated markets are read in this way (`lstmcast.pretraining.panel`).
"""


def log(values: Column) -> Column:
    """Natural logarithm, keeping the index."""
    # NumPy keeps the kind and the index of what it is given, which its types do not say.
    return cast("Column", np.log(values.astype(np.float64)))


def at_least(values: Column, floor: float) -> Column:
    """The values, those below a floor raised to it; on tables `clip` takes ten times as long."""
    return cast("Column", np.maximum(values, floor))


def at_most(values: Column, ceiling: float) -> Column:
    """The values, those above a ceiling lowered to it."""
    return cast("Column", np.minimum(values, ceiling))


def ewma_mean_square(
    returns: Column,
    *,
    half_life: float | None = None,
    alpha: float | None = None,
    ignore_na: bool = False,
) -> Column:
    """Exponentially weighted mean of the squares up to each session, for features and baselines.

    Weights are normalised over the returns so far, so that no start has to be assumed and none of
    what comes later is used: the mean is unbiased from the first return on.

    Args:
        returns: `(sessions,)`; NaN where there is none.
        half_life: sessions in which a weight halves, or
        alpha: the weight of the newest square, `1 - decay`.
        ignore_na: weights fall with each square that there is, not with each session.
    """
    weights = {"halflife": half_life} if alpha is None else {"alpha": alpha}
    return (returns**2).ewm(**weights, ignore_na=ignore_na).mean()


@dataclass(frozen=True)
class Bars:
    """One symbol's adjusted bars with the two series that most features share.

    Every series is causal: its value at a session depends on that session and earlier ones.

    Args:
        adjusted: `PriceHistory.adjusted()`: open, high, low, close, volume, dollar_volume.
    """

    adjusted: pd.DataFrame

    @cached_property
    def log_return(self) -> Column:
        """Log return of each session's close over the one before, a fraction; NaN at first."""
        return log(self.adjusted["close"]).diff()

    @cached_property
    def scale(self) -> Column:
        """Slow EWMA volatility of a session with a move, a fraction: root of the mean square move.

        The unit in which inputs are measured and forecasts are made, so that a quiet and a wild
        stock look alike to the network. A close that is the one of the day before says that nobody
        traded, or too little, and nothing of how far a trade would move the price: it does not
        count. Otherwise a halt, or a share that is seldom traded, would make a unit of nothing, in
        which the next move is a hundred units. Source: RiskMetrics (1996), with a longer half-life.
        """
        moves = self.log_return.where(self.log_return != 0)
        mean_square = ewma_mean_square(moves, half_life=SCALE_HALF_LIFE, ignore_na=True)
        known = mean_square.fillna(0.0).where(self.log_return.notna())
        return at_least(known.pow(0.5), SCALE_FLOOR)

    def volatility(self, half_life: float) -> Column:
        """EWMA volatility of a session with the given half-life in sessions, a fraction."""
        mean_square = ewma_mean_square(self.log_return, half_life=half_life)
        return at_least(mean_square.pow(0.5), SCALE_FLOOR)

    def once(self, compute: Callable[["Bars"], Table]) -> Table:
        """What a function makes of these bars, kept: some groups are made of others' columns."""
        if compute not in self._made:
            self._made[compute] = compute(self)
        return cast("Table", self._made[compute])

    @cached_property
    def _made(self) -> dict[object, object]:
        return {}
