"""Fitting the direct path first: the linear model that members of a group begin as.

A head that reads the features themselves is, before the LSTM says anything, a linear model of a few
dozen weights. It has one best fit, found in a fraction of a second, where stochastic steps would
wander about it for many epochs while the LSTM already fits noise. All members share it.
"""

import torch
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from lstmcast.distributions import FloatArray
from lstmcast.nn import Network
from lstmcast.nn.heads import Head
from lstmcast.training.device import one_thread_each
from lstmcast.training.device_panel import DevicePanel

PENALTY = 1e-2
"""Weight of the squared coefficients, in units of the mean loss: chosen on validation rows."""

DRIFT = 30.0
"""How many times that for the location, of which the features say next to nothing."""

PENALTY_OF_OFFSETS = 1e-2
"""The same for what is a symbol's own, as a share of its part in the mean loss."""

ITERATIONS = 50

LEAST_CHANGE = 1e-7
"""Change of the loss at which the fit has arrived."""

REMEMBERED = 30
"""Steps from which L-BFGS learns how the loss is curved: dozens of weights have many ways."""

MOST_OUTCOMES = 400_000
"""Rows times horizons that are fitted at the most; larger panels are thinned evenly."""


def fit_direct_path(network: Network, panel: DevicePanel) -> dict[str, Tensor]:
    """The head's weights with the direct path fitted to the training origins, the rest untouched.

    Minimises the training loss plus a ridge penalty by L-BFGS, with the body's units at zero.

    Args:
        network: a new network with a direct path, for the panel's horizons; it is not changed.
        panel: where the training origins are.

    Returns:
        The head's state, for every member to begin with.
    """
    network = network.to(panel.device)
    head, size = network.head, network.body.output_size
    rows = thinned(panel.origins, panel.targets.shape[1], MOST_OUTCOMES).to(panel.device)
    features = panel.features[rows]
    inputs = torch.cat([features.new_zeros(len(rows), size), features], dim=-1)
    free = torch.zeros_like(head.weight, dtype=torch.bool)
    free[:, size:] = True
    with one_thread_each():
        fit_head(head, panel, rows, inputs, free)
    return {name: value.detach().clone() for name, value in head.state_dict().items()}


def thinned(rows: Tensor, horizons: int, most: int) -> Tensor:
    """Every k-th row, so that rows times horizons are `most` at the most."""
    return rows[:: -(-len(rows) * horizons // most)]


def fit_head(
    head: Head,
    panel: DevicePanel,
    rows: Tensor,
    inputs: Float[Tensor, "rows inputs"],
    free: Bool[Tensor, "raw inputs"],
    *,
    penalty: float = PENALTY,
    iterations: int = ITERATIONS,
) -> None:
    """Fit some of a head's weights, in place, to what came true after the rows.

    The gradient must be that of one function of the free weights: what `next_teaches` keeps from
    them must be held, or the line search gives up after a few steps.

    Args:
        head: whose weights.
        panel: truth and scale; its weights of the horizons.
        rows: rows of the panel, on its device.
        inputs: what the head reads there.
        free: weights that may change; the bias of a raw output may where one of its weights may.
        penalty: weight of the squared coefficients.
        iterations: of L-BFGS at the most.

    Source: Liu and Nocedal (1989), On the limited memory BFGS method.
    """
    # Each row is a sequence of one step: a sequence has one symbol.
    inputs, scale, targets = (
        values.unsqueeze(1) for values in (inputs, panel.scale[rows], panel.targets[rows])
    )
    symbols, known = panel.symbols_at(rows), panel.known[rows]
    weights = panel.horizon_weights * known / known.sum(dim=0).clamp(min=1)
    penalties = torch.full_like(head.bias, penalty)
    penalties[list(head.drifts)] *= DRIFT
    penalties = penalties.unsqueeze(-1) * free
    rows_free = free.any(dim=1)
    taught = {head.weight: free, head.bias: rows_free}
    if head.offsets is not None:
        head.offsets.requires_grad_(True)
        taught[head.offsets] = rows_free.expand_as(head.offsets)
    parameters = list(head.parameters())
    begin = parameters_to_vector(parameters).detach()

    def put(values: FloatArray) -> None:
        # MPS knows no double precision: change the type first.
        vector = torch.from_numpy(values).to(begin.dtype).to(begin.device)
        vector_to_parameters(vector, parameters)

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        put(values)
        losses = head.loss(head(inputs, scale, symbols), targets)[:, 0]
        loss = (losses * weights).sum() + (penalties * head.weight.square()).sum()
        if head.offsets is not None:
            loss = loss + PENALTY_OF_OFFSETS * head.offsets.square().sum() / len(panel.blocks)
        found = torch.autograd.grad(loss, parameters, materialize_grads=True)
        kept = [g * taught.get(p, 1.0) for p, g in zip(parameters, found, strict=True)]
        return float(loss.detach()), parameters_to_vector(kept).cpu().double().numpy()

    # PyTorch has an L-BFGS as well, but to make one loads the compiler of `torch.compile`, which
    # takes longer than all the fits of a training.
    fitted = minimize(
        objective,
        begin.cpu().double().numpy(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "ftol": LEAST_CHANGE, "gtol": 0.0, "maxcor": REMEMBERED},
    )
    put(fitted.x)
    if head.offsets is not None:
        head.offsets.requires_grad_(False)
