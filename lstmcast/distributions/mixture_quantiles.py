"""Quantiles of many Student-t mixtures at many levels, fast and exact.

A pool of five networks states 21 quantiles for every test session and horizon: half a million
values of Student's distribution function for one symbol and one step of a root search, which take
seconds. Four ideas bring that down to a tenth of a second:

- The start is the weighted mean of the components' quantiles, read from a table. A pool's quantile
  is never far from it.
- The distribution function itself is computed at one level; from there to the next, the mixture's
  density is integrated by Gauss-Legendre quadrature, which costs a fraction. Between neighbouring
  levels the density is so smooth that six nodes give eleven digits; where it is not (a component
  much narrower than the step), the function itself is used.
- A step uses the density's first two derivatives, which are formulas, so its error falls with the
  fourth power (the series of the inverse function: Abramowitz and Stegun 1964, 3.6.25).
- A forecast has settled when the distribution function is at its levels, the last step was small
  and the quantiles are in order. A small step alone tells nothing: far from the root the series
  may end in zero. The others, such as mixtures of far-apart components, are left to a slower
  method.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions.base import FloatArray
from lstmcast.distributions.special import gammaln, gauss_legendre, stdtr, stdtrit

_NODES = 6
"""Of Gauss-Legendre quadrature between two levels."""

_ROUNDS = 5
_SMALL_STEP = 1e-4
"""A last step below this, in units of the narrowest scale, leaves an error around its fourth
power."""

_SMALL_ERROR = 1e-4
"""Error of the distribution function before the last step; on a root it is far smaller."""

_WIDEST_PANEL = 0.5
"""Half-width of a quadrature panel in units of the narrowest scale, where six nodes integrate a
normal density to 1e-12; less where fewer than four degrees of freedom bring the density's poles
nearer, at i sqrt(df) scales."""

_TABLE = np.linspace(1e-3, 1.0, 128)
"""1 / degrees of freedom at which standard quantiles are tabulated."""


@dataclass(frozen=True)
class MixtureArrays:
    """Components of mixtures: each array is `(components, *forecasts)`, the shares sum to 1."""

    df: FloatArray
    loc: FloatArray
    scale: FloatArray
    share: FloatArray

    def of(self, chosen: NDArray[np.bool_]) -> "MixtureArrays":
        """The mixtures of the chosen forecasts, `(components, chosen)`."""
        return MixtureArrays(
            self.df[:, chosen], self.loc[:, chosen], self.scale[:, chosen], self.share[:, chosen]
        )

    def height(self) -> FloatArray:
        """The value of each component's density at its own centre, times its share."""
        log_gamma = gammaln((self.df + 1) / 2) - gammaln(self.df / 2)
        peak: FloatArray = self.share * np.exp(log_gamma) / (np.sqrt(np.pi * self.df) * self.scale)
        return peak


