"""How a forecast grows with its horizon: where the return drifts and how wide its range is.

Volatility that is high today falls back over weeks, volatility that is low rises. So the variance
of the k-th session ahead is written as a path from a near to a far value,

    v_k = far + (near - far) * decay^(k - 1),         0 < decay < 1,

and a return over h sessions has the sum of the first h of them,

    v_1 + ... + v_h = h * far + (near - far) * (1 - decay^h) / (1 - decay),

which is how GARCH(1,1) forecasts over several sessions (Engle and Bollerslev 1986), with near, far
and decay now functions of the network's state. Every v_k is positive, so the width grows with each
session, for any weights: a fan that narrows cannot be expressed. Three numbers an origin carry
60 horizons as well as 5, and horizon 1 depends on the near value alone.

What is near is learned from the next session alone: no gradient of a longer horizon reaches it
(`next_teaches`). Returns over overlapping spans repeat one another, and left to pull at the near
value they cost the next session more than they gain; they have far and decay to themselves.

The location has the same form with drifts in place of variances and one tenth of the volatility as
its unit. That is a prior: the mean of a stock's return is near zero, and a network that pulled it
far away would be fitting noise.
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
"""From gone the session after to a half-life of 138 sessions, when near and far blend."""

FIRST_DECAY = 3.0
"""Raw decay before training: a half-life of 12 sessions."""


def cumulated(
    near: Float[Tensor, "batch time #horizons"],
    far: Float[Tensor, "batch time 1"],
    decay: Float[Tensor, "batch time 1"],
    horizons: Float[Tensor, " horizons"],
) -> Float[Tensor, "batch time horizons"]:
    """Sum over the sessions up to each horizon of a path that goes from `near` to `far`."""
    # decay^h as exp(h log decay): a power with a gradient costs several times as much.
    sessions = (1.0 - torch.exp(horizons * decay.log())) / (1.0 - decay)
    return far * horizons + (near - far) * sessions


def bounded(raw: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """A log factor that is `raw` near zero and never leaves +-`MAX_LOG_FACTOR`."""
    return MAX_LOG_FACTOR * torch.tanh(raw / MAX_LOG_FACTOR)


def unbounded(log_factor: float) -> float:
    """The raw value that `bounded` maps to `log_factor`."""
    return MAX_LOG_FACTOR * math.atanh(log_factor / MAX_LOG_FACTOR)


def next_alone(horizons: tuple[int, ...]) -> bool:
    """Whether the next session is one horizon of several, and so teaches the near end alone."""
    return horizons[0] == 1 and len(horizons) > 1


def next_teaches(
    horizons: tuple[int, ...], near: Float[Tensor, "batch time"]
) -> Float[Tensor, "batch time #horizons"]:
    """`near` for every horizon, with a gradient from the next session alone.

    Where the next session is not among the horizons, all of them teach.
    """
    near = near.unsqueeze(-1)
    if not next_alone(horizons):
        return near
    others = near.detach().expand(*near.shape[:-1], len(horizons) - 1)
    return torch.cat([near, others], dim=-1)


class TermStructure(nn.Module):
    """Location and width of the return over each horizon, from a few raw outputs.

    For horizon 1 alone there are two raw outputs, near drift and near log width; otherwise three
    more, far drift, far log width and decay.

    Args:
        horizons: sessions ahead, in increasing order.
    """

    horizons: Tensor

    def __init__(self, horizons: tuple[int, ...]) -> None:
        super().__init__()
        self.sessions = horizons
        self.only_next = horizons == (1,)
        # Raw outputs by what they do, for `Head.far` and `Head.drifts`.
        self.far = (2, 3, 4) if next_alone(horizons) else ()
        self.drifts = (0,) if self.only_next else (0, 2)
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

        The width is a factor of `scale` times the root of the horizon when near and far agree; it
        increases with the horizon in every case.
        """
        unit = scale.unsqueeze(-1)
        near_drift, near_width, *rest = raw.unbind(dim=-1)
        near_width = bounded(near_width)
        if self.only_next:
            return (
                LOCATION_UNIT * unit * near_drift.unsqueeze(-1),
                unit * near_width.exp().unsqueeze(-1),
            )
        far_drift, far_width, decay = (values.unsqueeze(-1) for values in rest)
        decay = MIN_DECAY + (MAX_DECAY - MIN_DECAY) * torch.sigmoid(decay)
        near_drift = next_teaches(self.sessions, near_drift)
        drift = cumulated(near_drift, far_drift, decay, self.horizons)
        near_variance = next_teaches(self.sessions, (2 * near_width).exp())
        far_variance = (2 * bounded(far_width)).exp()
        variance = cumulated(near_variance, far_variance, decay, self.horizons)
        return LOCATION_UNIT * unit * drift, unit * variance.sqrt()
