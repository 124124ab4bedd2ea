"""Fitting a head's weights at once, around a start from which they should not stray without need.

The head is linear in what it reads, so its weights have one best fit, found by L-BFGS in a fraction
of a second, where stochastic steps would wander about it for many epochs while the LSTM already
fits noise. What is minimised is

    mean loss of the training rows + sum over weights of ((w - start) / deviation)^2 / (2 rows),

the most probable weights where those of a market lie around the start with the given standard
deviations (MAP with a Gaussian prior). So a few rows move the head a little and many move it far:
nobody has to choose how much a short history may teach.

Source: Liu and Nocedal (1989), On the limited memory BFGS method; the pull towards a start: Li,
Grandvalet and Davoine (2018), Explicit inductive bias for transfer learning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from lstmcast.calibration.series import MapFunction, sequential_map
from lstmcast.distributions import FloatArray
from lstmcast.nn.heads import Head

ITERATIONS = 60

LEAST_CHANGE = 1e-7
"""Change of the loss at which the fit has arrived."""

REMEMBERED = 30
"""Steps from which L-BFGS learns how the loss is curved: dozens of weights have many ways."""

ROWS_AT_ONCE = 2**15
"""Rows whose losses are computed at once on a CPU. Threads may share out what lies beyond; the
result does not depend on how many there are."""

MOST_OUTCOMES = 400_000
"""Rows times horizons that are fitted at the most; larger panels are thinned evenly."""


@dataclass(frozen=True)
class HeadPrior:
    """How far the weights of a market's head may lie from where they start: standard deviations.

    Args:
        units: of what reads the LSTM's units; 0 holds them.
        features: of what reads the features.
        bias: of the raw outputs' constants.
        offsets: of what each symbol has beyond what all have in common.
        location: what all of these are multiplied by for the location, which history says least of.
        rows: what share of a row each row counts: returns over overlapping spans repeat themselves.
        rows_exponent: all of these are multiplied by the rows, in thousands, to this power: a year
            of prices tells of that year; only many years, or symbols, tell what lasts.
    """

    units: float
    features: float
    bias: float
    offsets: float
    location: float = 0.3
    rows: float = 1.0
    rows_exponent: float = 0.5

    def at(self, rows: int) -> "HeadPrior":
        """The standard deviations for a number of rows."""
        return self.times((rows / 1000) ** self.rows_exponent)

    def times(self, factor: float) -> "HeadPrior":
        """All standard deviations multiplied by a factor."""
        names = ("units", "features", "bias", "offsets")
        return replace(self, **{name: factor * getattr(self, name) for name in names})


@dataclass(frozen=True)
class RowOutcomes:
    """Rows that are fitted and what came true after them.

    `scale` is in the unit of the targets; a target that is not known is finite all the same.
    `numbers` are those of the rows' symbols.
    """

    features: Float[Tensor, "rows columns"]
    scale: Float[Tensor, " rows"]
    targets: Float[Tensor, "rows horizons"]
    known: Bool[Tensor, "rows horizons"]
    numbers: Int[Tensor, " rows"]
    horizon_weights: Float[Tensor, " horizons"]

    def symbols_at(self, rows: Int[Tensor, " rows"], /) -> Int[Tensor, " rows"]:
        """The number of the symbol that each row belongs to."""
        return self.numbers[rows]

    def next_session(self) -> "RowOutcomes":
        """The same rows with the first horizon alone."""
        return replace(
            self,
            targets=self.targets[:, :1],
            known=self.known[:, :1],
            horizon_weights=torch.ones(1),
        )


def thinned(rows: Tensor, horizons: int, most: int = MOST_OUTCOMES) -> Tensor:
    """Every k-th row, so that rows times horizons are `most` at the most."""
    return rows[:: max(1, -(-len(rows) * horizons // most))]


def fit_head(
    head: Head,
    outcomes: RowOutcomes,
    rows: Tensor,
    inputs: Float[Tensor, "rows inputs"],
    units: int,
    prior: HeadPrior,
    taught: Bool[Tensor, " raw"],
    start: Mapping[str, Tensor] | None = None,
    iterations: int = ITERATIONS,
    map_function: MapFunction = sequential_map,
) -> None:
    """Fit some of a head's raw outputs, in place, to what came true after the rows.

    The gradient must be that of one function of the free weights: what `detach_further_horizons`
    keeps from them must be held, or the line search gives up after a few steps.

    Args:
        head: whose weights.
        outcomes: truth and scale, and the weights of the horizons.
        rows: of the outcomes, on their device.
        inputs: what the head reads there: the LSTM's units, then the features.
        units: how many of the inputs are units.
        prior: how far the weights may go.
        taught: raw outputs whose weights, constants and offsets may change.
        start: state of the head that the prior is around; as it is if None.
        iterations: of L-BFGS at the most.
        map_function: applies a function to many portions of rows, in threads where that is wanted.
    """
    # Costs a fifth of a second, which a forecast need not wait for.
    from scipy.optimize import minimize

    # Each row is a sequence of one step: a sequence has one symbol.
    inputs, scale, targets = (
        values.unsqueeze(1) for values in (inputs, outcomes.scale[rows], outcomes.targets[rows])
    )
    symbols, known = outcomes.symbols_at(rows), outcomes.known[rows]
    weights = outcomes.horizon_weights * known / known.sum(dim=0).clamp(min=1)
    centre = {name: value.detach().clone() for name, value in (start or head.state_dict()).items()}
    deviations = _deviations(head, units, prior.at(len(rows)), taught)
    if head.offsets is not None:
        head.offsets.requires_grad_(True)
    parameters = [getattr(head, name) for name in deviations]
    pulls = [
        torch.where(sd > 0, 0.5 / sd.square(), 0.0) / (len(rows) * prior.rows)
        for sd in deviations.values()
    ]
    free = [(sd > 0).float() for sd in deviations.values()]
    begin = parameters_to_vector(parameters).detach()

    def put(values: FloatArray) -> None:
        # MPS knows no double precision: change the type first.
        vector = torch.from_numpy(values).to(begin.dtype).to(begin.device)
        vector_to_parameters(vector, parameters)

    def portion(part: slice) -> tuple[float, FloatArray]:
        """The loss of some rows, that of the prior with the first ones, and the gradient."""
        losses = head.loss(head(inputs[part], scale[part], symbols[part]), targets[part])[:, 0]
        loss = (losses * weights[part]).sum()
        if part.start == 0:
            for parameter, pull, name in zip(parameters, pulls, deviations, strict=True):
                loss = loss + (pull * (parameter - centre[name]).square()).sum()
        found = torch.autograd.grad(loss, parameters, materialize_grads=True)
        kept = [gradient * mask for gradient, mask in zip(found, free, strict=True)]
        return float(loss.detach()), parameters_to_vector(kept).cpu().double().numpy()

    size = ROWS_AT_ONCE if inputs.device.type == "cpu" else len(rows)
    parts = [slice(first, first + size) for first in range(0, len(rows), size)]

    def objective(values: FloatArray) -> tuple[float, FloatArray]:
        put(values)
        losses, gradients = zip(*map_function(portion, parts), strict=True)
        return sum(losses), np.sum(gradients, axis=0)

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


def _deviations(
    head: Head, units: int, prior: HeadPrior, taught: Bool[Tensor, " raw"]
) -> dict[str, Tensor]:
    """The prior's standard deviation of every weight of the head; 0 for those that are held."""
    share = taught.to(head.weight)
    share[list(head.location_outputs)] *= prior.location
    weight = torch.empty_like(head.weight)
    weight[:, :units] = prior.units
    weight[:, units:] = prior.features
    found = {"weight": weight * share[:, None], "bias": prior.bias * share}
    if head.offsets is not None:
        offsets = (prior.offsets * share).expand_as(head.offsets).clone()
        # The last row is that of symbols which were not in training.
        offsets[-1] = 0.0
        found["offsets"] = offsets
    return found
