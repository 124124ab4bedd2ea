"""How much each horizon counts in the loss."""

import torch
from jaxtyping import Float
from torch import Tensor


def horizon_weights(horizon: int) -> Float[Tensor, " horizons"]:
    """Weights that fall with the horizon, summing to 1: the next session counts most.

    Returns over overlapping spans repeat one another: 20 of them hold little more than the news of
    one session each. Equal weights would let the long horizons drown the first.
    """
    steps = torch.arange(1, horizon + 1, dtype=torch.float32)
    weights = 1 / steps
    return weights / weights.sum()
