"""The LSTM cell, gate by gate: one step of Hochreiter and Schmidhuber's memory.

With input x, previous output h and previous memory c, and with s the logistic function:

    i = s(W_ii x + b_ii + W_hi h + b_hi)        input gate:  how much of the candidate to write
    f = s(W_if x + b_if + W_hf h + b_hf)        forget gate: how much of the memory to keep
    g = tanh(W_ig x + b_ig + W_hg h + b_hg)     candidate:   what could be written
    o = s(W_io x + b_io + W_ho h + b_ho)        output gate: how much of the memory to show
    c' = f * c + i * g
    h' = o * tanh(c')

Sources: Hochreiter and Schmidhuber (1997), "Long Short-Term Memory", Neural Computation 9(8); the
forget gate is of Gers, Schmidhuber and Cummins (2000), "Learning to Forget", Neural Computation
12(10). The four matrices are stored below one another in the order i, f, g, o, and there are two
bias vectors: the layout of PyTorch, oneDNN and cuDNN, so that the fused kernels of `lstm.py` run on
these very weights.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lstmcast.nn.shapes import require_shape


class Gates(NamedTuple):
    """The three gates, each between 0 and 1, and the candidate, between -1 and 1."""

    input: Float[Tensor, "batch hidden"]
    forget: Float[Tensor, "batch hidden"]
    candidate: Float[Tensor, "batch hidden"]
    output: Float[Tensor, "batch hidden"]


class LSTMCell(nn.Module):
    """One step of an LSTM layer, written as its formula.

    Initialisation: all weights are uniform within 1 / sqrt(hidden_size), so that a unit begins in
    the steep middle of its curves (LeCun, Bottou, Orr and Mueller 1998, "Efficient BackProp"); the
    biases are zero but for the forget gate's, which is 1 so that the memory lasts from the first
    epoch on (Gers et al. 2000; Jozefowicz, Zaremba and Sutskever 2015). Orthogonal recurrent
    weights and Glorot's larger input weights forecast worse on validation rows.

    Args:
        input_size: features of a step.
        hidden_size: units, the length of the output and of the memory.
        generator: where the first weights come from; None is PyTorch's global generator.
    """

    def __init__(
        self, input_size: int, hidden_size: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(4 * hidden_size))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the first weights anew."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        nn.init.uniform_(self.weight_ih, -bound, bound, generator=generator)
        nn.init.uniform_(self.weight_hh, -bound, bound, generator=generator)
        nn.init.zeros_(self.bias_hh)
        nn.init.zeros_(self.bias_ih)
        nn.init.ones_(self.bias_ih.chunk(4)[1])

    @property
    def weights(self) -> list[Tensor]:
        """The four arrays in the order in which the fused kernels want them."""
        return [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]

    def gates(self, x: Float[Tensor, "batch features"], h: Float[Tensor, "batch hidden"]) -> Gates:
        """The gates and the candidate at this step, before they touch the memory."""
        drive = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = drive.chunk(4, dim=1)
        return Gates(torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o))

    def forward(
        self,
        x: Float[Tensor, "batch features"],
        state: tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]] | None = None,
    ) -> tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]:
        """Take one step.

        Args:
            x: the step's features.
            state: output h and memory c of the step before; None is zeros.

        Returns:
            The output h and the memory c after this step.

        Raises:
            ValueError: a shape that does not fit, named.
        """
        require_shape("x", x, ("batch", self.input_size))
        h, c = state or (x.new_zeros(x.shape[0], self.hidden_size),) * 2
        require_shape("state[0]", h, (x.shape[0], self.hidden_size))
        require_shape("state[1]", c, (x.shape[0], self.hidden_size))
        i, f, g, o = self.gates(x, h)
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, c

    def extra_repr(self) -> str:
        """What `print` shows of the cell."""
        return f"{self.input_size}, {self.hidden_size}"
