"""Fitting the direct path first: the linear model that every member of a group begins as.

A head that reads the features themselves is, before the LSTM says anything, a linear model of a few
dozen weights. It has one best fit, found in a fraction of a second, where stochastic steps would
wander about it for many epochs while the LSTM already fits noise. All members share it.
"""

import torch
from torch import Tensor

from lstmcast.nn import Network
from lstmcast.training.batches import DevicePanel
from lstmcast.training.device import one_thread_each

PENALTY = 1e-2
"""Weight of the squared coefficients, in units of the mean loss: chosen on validation rows."""

ITERATIONS = 30

MOST_OUTCOMES = 400_000
"""Rows times horizons that are fitted at the most; larger panels are thinned evenly."""


def fit_direct_path(network: Network, panel: DevicePanel) -> dict[str, Tensor]:
    """The head's weights with the direct path fitted to the training origins, the rest untouched.

    Minimises the training loss plus a ridge penalty by L-BFGS, with the body's units at zero.

    Args:
        network: a new network with a direct path; it is not changed.
        panel: where the training origins are.

    Returns:
        The head's state, for every member to begin with.

    Source: Liu and Nocedal (1989), On the limited memory BFGS method.
    """
    network = network.to(panel.device)
    head = network.head
    horizons = panel.targets.shape[1]
    thinning = -(-len(panel.origins) * horizons // MOST_OUTCOMES)
    rows = panel.origins[::thinning].to(panel.device)
    features = panel.features[rows].unsqueeze(0)
    units = features.new_zeros(1, len(rows), network.body.output_size)
    inputs = torch.cat([units, features], dim=-1)
    scale, targets = panel.scale[rows].unsqueeze(0), panel.targets[rows].unsqueeze(0)
    optimiser = torch.optim.LBFGS(
        head.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        optimiser.zero_grad()
        losses = head.loss(head(inputs, scale), targets).mean(dim=(0, 1))
        # In proportion to the first weight, so that more horizons do not shrink the next session's.
        penalty = PENALTY * panel.horizon_weights[0] * head.weight.square().sum()
        loss = (losses * panel.horizon_weights).sum() + penalty
        loss.backward()
        return loss

    with one_thread_each():
        optimiser.step(objective)
    return {name: value.detach().clone() for name, value in head.state_dict().items()}
