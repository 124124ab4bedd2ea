"""Quantiles for each horizon, with no assumption about the distribution's form, that cannot cross.

The 21 levels are 2.5 %, 5 % to 95 % by 5 %, and 97.5 %. The median is the location of the term
structure; from there outwards every quantile is the one before plus a positive gap,

    q_level = location + width * (sum of the gaps between the median and the level),
    gap = gap of the Student-t distribution that training starts from * exp(raw),

so for any weights a higher level has a higher quantile. The gaps are functions of the state (one
side may stretch and the other not) and the same for every horizon; the width grows with the horizon
(see `term_structure`), so every range widens.

Trained on twice the mean pinball loss, which over all levels would be the CRPS (Gneiting and
Raftery 2007), in units of the volatility over the horizon: otherwise wild symbols and wild years
would outweigh the rest.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.special import stdtrit
from torch import Tensor

from lstmcast.nn.heads.base import Head
from lstmcast.nn.heads.student_t import FIRST_DF
from lstmcast.nn.heads.term_structure import TermStructure, bounded

LEVELS: tuple[float, ...] = (0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975)
MEDIAN = LEVELS.index(0.5)


class QuantileParams(NamedTuple):
    """Quantiles at `LEVELS`, and the volatility over the horizon that the loss is measured in."""

    values: Float[Tensor, "batch time horizons levels"]
    unit: Float[Tensor, "batch time horizons"]


class QuantileHead(Head):
    """Forecasts quantiles that never cross; trained on the pinball loss of all of them.

    Before training they are the quantiles of a Student-t distribution with six degrees of freedom
    and the EWMA volatility as its standard deviation, growing with the root of the horizon.
    """

    name = "quantile"
    is_distribution = True
    names = QuantileParams._fields
    levels: Tensor
    first_gaps: Tensor

    def __init__(self, hidden_size: int, horizons: tuple[int, ...], symbols: int = 0) -> None:
        super().__init__(hidden_size, horizons, symbols)
        self.terms = TermStructure(horizons)
        self.long_run_outputs = self.terms.long_run_outputs
        self.location_outputs = self.terms.location_outputs
        deviation = math.sqrt((FIRST_DF - 2.0) / FIRST_DF)
        quantiles = [deviation * float(stdtrit(FIRST_DF, level)) for level in LEVELS]
        gaps = [high - low for low, high in pairwise(quantiles)]
        self.register_buffer("levels", torch.tensor(LEVELS), persistent=False)
        self.register_buffer("first_gaps", torch.tensor(gaps), persistent=False)

    def first_raw(self) -> list[float]:
        """The term structure's, and gaps as they are."""
        return TermStructure.first_raw(self.horizons) + [0.0] * (len(LEVELS) - 1)

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        scale: Float[Tensor, "batch time"],
        symbols: Int[Tensor, " batch"] | None = None,
    ) -> QuantileParams:
        """Quantiles in increasing order for every origin and horizon."""
        raw = self.raw(hidden, scale, symbols)
        split = raw.shape[-1] - len(LEVELS) + 1
        loc, width = self.terms(raw[..., :split], scale)
        gaps = self.first_gaps * bounded(raw[..., split:]).exp()
        below = gaps[..., :MEDIAN].flip(-1).cumsum(-1).flip(-1)
        above = gaps[..., MEDIAN:].cumsum(-1)
        offsets = torch.cat([-below, torch.zeros_like(above[..., :1]), above], dim=-1)
        values = loc.unsqueeze(-1) + width.unsqueeze(-1) * offsets.unsqueeze(-2)
        return QuantileParams(values, scale.unsqueeze(-1) * self.terms.horizons.sqrt())

    def loss(
        self, params: QuantileParams, target: Float[Tensor, "batch time horizons"]
    ) -> Float[Tensor, "batch time horizons"]:
        """Twice the pinball loss, averaged over the levels, in units of the volatility."""
        error = target.unsqueeze(-1) - params.values
        pinball = self.levels * error + torch.relu(-error)
        return 2.0 * pinball.mean(dim=-1) / params.unit
