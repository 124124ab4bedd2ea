"""A Student-t distribution for each horizon: the default head.

Daily returns have fatter tails than a normal distribution even when their volatility is known. With
location m, scale s and n degrees of freedom the density of a return y is

    p(y) = G((n + 1) / 2) / (G(n / 2) sqrt(n pi) s) * (1 + ((y - m) / s)^2 / n)^(-(n + 1) / 2)

with G the gamma function; its variance is s^2 n / (n - 2). The network's three functions of the
state are the location, the width and the degrees of freedom:

- The location stays near zero by its prior and the width grows with the horizon: see
  `term_structure`.
- The degrees of freedom lie between 2.5 and 50. Below 2 the variance is infinite and just above it
  meaningless; above 50 the distribution is normal for every purpose here. Sums of returns have
  thinner tails than their parts, so they grow with the horizon h: the raw value rises by
  g * log h, with one learned g >= 0 for all origins.
- The scale is not the width itself but width * c(n), c(n) = 1 / (1 + 1.25 / n + 3 / n^2), and close
  to it c(n) is 1.96 over the 97.5 % quantile of the distribution with s = 1. Thus "width" is what a
  95 % range of a normal distribution would need. It has two advantages: a gradient that makes the
  tails fatter does not move the range as a whole, and a range that grows in width while its tails
  become thinner still grows, at every level up to 95 %. (c falls a little more steeply than the
  quantile rises, over the whole range of n; a test holds that.)
"""

import math
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lstmcast.nn.heads.base import Head
from lstmcast.nn.heads.term_structure import TermStructure, detach_further_horizons

MIN_DF, MAX_DF = 2.5, 50.0
FIRST_DF = 6.0
FIRST_TAIL_GROWTH = 0.3

Number = TypeVar("Number", float, Tensor)


class StudentTParams(NamedTuple):
    """Degrees of freedom, location and scale of each return; the last two in the target's unit."""

    df: Float[Tensor, "batch time horizons"]
    loc: Float[Tensor, "batch time horizons"]
    scale: Float[Tensor, "batch time horizons"]


def degrees_of_freedom(raw: Tensor) -> Tensor:
    """Map any number to `MIN_DF`..`MAX_DF`."""
    return MIN_DF + (MAX_DF - MIN_DF) * torch.sigmoid(raw)


def raw_of_df(df: float) -> float:
    """The raw output that `degrees_of_freedom` maps to `df`."""
    share = (df - MIN_DF) / (MAX_DF - MIN_DF)
    return math.log(share / (1.0 - share))


def width_to_scale(df: Number) -> Number:
    """The scale of a Student-t distribution of width 1: see the module's text."""
    return 1.0 / (1.0 + 1.25 / df + 3.0 / df**2)


def log_width_of_unit_deviation(df: float) -> float:
    """Log of the width at which the standard deviation is 1."""
    return math.log(math.sqrt((df - 2.0) / df) / width_to_scale(df))


def student_t_nll(y: Tensor, df: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """Negative log density of `y`, elementwise with broadcasting."""
    z = (y - loc) / scale
    constant = torch.lgamma(0.5 * df) - torch.lgamma(0.5 * (df + 1.0))
    constant = constant + 0.5 * torch.log(df * math.pi) + torch.log(scale)
    return constant + 0.5 * (df + 1.0) * torch.log1p(z.square() / df)


class StudentTHead(Head):
    """Forecasts a Student-t distribution; trained on its negative log density.

    Before training the forecast for the next session has the EWMA volatility as its standard
    deviation and six degrees of freedom.
    """

    name = "student_t"
    is_distribution = True
    names = StudentTParams._fields

    def __init__(self, hidden_size: int, horizons: tuple[int, ...], symbols: int = 0) -> None:
        super().__init__(hidden_size, horizons, symbols)
        self.terms = TermStructure(horizons)
        self.long_run_outputs = self.terms.long_run_outputs
        self.location_outputs = self.terms.location_outputs
        self.log_width = log_width_of_unit_deviation(FIRST_DF)
        self.raw_tail_growth = nn.Parameter(torch.tensor(math.log(math.expm1(FIRST_TAIL_GROWTH))))

    def first_raw(self) -> list[float]:
        """The term structure's, and six degrees of freedom."""
        return [*TermStructure.first_raw(self.horizons), raw_of_df(FIRST_DF)]

    def forward(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        scale: Float[Tensor, "batch time"],
        symbols: Int[Tensor, " batch"] | None = None,
    ) -> StudentTParams:
        """Degrees of freedom, location and scale for every origin and horizon."""
        raw = self.raw(hidden, scale, symbols)
        loc, width = self.terms(raw[..., :-1], scale)
        growth = nn.functional.softplus(self.raw_tail_growth)
        tails = (
            detach_further_horizons(self.horizons, raw[..., -1])
            + growth * self.terms.horizons.log()
        )
        df = degrees_of_freedom(tails)
        return StudentTParams(df, loc, width * math.exp(self.log_width) * width_to_scale(df))

    def loss(
        self, params: StudentTParams, target: Float[Tensor, "batch time horizons"]
    ) -> Float[Tensor, "batch time horizons"]:
        """The negative log density of the target."""
        return student_t_nll(target, params.df, params.loc, params.scale)
