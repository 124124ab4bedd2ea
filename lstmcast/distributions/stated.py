"""A forecast whose stated quantiles are computed once, whoever asks for some of them.

Forecasts are held against bounds, calibrated and written down, and each of these asks for
quantiles. Those of a mixture are roots that are searched for, and are most of what it costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lstmcast.distributions.asking import Asking
from lstmcast.distributions.base import Distribution, FloatArray
from lstmcast.distributions.levels import STATED_LEVELS

_PLACES = {level: place for place, level in enumerate(STATED_LEVELS)}


@dataclass(frozen=True)
class StatedOnce(Asking):
    """A distribution that answers for the levels of a prediction table from one computation.

    Args:
        base: the distribution, which everything else is asked of.
    """

    @cached_property
    def _stated(self) -> FloatArray:
        return self.base.quantiles(STATED_LEVELS)

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Quantiles, `(rows, horizons, levels)`: out of the stated ones where all are stated."""
        if not all(level in _PLACES for level in levels):
            return self.base.quantiles(levels)
        found: FloatArray = self._stated[..., [_PLACES[level] for level in levels]]
        return found

    def mean(self) -> FloatArray:
        """Expected value."""
        return self.base.mean()

    def part(self, rows: slice) -> Distribution:
        """The forecasts of some rows."""
        return self.base.part(rows)