def quick_quantiles(
    mixture: MixtureArrays, level: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Quantiles `(*forecasts, levels)`, and for which forecasts they are exact.

    Args:
        mixture: the components.
        level: `(levels,)` in increasing order.
    """
    root = _start(mixture, level)
    settled = np.zeros(root.shape[:-1], dtype=bool)
    narrowest = mixture.scale.min(axis=0)[..., None]
    pending = ~settled
    for _ in range(_ROUNDS):
        # Forecasts that do not settle may run off to infinity.
        with np.errstate(all="ignore"):
            step, newton, missing = _step(mixture.of(pending), root[pending], level)
            root[pending] += step
            # What is not a number is not small either.
            small = _SMALL_STEP * narrowest[pending]
            there = (np.abs(step) <= small) & (np.abs(newton) <= small)
            there &= np.abs(missing) <= _SMALL_ERROR
            ordered = (np.diff(root[pending], axis=-1) >= 0).all(axis=-1)
        settled[pending] = there.all(axis=-1) & ordered
        pending = ~settled
        if not pending.any():
            break
    return root, settled


def _start(mixture: MixtureArrays, level: FloatArray) -> FloatArray:
    """Weighted mean of the components' quantiles, by a table in 1 / df."""
    table = stdtrit(1 / _TABLE[:, None], level)
    position = (1 / mixture.df - _TABLE[0]) / (_TABLE[1] - _TABLE[0])
    position = np.clip(position, 0, len(_TABLE) - 1.001)
    below = position.astype(np.intp)
    share = (position - below)[..., None]
    z = table[below] * (1 - share) + table[below + 1] * share
    points = mixture.loc[..., None] + mixture.scale[..., None] * z
    mean: FloatArray = (mixture.share[..., None] * points).sum(axis=0)
    return mean


def _step(
    mixture: MixtureArrays, x: FloatArray, level: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How far the roots are from `x`, `(forecasts, levels)`.

    Returns:
        The distance to the fourth order, the same to the second (Newton's step), and by how much
        the distribution function at `x` is below the levels.
    """
    density, first, second = _density_with_derivatives(mixture, x)
    missing = level - _cdf(mixture, x)
    newton = missing / density
    curve = first / (2 * density)
    skew = (3 * first**2 - density * second) / (6 * density**2)
    step: FloatArray = newton * (1 - newton * (curve - newton * skew))
    return step, newton, missing


def _density_with_derivatives(
    mixture: MixtureArrays, x: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    density, first, second = (np.zeros_like(x) for _ in range(3))
    for df, loc, scale, height in zip(
        mixture.df, mixture.loc, mixture.scale, mixture.height(), strict=True
    ):
        n, s = df[:, None], scale[:, None]
        z = (x - loc[:, None]) / s
        square = z * z / n
        value = height[:, None] * np.exp(-(n + 1) / 2 * np.log1p(square))
        slope = -(n + 1) * z / (n * s * (1 + square))
        bend = -(n + 1) * (1 - square) / (n * s * s * (1 + square) ** 2)
        density += value
        first += value * slope
        second += value * (bend + slope * slope)
    return density, first, second


def _cdf(mixture: MixtureArrays, x: FloatArray) -> FloatArray:
    """The distribution function at `(forecasts, levels)` points, from one level to the next."""
    anchor = x.shape[-1] // 2
    half = np.diff(x, axis=-1) / 2
    reach = (mixture.scale * np.minimum(1, np.sqrt(mixture.df) / 2)).min(axis=0)
    smooth = (np.abs(half) <= _WIDEST_PANEL * reach[:, None]).all(axis=-1)
    cdf = np.empty_like(x)
    cdf[~smooth] = _exact_cdf(mixture.of(~smooth), x[~smooth])
    if not smooth.any():
        return cdf
    part = mixture.of(smooth)
    gained = _panels(part, x[smooth], half[smooth])
    middle = _exact_cdf(part, x[smooth][:, anchor : anchor + 1])
    upwards = np.cumsum(gained[:, anchor:], axis=-1)
    downwards = np.cumsum(gained[:, :anchor][:, ::-1], axis=-1)[:, ::-1]
    cdf[smooth] = np.concatenate([middle - downwards, middle, middle + upwards], axis=-1)
    return cdf


def _exact_cdf(mixture: MixtureArrays, x: FloatArray) -> FloatArray:
    total = np.zeros_like(x)
    for df, loc, scale, share in zip(
        mixture.df, mixture.loc, mixture.scale, mixture.share, strict=True
    ):
        total += share[:, None] * stdtr(df[:, None], (x - loc[:, None]) / scale[:, None])
    return total


def _panels(mixture: MixtureArrays, x: FloatArray, half: FloatArray) -> FloatArray:
    """Integrals of the density between neighbouring points, `(forecasts, levels - 1)`."""
    centre = x[:, :-1] + half
    total = np.zeros_like(half)
    for df, loc, scale, height in zip(
        mixture.df, mixture.loc, mixture.scale, mixture.height(), strict=True
    ):
        unit = 1 / (scale * np.sqrt(df))[:, None]
        middle, reach = (centre - loc[:, None]) * unit, half * unit
        power = -(df[:, None] + 1) / 2
        area = np.zeros_like(half)
        for node, weight in gauss_legendre(_NODES):
            u = middle + node * reach
            area += weight * np.exp(power * np.log1p(u * u))
        total += height[:, None] * area
    return total * half
