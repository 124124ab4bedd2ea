"""One number for each horizon: the point forecast of the usual tutorials.

It is here for the article's recipe (`configs/classic.yaml`), whose target is a scaled price; it
says nothing about how wrong it may be.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from lstmcast.nn.heads.base import Head


class PointParams(NamedTuple):
    """The forecast itself, in the target's unit."""

    value: Float[Tensor, "batch time horizons"]


class PointHead(Head):
    """Forecasts one number for each horizon; trained on the squared error.

    The volatility plays no part: the output is linear in the hidden units and starts at zero.
    """

    name = "point"
    is_distribution = False
    names = PointParams._fields

    def first_raw(self) -> list[float]:
        """Zero for each horizon."""
        return [0.0] * len(self.horizons)

    def forward(
        self, hidden: Float[Tensor, "batch time hidden"], scale: Float[Tensor, "batch time"]
    ) -> PointParams:
        """The forecast for every origin and horizon."""
        return PointParams(self.raw(hidden, scale))

    def loss(
        self, params: PointParams, target: Float[Tensor, "batch time horizons"]
    ) -> Float[Tensor, "batch time horizons"]:
        """The squared error."""
        return (params.value - target).square()
