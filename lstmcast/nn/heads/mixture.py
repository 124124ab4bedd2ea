"""A mixture of two Student-t distributions for each horizon: ordinary days and wild ones.

One component is the ordinary day, the other a wider one, with a weight of its own at each origin:
an earnings day ahead raises the weight of the wide component without widening the ordinary one. The
wide component may lean to one side, which makes the whole skew. The density is

    p(y) = w_1 t(y; n_1, m_1, s_1) + w_2 t(y; n_2, m_2, s_2),    w_2 < 1/2,  width_2 > width_1.

Within a forecast the horizon changes the width and the location only (see `term_structure`), so the
mixture at horizon h is a stretched copy of the one at horizon 1 and every range widens.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lstmcast.nn.heads.base import Head
from lstmcast.nn.heads.student_t import (
    degrees_of_freedom,
    raw_of_df,
    student_t_nll,
    width_to_scale,
)
from lstmcast.nn.heads.term_structure import TermStructure, bounded, unbounded

FIRST_DF = 8.0
FIRST_WIDE_WEIGHT = 0.2
FIRST_WIDTH_RATIO = 2.0
MAX_LEAN = 0.5
"""The wide component's centre moves by up to half its width."""


class MixtureParams(NamedTuple):
    """Weights (adding up to 1), degrees of freedom, locations and scales of the two components."""

    weight: Float[Tensor, "batch time horizons components"]
    df: Float[Tensor, "batch time horizons components"]
    loc: Float[Tensor, "batch time horizons components"]
    scale: Float[Tensor, "batch time horizons components"]


def first_log_width() -> float:
    """Log of the narrow width at which the untrained mixture has a standard deviation of 1."""
    spread = 1.0 + FIRST_WIDE_WEIGHT * (FIRST_WIDTH_RATIO**2 - 1.0)
    variance = spread * width_to_scale(FIRST_DF) ** 2 * FIRST_DF / (FIRST_DF - 2.0)
    return -0.5 * math.log(variance)


class StudentTMixtureHead(Head):
    """Forecasts a mixture of two Student-t distributions; trained on its negative log density.

    Before training the wide component has a weight of 0.2 and twice the width, and the whole has
    the EWMA volatility as its standard deviation, growing with the root of the horizon.
    """

    name = "mixture"
    is_distribution = True
    names = MixtureParams._fields

    def __init__(self, hidden_size: int, horizons: tuple[int, ...], symbols: int = 0) -> None:
        super().__init__(hidden_size, horizons, symbols)
        self.terms = TermStructure(horizons)
        self.long_run_outputs = self.terms.long_run_outputs
        self.location_outputs = self.terms.location_outputs
        self.log_width = first_log_width()

    def first_raw(self) -> list[float]:
        """The term structure's; then weight, width ratio, lean, and two degrees of freedom."""
        share = 2.0 * FIRST_WIDE_WEIGHT
        weight = unbounded(math.log(share / (1.0 - share)))
        ratio = unbounded(math.log(FIRST_WIDTH_RATIO - 1.0))
        shape = [weight, ratio, 0.0, *2 * [raw_of_df(FIRST_DF)]]
        return TermStructure.first_raw(self.horizons) + shape

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        scale: Float[Tensor, "batch time"],
        symbols: Int[Tensor, " batch"] | None = None,
    ) -> MixtureParams:
        """The two components for every origin and horizon; the narrow one comes first."""
        raw = self.raw(hidden, scale, symbols)
        loc, width = self.terms(raw[..., :-5], scale)
        weight, ratio, lean, *df = raw[..., -5:].unsqueeze(-2).unbind(dim=-1)
        wide_weight = 0.5 * torch.sigmoid(bounded(weight)).expand_as(width)
        narrow = width * math.exp(self.log_width)
        wide = narrow * (1.0 + bounded(ratio).exp())
        dfs = degrees_of_freedom(torch.stack(df, dim=-1)).expand(*width.shape, 2)
        return MixtureParams(
            weight=torch.stack([1.0 - wide_weight, wide_weight], dim=-1),
            df=dfs,
            loc=torch.stack([loc, loc + MAX_LEAN * torch.tanh(lean) * wide], dim=-1),
            scale=torch.stack([narrow, wide], dim=-1) * width_to_scale(dfs),
        )

    def loss(
        self, params: MixtureParams, target: Float[Tensor, "batch time horizons"]
    ) -> Float[Tensor, "batch time horizons"]:
        """The negative log density of the target."""
        each = student_t_nll(target.unsqueeze(-1), params.df, params.loc, params.scale)
        return -torch.logsumexp(params.weight.log() - each, dim=-1)
