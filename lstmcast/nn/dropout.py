"""Variational dropout: one mask for a whole sequence, drawn from a generator of one's own.

Ordinary dropout redraws its mask at every step, so that within a sequence the noise averages out
and a recurrent state is shaken loose; one mask held over all steps of a sequence removes whole
features instead (Gal and Ghahramani 2016, "A Theoretically Grounded Application of Dropout in
Recurrent Neural Networks").

Members of an ensemble train in parallel threads. PyTorch's global generator would hand out its
numbers in the order in which the threads happen to run, so each member draws from its own.
"""

import torch
from jaxtyping import Float
from torch import Tensor


class SharedMasks(torch.Generator):
    """Masks of a batch of which several processes have some rows each.

    They are drawn for the whole batch, as one process alone would draw them.

    Args:
        device: where the masks are.
    """

    first: int = 0
    """The first row that this process has."""

    whole: int = 0
    """Rows of the whole batch."""


def variational_dropout(
    x: Float[Tensor, "batch time features"],
    rate: float,
    training: bool,
    generator: torch.Generator | None = None,
) -> Float[Tensor, "batch time features"]:
    """Silence features with probability `rate`, the same ones at every step of a sequence.

    The rest is scaled by `1 / (1 - rate)`, so the expected value stays. Outside training, or at
    rate 0, `x` comes back as it is and no number is drawn.

    Args:
        x: the sequences.
        rate: probability of silencing a feature, in [0, 1).
        training: whether to drop anything at all.
        generator: where the masks come from; None is PyTorch's global generator.
    """
    if not training or rate == 0.0:
        return x
    rows = x.shape[0]
    shared = generator if isinstance(generator, SharedMasks) else None
    mask = x.new_empty(shared.whole if shared else rows, 1, x.shape[2])
    mask.bernoulli_(1.0 - rate, generator=generator).div_(1.0 - rate)
    return x * (mask[shared.first : shared.first + rows] if shared else mask)
