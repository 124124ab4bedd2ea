"""Layers of LSTM cells over whole sequences, on a readable or on a fast kernel.

The reference kernel is a plain loop over time steps. The fused kernel hands the same weights to
PyTorch's compiled layer (oneDNN on a CPU, cuDNN on a CUDA device), which is several times faster
and agrees with the loop to rounding, in values and in gradients.
"""

import warnings
from collections.abc import Callable
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lstmcast.nn.cell import LSTMCell
from lstmcast.nn.dropout import variational_dropout
from lstmcast.nn.shapes import require_shape

# cuDNN says so of weights that do not lie in one block, which is how a cell has them. It copies
# them together in every call; that is a few kilobytes.
warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk")

Kernel = Literal["reference", "fused"]
LSTMState = tuple[Float[Tensor, "layers batch hidden"], Float[Tensor, "layers batch hidden"]]
_Layer = tuple[
    Float[Tensor, "batch time hidden"], Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]
]


def run_reference(
    cell: LSTMCell,
    x: Float[Tensor, "batch time features"],
    h: Float[Tensor, "batch hidden"],
    c: Float[Tensor, "batch hidden"],
) -> _Layer:
    """Run a cell along a sequence, step by step: (outputs, last output, last memory)."""
    outputs = []
    for step in x.unbind(dim=1):
        h, c = cell(step, (h, c))
        outputs.append(h)
    return torch.stack(outputs, dim=1), h, c


def run_fused(
    cell: LSTMCell,
    x: Float[Tensor, "batch time features"],
    h: Float[Tensor, "batch hidden"],
    c: Float[Tensor, "batch hidden"],
) -> _Layer:
    """Run a cell along a sequence in one call of PyTorch's compiled LSTM layer."""
    output, h_last, c_last = torch.lstm(
        x,
        # The kernels want a layer axis and memory of their own.
        (h.unsqueeze(0).contiguous(), c.unsqueeze(0).contiguous()),
        cell.weights,
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        # "train" keeps what the backward pass needs; cuDNN refuses gradients without it.
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )
    return output, h_last[0], c_last[0]


KERNELS: dict[str, Callable[[LSTMCell, Tensor, Tensor, Tensor], _Layer]] = {
    "reference": run_reference,
    "fused": run_fused,
}


class LSTM(nn.Module):
    """A stack of LSTM layers: the outputs of one are the inputs of the next.

    Args:
        input_size: features of a step.
        hidden_size: units of every layer.
        num_layers: layers.
        dropout: share of a layer's outputs silenced on the way to the next layer while training,
            with one mask a sequence (`variational_dropout`).
        residual: add a layer's inputs to its outputs, from the second layer on, so that a deeper
            stack can do no worse than a shallow one (He et al. 2016; in recurrent stacks Wu et al.
            2016, "Google's Neural Machine Translation System").
        kernel: "fused" or "reference"; `LSTM.kernel` may be changed at any time.
        generator: where the first weights come from; None is PyTorch's global generator.

    Raises:
        ValueError: a size below 1, a dropout outside [0, 1), or an unknown kernel.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        *,
        residual: bool = False,
        kernel: Kernel = "fused",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"`{name}` must be at least 1, got {size}")
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"`dropout` must be in [0, 1), got {dropout}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.residual = residual
        self.kernel = kernel
        widths = [input_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(LSTMCell(width, hidden_size, generator) for width in widths)

    @property
    def layers(self) -> list[LSTMCell]:
        """The cells, first layer first."""
        return cast("list[LSTMCell]", list(self.cells))

    @property
    def kernel(self) -> Kernel:
        """Which code runs the layers; both give the same numbers."""
        return self._kernel

    @kernel.setter
    def kernel(self, kernel: Kernel) -> None:
        if kernel not in KERNELS:
            raise ValueError(f"`kernel` must be one of {', '.join(KERNELS)}, got {kernel!r}")
        self._kernel: Kernel = kernel

    @classmethod
    def from_torch(cls, module: nn.LSTM, kernel: Kernel = "fused") -> "LSTM":
        """Copy the weights of a `torch.nn.LSTM`.

        The copy takes (batch, time, input) whatever `module.batch_first` says.

        Raises:
            ValueError: a bidirectional or projected LSTM, or one without biases.
        """
        supported = {"bias": True, "bidirectional": False, "proj_size": 0}
        for name, value in supported.items():
            if getattr(module, name) != value:
                found = getattr(module, name)
                raise ValueError(f"`module.{name}` must be {value} to be copied, got {found}")
        lstm = cls(
            module.input_size, module.hidden_size, module.num_layers, module.dropout, kernel=kernel
        )
        lstm.to(cast("Tensor", module.weight_ih_l0))
        with torch.no_grad():
            for cell, weights in zip(lstm.layers, module.all_weights, strict=True):
                for own, other in zip(cell.weights, weights, strict=True):
                    own.copy_(other)
        return lstm

    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        state: LSTMState | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], LSTMState]:
        """Run the layers along the sequences.

        Args:
            x: the sequences.
            state: (h, c) of every layer before the first step; None is zeros.
            generator: where dropout masks come from while training; None is PyTorch's global one.

        Returns:
            The last layer's outputs, and (h, c) of every layer after the last step.

        Raises:
            ValueError: a shape that does not fit, named.
        """
        require_shape("x", x, ("batch", "time", self.input_size))
        shape = (self.num_layers, x.shape[0], self.hidden_size)
        first_h, first_c = state or (x.new_zeros(shape), x.new_zeros(shape))
        require_shape("state[0]", first_h, shape)
        require_shape("state[1]", first_c, shape)
        run = KERNELS[self.kernel]
        last_h, last_c = [], []
        for layer, cell in enumerate(self.layers):
            inputs = x
            if layer > 0:
                inputs = variational_dropout(x, self.dropout, self.training, generator)
            output, h, c = run(cell, inputs, first_h[layer], first_c[layer])
            last_h.append(h)
            last_c.append(c)
            x = x + output if self.residual and layer > 0 else output
        return x, (torch.stack(last_h), torch.stack(last_c))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "LSTM":
        """Move or convert the weights; on a CUDA device, join each layer's into one block.

        cuDNN copies weights that lie apart at every call, and PyTorch warns of it.
        """
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch does not annotate it
        for cell in self.layers:
            if cell.weight_ih.is_cuda and torch._use_cudnn_rnn_flatten_weight():  # noqa: SLF001 - as torch.nn.LSTM asks
                _join_weights(cell)
        return self

    def extra_repr(self) -> str:
        """What `print` shows of the stack."""
        return f"dropout={self.dropout}, residual={self.residual}, kernel={self.kernel!r}"


_CUDNN_LSTM = 2
"""cuDNN's own number for an LSTM (`cudnnRNNMode_t`)."""


def _join_weights(cell: LSTMCell) -> None:
    """Let a cell's four arrays share one block of memory, in cuDNN's order."""
    with torch.no_grad(), torch.cuda.device(cell.weight_ih.device):
        torch._cudnn_rnn_flatten_weight(  # noqa: SLF001 - torch.nn.LSTM has no other way either
            cell.weights,
            weight_stride0=len(cell.weights),
            input_size=cell.input_size,
            mode=_CUDNN_LSTM,
            hidden_size=cell.hidden_size,
            proj_size=0,
            num_layers=1,
            batch_first=True,
            bidirectional=False,
        )
