"""The plain encoder: a stack of LSTM layers."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lstmcast.nn.encoders.base import Encoder, State
from lstmcast.nn.lstm import LSTM, Kernel

InitialState = Literal["zeros", "learned"]


class LSTMEncoder(Encoder):
    """LSTM layers, with residual connections from the second on.

    Args:
        input_size: features of a step.
        hidden_size: units of each layer.
        num_layers: layers.
        dropout: share silenced between layers while training, one mask a sequence.
        initial_state: "zeros", or "learned": one vector a layer for h and for c, the same for every
            sequence, which starts at zero and is trained with the weights.
        kernel: which code runs the layers.
        generator: where the first weights come from; None is PyTorch's global generator.
    """

    first_h: Tensor
    first_c: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        dropout: float = 0.0,
        initial_state: InitialState = "zeros",
        kernel: Kernel = "fused",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.output_size = hidden_size
        self.lstm = LSTM(
            input_size,
            hidden_size,
            num_layers,
            dropout,
            residual=True,
            kernel=kernel,
            generator=generator,
        )
        for name in ("first_h", "first_c"):
            first = torch.zeros(num_layers, 1, hidden_size)
            if initial_state == "learned":
                self.register_parameter(name, nn.Parameter(first))
            else:
                self.register_buffer(name, first, persistent=False)

    def first_state(self, batch_size: int) -> State:
        """(h, c) of every layer before the first step."""
        return (
            self.first_h.expand(-1, batch_size, -1),
            self.first_c.expand(-1, batch_size, -1),
        )

    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        state: State,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """The last layer's outputs, and (h, c) of every layer."""
        h, c = state
        output, last = self.lstm(x, (h, c), generator=generator)
        return output, last

    def adapt_inputs(
        self, factor: Float[Tensor, " features"], offset: Float[Tensor, " features"]
    ) -> None:
        """Change what the first layer makes of the features."""
        first = self.lstm.layers[0]
        with torch.no_grad():
            first.bias_ih.add_(first.weight_ih @ offset)
            first.weight_ih.mul_(factor)
