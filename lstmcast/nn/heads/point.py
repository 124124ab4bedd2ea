"""One number for each horizon: the point forecast of the usual tutorials.

It is here for the article's recipe (`configs/classic.yaml`), whose target is a scaled price; it
says nothing about how wrong it may be.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lstmcast.nn.heads.base import Head


class PointParams(NamedTuple):
    """The forecast itself, in the target's unit."""

    value: Float[Tensor, "batch time horizons"]


class PointHead(Head):
    """Forecasts one number for each horizon; trained on the squared error.

    The volatility plays no part: the output is linear in the hidden units.
    """

    name = "point"
    is_distribution = False
    names = PointParams._fields

    def first_raw(self) -> list[float]:
        """Zero for each horizon."""
        return [0.0] * len(self.horizons)

    def draw_first_weights(self, generator: torch.Generator | None = None) -> None:
        """Uniform within 1 / sqrt(hidden_size), as PyTorch's own linear layer begins.

        At zero, a price is first learned by the bias alone, and the units lag behind.
        """
        bound = 1.0 / math.sqrt(self.hidden_size)
        nn.init.uniform_(self.weight, -bound, bound, generator=generator)

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        scale: Float[Tensor, "batch time"],
        symbols: Int[Tensor, " batch"] | None = None,
    ) -> PointParams:
        """The forecast for every origin and horizon."""
        return PointParams(self.raw(hidden, scale, symbols))

    def loss(
        self, params: PointParams, target: Float[Tensor, "batch time horizons"]
    ) -> Float[Tensor, "batch time horizons"]:
        """The squared error."""
        return (params.value - target).square()
