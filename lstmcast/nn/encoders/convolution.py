"""Causal convolutions: what the last few weeks looked like, without a recurrent memory.

Each layer sees its own inputs at the present step and at two earlier ones, 1, 2, 4 and then 8 steps
apart, so that four layers reach 30 sessions back (dilated causal convolutions: van den Oord et al.
2016, "WaveNet"). Nothing to the right of a step enters it: the padding is all on the left, and it
is not padding but the steps before, which the state carries from call to call.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lstmcast.nn.encoders.base import Encoder, State

KERNEL = 3
DILATIONS = (1, 2, 4, 8)


class CausalConvolution(nn.Module):
    """One convolution along time whose output at a step knows only that step and earlier ones.

    Args:
        input_size: channels in.
        output_size: channels out.
        dilation: steps between the inputs that are weighed together.
        generator: where the first weights come from; None is PyTorch's global generator.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        dilation: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.dilation = dilation
        self.reach = (KERNEL - 1) * dilation
        self.weight = nn.Parameter(torch.empty(output_size, input_size, KERNEL))
        self.bias = nn.Parameter(torch.zeros(output_size))
        nn.init.xavier_uniform_(self.weight, generator=generator)

    def forward(
        self,
        x: Float[Tensor, "batch time channels"],
        before: Float[Tensor, "reach batch channels"],
    ) -> tuple[Float[Tensor, "batch time out"], Float[Tensor, "reach batch channels"]]:
        """Convolve, given the `reach` steps before the first; return those before the next too."""
        seen = torch.cat([before.transpose(0, 1), x], dim=1)
        output = nn.functional.conv1d(
            seen.transpose(1, 2), self.weight, self.bias, dilation=self.dilation
        )
        return output.transpose(1, 2), seen[:, -self.reach :].transpose(0, 1)


class ConvolutionEncoder(Encoder):
    """Four causal convolutions, with residual connections from the second on.

    Args:
        input_size: features of a step.
        hidden_size: channels of each layer.
        generator: where the first weights come from; None is PyTorch's global generator.
    """

    def __init__(
        self, input_size: int, hidden_size: int, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.output_size = hidden_size
        widths = [input_size] + [hidden_size] * (len(DILATIONS) - 1)
        self.convolutions = nn.ModuleList(
            CausalConvolution(width, hidden_size, dilation, generator)
            for width, dilation in zip(widths, DILATIONS, strict=True)
        )

    def first_state(self, batch_size: int) -> State:
        """Zeros as the steps before each layer's first."""
        return tuple(
            layer.weight.new_zeros(layer.reach, batch_size, layer.input_size)
            for layer in self._layers()
        )

    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        state: State,
        *,
        generator: torch.Generator | None = None,  # noqa: ARG002 - it drops nothing
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """The last layer's outputs, and the latest inputs of every layer."""
        kept = []
        for index, (layer, before) in enumerate(zip(self._layers(), state, strict=True)):
            output, last = layer(x, before)
            kept.append(last)
            output = nn.functional.silu(output)
            x = x + output if index > 0 else output
        return x, tuple(kept)

    def adapt_inputs(
        self, factor: Float[Tensor, " features"], offset: Float[Tensor, " features"]
    ) -> None:
        """Change what the first layer makes of the features; the steps before the first are zeros.

        Those zeros then stand for another value, so the first steps of a sequence differ.
        """
        first = self._layers()[0]
        with torch.no_grad():
            first.bias.add_(first.weight.sum(dim=-1) @ offset)
            first.weight.mul_(factor.unsqueeze(-1))

    def _layers(self) -> list[CausalConvolution]:
        return [layer for layer in self.convolutions if isinstance(layer, CausalConvolution)]
