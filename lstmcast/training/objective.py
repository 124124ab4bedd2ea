"""What training minimises: the losses of a batch, and how much each horizon counts in them."""

from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor

from lstmcast.nn import Network
from lstmcast.training.batch import Batch


def horizon_weights(horizon: int) -> Float[Tensor, " horizons"]:
    """Weights that fall with the horizon, summing to 1: the next session counts most.

    Returns over overlapping spans repeat one another: 20 of them hold little more than the news of
    one session each. Equal weights would let the long horizons drown the first.
    """
    steps = torch.arange(1, horizon + 1, dtype=torch.float32)
    weights = 1 / steps
    return weights / weights.sum()


def total_loss(
    network: Network,
    batch: Batch,
    masks: torch.Generator | None = None,
    forward: AbstractContextManager[object] | None = None,
) -> Float[Tensor, ""]:
    """The sum of a batch's weighted losses; their mean is that over `batch.total`.

    Args:
        network: in training mode or not.
        batch: sequences with their truth.
        masks: where dropout masks come from; None is PyTorch's global generator.
        forward: open during the forward pass alone.
    """
    with forward or nullcontext():
        params, _ = network(batch.features, batch.scale, symbols=batch.symbols, generator=masks)
    losses: Tensor = network.head.loss(params, batch.targets)
    return (losses * batch.weight).sum()
