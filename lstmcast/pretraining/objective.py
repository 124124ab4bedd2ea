"""What a pretrained network is judged by, in training and on markets that are held out.

The loss is the negative log density of the next session's return, averaged over all its draws, and
half the mean of that of the returns over further horizons. The head keeps the latter away from what
it says of the next session, except through the LSTM that both read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lstmcast.nn import Network, build_network
from lstmcast.nn.heads.student_t import student_t_nll
from lstmcast.pretraining.panel import SimulatedPanel
from lstmcast.pretraining.settings import BURN_IN, HORIZONS
from lstmcast.pretraining.supply import Inputs

FURTHER_WEIGHT = 0.5
"""What the further horizons count beside the next session."""

_MARKETS_AT_ONCE = 32

_DEGREES = (2.2, 2.6, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 50.0)
_ITERATIONS = 12


@dataclass(frozen=True)
class HeldOutLoss:
    """Mean negative log density, in nats a forecast, of returns in percent.

    Args:
        next_session: of the next session's return, over all its draws.
        further: of the returns over each further horizon.
    """

    next_session: float
    further: tuple[float, ...]

    def to_dict(self) -> dict[str, float]:
        """By the horizons in sessions."""
        return {
            str(h): loss
            for h, loss in zip(HORIZONS, (self.next_session, *self.further), strict=True)
        }


def new_network(columns: int, hidden_size: int, seed: int | None = None) -> Network:
    """A network before its pretraining: it says EWMA volatility with fat tails.

    Args:
        columns: that it reads.
        hidden_size: units of its LSTM.
        seed: of its first weights; None where other weights take their place.
    """
    return build_network(
        "lstm",
        "student_t",
        input_size=columns,
        horizons=HORIZONS,
        hidden_size=hidden_size,
        skip_connection=True,
        generator=torch.Generator().manual_seed(seed or 0),
    )


def losses(
    network: Network,
    inputs: Float[Tensor, "n rows columns"],
    scale: Float[Tensor, "n rows"],
    next_returns: Float[Tensor, "n rows draws"],
    cumulated: Float[Tensor, "n rows horizons"],
) -> tuple[Float[Tensor, ""], Float[Tensor, " further"]]:
    """Mean losses of the next session and of each further horizon.

    Args:
        network: with a head of `HORIZONS`.
        inputs: scaled features.
        scale: slow volatility in percent.
        next_returns: the next session's return in percent, as it came and drawn again; NaN where
            it is no target.
        cumulated: return over each horizon in percent, NaN where it is not known.
    """
    said, _ = network(inputs, scale)
    df, loc, width = (values[:, BURN_IN:] for values in (said.df, said.loc, said.scale))
    next_returns, cumulated = next_returns[:, BURN_IN:], cumulated[:, BURN_IN:, 1:]
    next_session = _masked(next_returns, df[..., :1], loc[..., :1], width[..., :1])
    further = _masked(cumulated, df[..., 1:], loc[..., 1:], width[..., 1:])
    return (
        next_session.sum() / torch.isfinite(next_returns).sum(),
        further.sum((0, 1)) / torch.isfinite(cumulated).sum((0, 1)),
    )


def _masked(truth: Tensor, df: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """Negative log densities, 0 where the truth is not known."""
    known = torch.isfinite(truth)
    return torch.where(known, student_t_nll(torch.where(known, truth, 0.0), df, loc, scale), 0.0)


class HeldOut:
    """Markets that no network is trained on.

    Args:
        panel: their features and truths.
        inputs: how networks read them.
        device: where networks are.
    """

    def __init__(self, panel: SimulatedPanel, inputs: Inputs, device: torch.device) -> None:
        self.panel = panel
        parts = (inputs.scaled(panel.features), panel.scale, panel.next_returns, panel.cumulated)
        self._parts: Sequence[Tensor] = [part.to(device) for part in parts]

    @torch.no_grad()
    def loss(self, network: Network) -> HeldOutLoss:
        """The losses of a network."""
        next_session, further, markets = (
            0.0,
            torch.zeros(len(HORIZONS) - 1),
            len(self.panel.features),
        )
        for part in zip(*(values.split(_MARKETS_AT_ONCE) for values in self._parts), strict=True):
            found = losses(network, *part)
            next_session += float(found[0]) * len(part[0]) / markets
            further += found[1].cpu() * len(part[0]) / markets
        return HeldOutLoss(next_session, tuple(further.tolist()))

    def known_volatility(self) -> float:
        """The next session's loss of one who knows the simulator's volatility before each session.

        What a session makes of it is the Student-t distribution that fits each market best in
        hindsight. Reports and the drift are not known, so this is no strict bound.
        """
        volatility = self.panel.volatility[:, BURN_IN:, None]
        z = (self.panel.next_returns[:, BURN_IN:] / volatility).flatten(1)
        known = torch.isfinite(z)
        best = torch.full((len(z),), math.inf)
        for df in _DEGREES:
            scale = _student_t_scale(z, df)
            nll = _masked(z, torch.tensor(df), torch.tensor(0.0), scale[:, None])
            best = torch.minimum(best, nll.sum(1))
        unit = (volatility.log().expand_as(self.panel.next_returns[:, BURN_IN:])).flatten(1)
        total = best.sum() + torch.where(known, unit, 0.0).sum()
        return float(total / known.sum())


def _student_t_scale(z: Float[Tensor, "n values"], df: float) -> Float[Tensor, " n"]:
    """The likeliest scale of each row, by expectation and maximisation (Lange et al. 1989)."""
    square = z.square()
    variance = square.nanmean(1).clamp(min=1e-6)
    for _ in range(_ITERATIONS):
        weights = (df + 1) / (df + square / variance[:, None])
        variance = (weights * square).nanmean(1).clamp(min=1e-6)
    return variance.sqrt()
