"""A distribution with the answers that were worked out before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lstmcast.distributions.asking import Asking
from lstmcast.distributions.base import FloatArray


@dataclass(frozen=True)
class EvaluatedDistribution(Asking):
    """A distribution whose quantiles at some levels and whose mean are known already.

    Everything else is asked of the distribution itself.

    Args:
        base: the distribution.
        levels: of the known quantiles.
        known: `(rows, horizons, levels)` quantiles, as `base` gives them.
        expected: `(rows, horizons)` mean, as `base` gives it.
    """

    levels: tuple[float, ...]
    known: FloatArray
    expected: FloatArray

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Quantiles: the known ones if just those levels are asked for."""
        return self.known if tuple(levels) == self.levels else self.base.quantiles(levels)

    def mean(self) -> FloatArray:
        """Expected value."""
        return self.expected

    def part(self, rows: slice) -> "EvaluatedDistribution":
        """The forecasts of some rows."""
        return EvaluatedDistribution(
            self.base.part(rows), self.levels, self.known[rows], self.expected[rows]
        )

    def to_dict(self) -> dict[str, object]:
        """The answers as plain values, null where a forecast states none."""
        return {
            "levels": list(self.levels),
            "known": with_nulls(self.known),
            "expected": with_nulls(self.expected),
        }


def with_nulls(values: FloatArray) -> list[object]:
    """Numbers as nested lists, None in the place of NaN."""
    shown = values.astype(object)
    shown[np.isnan(values)] = None
    found: list[object] = shown.tolist()
    return found
