"""How a forecast grows with its horizon: the location and the width of the return.

Volatility that is high today falls back over weeks, volatility that is low rises. So the variance
of the k-th session ahead is written as a path from an initial to a long-run value,

    v_k = long_run + (initial - long_run) * decay^(k - 1),         0 < decay < 1,

and a return over h sessions has the sum of the first h of them,

    v_1 + ... + v_h = h * long_run + (initial - long_run) * (1 - decay^h) / (1 - decay),

which is how GARCH(1,1) forecasts over several sessions (Engle and Bollerslev 1986), with the
initial variance, the long-run variance and the decay now functions of the network's state. Every
v_k is positive, so the width grows with each session, for any weights: a fan that narrows cannot be
expressed. Three numbers an origin carry 60 horizons as well as 5, and horizon 1 depends on the
initial value alone.

The initial value is learned from the next session alone: no gradient of a longer horizon reaches it
(`detach_further_horizons`). Returns over overlapping spans repeat one another, and left to pull at
the initial value they cost the next session more than they gain; they have the long-run value and
the decay to themselves.

The location has the same form with drifts in place of variances and one tenth of the volatility as
its unit. That is a prior: the mean of a stock's return is close to zero, and a network that moved
it away from there would be fitting noise.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

LOCATION_UNIT = 0.1
"""What a raw location of 1 means, as a share of the session's volatility."""

MAX_LOG_FACTOR = 3.0
"""The session's width stays within exp(-3) to exp(3) times the EWMA volatility."""

MIN_DECAY, MAX_DECAY = 0.01, 0.995
"""From gone the session after to a half-life of 138 sessions, when both ends blend."""

FIRST_DECAY = 3.0
"""Raw decay before training: a half-life of 12 sessions."""


def cumulated(
    initial: Float[Tensor, "batch time #horizons"],
    long_run: Float[Tensor, "batch time 1"],
    decay: Float[Tensor, "batch time 1"],
    horizons: Float[Tensor, " horizons"],
) -> Float[Tensor, "batch time horizons"]:
    """Sum over the sessions up to each horizon of a path from `initial` to `long_run`."""
    # decay^h as exp(h log decay): a power with a gradient costs several times as much.
    sessions = (1.0 - torch.exp(horizons * decay.log())) / (1.0 - decay)
    return long_run * horizons + (initial - long_run) * sessions


def bounded(raw: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """A log factor that is `raw` near zero and never leaves +-`MAX_LOG_FACTOR`."""
    return MAX_LOG_FACTOR * torch.tanh(raw / MAX_LOG_FACTOR)


def unbounded(log_factor: float) -> float:
    """The raw value that `bounded` maps to `log_factor`."""
    return MAX_LOG_FACTOR * math.atanh(log_factor / MAX_LOG_FACTOR)


def has_long_run(horizons: tuple[int, ...]) -> bool:
    """Whether the next session is one horizon of several: it alone teaches the initial values."""
    return horizons[0] == 1 and len(horizons) > 1


def detach_further_horizons(
    horizons: tuple[int, ...], initial: Float[Tensor, "batch time"]
) -> Float[Tensor, "batch time #horizons"]:
    """`initial` for every horizon, with a gradient from the next session alone.

    Where the next session is not among the horizons, all of them teach.
    """
    initial = initial.unsqueeze(-1)
    if not has_long_run(horizons):
        return initial
    others = initial.detach().expand(*initial.shape[:-1], len(horizons) - 1)
    return torch.cat([initial, others], dim=-1)


class TermStructure(nn.Module):
    """Location and width of the return over each horizon, from a few raw outputs.

    For horizon 1 alone there are two raw outputs, initial drift and initial log width; otherwise
    three more, long-run drift, long-run log width and decay.

    Args:
        horizons: sessions ahead, in increasing order.
    """

    horizons: Tensor

    def __init__(self, horizons: tuple[int, ...]) -> None:
        super().__init__()
        self.sessions = horizons
        self.only_next = horizons == (1,)
        self.long_run_outputs = (2, 3, 4) if has_long_run(horizons) else ()
        self.location_outputs = (0,) if self.only_next else (0, 2)
        self.register_buffer(
            "horizons", torch.tensor(horizons, dtype=torch.get_default_dtype()), persistent=False
        )

    @staticmethod
    def first_raw(horizons: tuple[int, ...]) -> list[float]:
        """Raw outputs before training: no drift and EWMA volatility, at every horizon."""
        return [0.0, 0.0] if horizons == (1,) else [0.0, 0.0, 0.0, 0.0, FIRST_DECAY]

    def forward(
        self, raw: Float[Tensor, "batch time raw"], scale: Float[Tensor, "batch time"]
    ) -> tuple[Float[Tensor, "batch time horizons"], Float[Tensor, "batch time horizons"]]:
        """Location and width for each horizon, in the unit of `scale`.

        The width is a factor of `scale` times the root of the horizon when the initial and the
        long-run value agree; it increases with the horizon in every case.
        """
        unit = scale.unsqueeze(-1)
        initial_drift, initial_width, *rest = raw.unbind(dim=-1)
        initial_width = bounded(initial_width)
        if self.only_next:
            return (
                LOCATION_UNIT * unit * initial_drift.unsqueeze(-1),
                unit * initial_width.exp().unsqueeze(-1),
            )
        long_run_drift, long_run_width, decay = (values.unsqueeze(-1) for values in rest)
        decay = MIN_DECAY + (MAX_DECAY - MIN_DECAY) * torch.sigmoid(decay)
        initial_drift = detach_further_horizons(self.sessions, initial_drift)
        drift = cumulated(initial_drift, long_run_drift, decay, self.horizons)
        initial_variance = detach_further_horizons(self.sessions, (2 * initial_width).exp())
        long_run_variance = (2 * bounded(long_run_width)).exp()
        variance = cumulated(initial_variance, long_run_variance, decay, self.horizons)
        return LOCATION_UNIT * unit * drift, unit * variance.sqrt()
