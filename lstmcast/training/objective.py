"""What training minimises: the losses of a batch, and how much each horizon counts in them."""

from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor

from lstmcast.nn import Network
from lstmcast.training.batch import Batch, GatheredBatch


def horizon_weights(horizon: int) -> Float[Tensor, " horizons"]:
    """Weights that fall with the horizon, summing to 1: the next session counts most.

    Returns over overlapping spans repeat one another: 20 of them hold little more than the news of
    one session each. Equal weights would let the long horizons drown the first.
    """
    steps = torch.arange(1, horizon + 1, dtype=torch.float32)
    weights = 1 / steps
    return weights / weights.sum()


AT_ONCE = {"cpu": 64}
"""Sequences that are measured at once, by kind of device: what the network says of each of them
takes ten times the memory of what it reads."""

AT_ONCE_ELSEWHERE = 512


def total_loss(
    network: Network,
    batch: Batch | GatheredBatch,
    masks: torch.Generator | None = None,
    forward: AbstractContextManager[object] | None = None,
) -> Float[Tensor, ""]:
    """The sum of a batch's weighted losses; their mean is that over `batch.total`.

    Without gradients a large batch passes through the network in parts, with the same sum to the
    bit: that of all losses at once.

    Args:
        network: in training mode or not.
        batch: sequences with their truth.
        masks: where dropout masks come from; None is PyTorch's global generator.
        forward: open during the forward pass alone.
    """
    if torch.is_grad_enabled() and isinstance(batch, Batch):
        return _losses(network, batch, masks, forward).sum()
    size = AT_ONCE.get(batch.total.device.type, AT_ONCE_ELSEWHERE)
    losses = [
        _losses(network, batch.part(slice(k, k + size)), masks, forward)
        for k in range(0, len(batch), size)
    ]
    return (torch.cat(losses) if len(losses) > 1 else losses[0]).sum()


def _losses(
    network: Network,
    batch: Batch,
    masks: torch.Generator | None,
    forward: AbstractContextManager[object] | None,
) -> Float[Tensor, "batch time horizons"]:
    """The weighted loss of every step and horizon."""
    with forward or nullcontext():
        params, _ = network(batch.features, batch.scale, symbols=batch.symbols, generator=masks)
    losses: Tensor = network.head.loss(params, batch.targets)
    return losses * batch.weight
