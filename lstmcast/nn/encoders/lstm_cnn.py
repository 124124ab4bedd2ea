"""An LSTM branch and a convolution branch side by side, merged by a dense layer.

    x ─┬─ LSTM layers ─────────── h ─┬─ join ── dense ── SiLU ──
       └─ causal convolutions ─── u ─┘

The recurrent branch remembers for as long as it likes, the convolutions see the shape of the last
six weeks directly. This is the second design of the article that the project started from.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lstmcast.nn.dropout import variational_dropout
from lstmcast.nn.encoders.base import Encoder, State
from lstmcast.nn.encoders.convolution import ConvolutionEncoder
from lstmcast.nn.encoders.lstm import InitialState, LSTMEncoder
from lstmcast.nn.lstm import Kernel

LSTM_STATES = 2
"""How many of the state's tensors are the LSTM's: h and c."""


class LSTMConvolutionEncoder(Encoder):
    """Two branches over the same features, joined and passed through a dense layer.

    Args:
        input_size: features of a step.
        hidden_size: units of each LSTM layer, channels of each convolution, and units handed on.
        num_layers: LSTM layers.
        dropout: share silenced between LSTM layers and where the branches join, while training.
        initial_state: the LSTM's, "zeros" or "learned"; the convolutions begin with zeros.
        kernel: which code runs the LSTM layers.
        generator: where the first weights come from; None is PyTorch's global generator.
    """

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
        self.dropout = dropout
        self.recurrent = LSTMEncoder(
            input_size,
            hidden_size,
            num_layers,
            dropout=dropout,
            initial_state=initial_state,
            kernel=kernel,
            generator=generator,
        )
        self.convolution = ConvolutionEncoder(input_size, hidden_size, generator)
        self.weight = nn.Parameter(torch.empty(hidden_size, 2 * hidden_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def first_state(self, batch_size: int) -> State:
        """The first states of both branches, one after the other."""
        return (
            *self.recurrent.first_state(batch_size),
            *self.convolution.first_state(batch_size),
        )

    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        state: State,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """The dense layer's outputs, and the states of both branches."""
        h, recurrent = self.recurrent(x, state[:LSTM_STATES], generator=generator)
        u, convolution = self.convolution(x, state[LSTM_STATES:])
        joined = torch.cat([h, u], dim=-1)
        joined = variational_dropout(joined, self.dropout, self.training, generator)
        merged = nn.functional.silu(nn.functional.linear(joined, self.weight, self.bias))
        return merged, (*recurrent, *convolution)

    def adapt_inputs(
        self, factor: Float[Tensor, " features"], offset: Float[Tensor, " features"]
    ) -> None:
        """Change what both branches make of the features."""
        self.recurrent.adapt_inputs(factor, offset)
        self.convolution.adapt_inputs(factor, offset)
