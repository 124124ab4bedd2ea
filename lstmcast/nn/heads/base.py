"""What every head is: the last layer, from hidden units to the parameters of a forecast.

A head sees the network's outputs and one number beside them: the causal EWMA volatility at each
origin. It forecasts *relative to that volatility*, which is what lets one network serve many
symbols, whatever their volatility, and a symbol that it never saw.

Output weights start at zero (but for the point head) and the biases at a sensible forecast, so that
an untrained network already says something reasonable (for the distributions: the EWMA volatility
with fat tails) and training starts from there.
"""

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lstmcast.errors import ConfigError
from lstmcast.nn.shapes import require_shape


class Head(nn.Module, ABC):
    """Maps hidden units to the parameters of a forecast for each horizon.

    Class attributes:
        name: what the configuration calls it.
        is_distribution: whether the parameters say how likely every outcome is.
        names: the parameters, in the order of the tuple that `forward` returns.
        long_run_outputs: raw outputs that the next session's forecast does not depend on; empty
            where it depends on all of them.
        location_outputs: raw outputs that move the location.

    Args:
        hidden_size: units that the network hands over.
        horizons: sessions ahead, in increasing order.
        symbols: how many symbols have offsets of their own, added to the raw outputs; 0 for none.

    Raises:
        ConfigError: horizons that are empty, below 1, or not increasing.
    """

    name: ClassVar[str]
    is_distribution: ClassVar[bool]
    names: ClassVar[tuple[str, ...]]
    long_run_outputs: tuple[int, ...] = ()
    location_outputs: tuple[int, ...] = ()

    offsets: nn.Parameter | None

    def __init__(self, hidden_size: int, horizons: tuple[int, ...], symbols: int = 0) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.horizons = check_horizons(horizons)
        bias = torch.tensor(self.first_raw())
        self.weight = nn.Parameter(torch.zeros(len(bias), hidden_size))
        self.bias = nn.Parameter(bias)
        # The last row stays zero: it is for symbols that were not in training.
        offsets = nn.Parameter(torch.zeros(symbols + 1, len(bias)), requires_grad=False)
        self.register_parameter("offsets", offsets if symbols else None)

    @property
    def initial_outputs(self) -> Bool[Tensor, " raw"]:
        """Mask of the raw outputs that the next session's forecast is made of."""
        mask = torch.ones(len(self.bias), dtype=torch.bool, device=self.bias.device)
        mask[list(self.long_run_outputs)] = False
        return mask

    @abstractmethod
    def first_raw(self) -> list[float]:
        """The raw outputs of the untrained head, the same for every input."""

    def draw_first_weights(self, generator: torch.Generator | None = None) -> None:
        """Draw the first weights, where a head does not begin at zero: here nothing is drawn."""

    def raw(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        scale: Float[Tensor, "batch time"],
        symbols: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch time raw"]:
        """The linear outputs from which the parameters are made; checks the shapes."""
        require_shape("hidden", hidden, ("batch", "time", self.hidden_size))
        require_shape("scale", scale, tuple(hidden.shape[:2]))
        raw = nn.functional.linear(hidden, self.weight, self.bias)
        if symbols is None or self.offsets is None:
            return raw
        require_shape("symbols", symbols, tuple(hidden.shape[:1]))
        return raw + self.offsets[symbols].unsqueeze(1)

    @abstractmethod
    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        scale: Float[Tensor, "batch time"],
        symbols: Int[Tensor, " batch"] | None = None,
    ) -> Any:
        """Parameters for every origin and horizon.

        Args:
            hidden: the network's outputs.
            scale: causal volatility of one session's return at each origin, in the target's unit.
            symbols: number of each sequence's symbol, for its offsets; None is one unknown.

        Returns:
            A NamedTuple of tensors whose first axes are (batch, time, horizons).

        Raises:
            ValueError: a shape that does not fit, named.
        """

    @abstractmethod
    def loss(
        self,
        params: Any,
        target: Float[Tensor, "batch time horizons"],
    ) -> Float[Tensor, "batch time horizons"]:
        """What training minimises, for every origin and horizon; smaller is better.

        `target` must be finite: where an outcome is not known, put any number there and leave the
        loss out of the mean.
        """

    def extra_repr(self) -> str:
        """What `print` shows of the head."""
        return f"{self.hidden_size}, horizons={self.horizons}"


def check_horizons(horizons: tuple[int, ...]) -> tuple[int, ...]:
    """The horizons, if they are whole numbers from 1 on in increasing order; else ConfigError."""
    increasing = all(a < b for a, b in pairwise(horizons))
    if not horizons or horizons[0] < 1 or not increasing:
        raise ConfigError(
            f"`horizons` must be sessions ahead in increasing order, from 1 on, got {horizons}",
            hint="use (1,) for the next session or range(1, 21) for each of the next 20",
        )
    return horizons
