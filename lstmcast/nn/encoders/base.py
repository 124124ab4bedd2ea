"""What every network encoder is: a causal map from features to hidden units, with a state.

The output at a step depends on the steps up to it and on the state handed in, which holds all that
an encoder remembers of the steps before. So one pass over a history and two passes with the state
carried from one to the next give the same outputs; training windows, evaluation and the forecast of
the newest day all rest on that.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What an encoder remembers; the batch is the second axis of every tensor in it."""


class Encoder(nn.Module, ABC):
    """A causal network between the features and the head.

    Attributes:
        input_size: features of a step.
        output_size: hidden units handed to the head at each step.
    """

    input_size: int
    output_size: int

    @abstractmethod
    def first_state(self, batch_size: int) -> State:
        """The state before the first session of each sequence."""

    @abstractmethod
    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        state: State,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Run along the sequences.

        Args:
            x: the features.
            state: what `first_state` gave, or an earlier call.
            generator: where dropout masks come from while training; None is PyTorch's global one.

        Returns:
            Hidden units at every step, and the state after the last.
        """

    @abstractmethod
    def adapt_inputs(
        self, factor: Float[Tensor, " features"], offset: Float[Tensor, " features"]
    ) -> None:
        """Change the weights in place, so that x gives what `factor * x + offset` gave before."""
