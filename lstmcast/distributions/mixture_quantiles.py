"""Quantiles of many Student-t mixtures at many levels, fast and exact.

A pool of five networks states 21 quantiles for every test session and horizon: half a million
values of Student's distribution function for one symbol and one step of a root search, which take
seconds. Five ideas bring that down to a twentieth of a second:

- The start is the weighted mean of the components' quantiles, read from a table. A pool's quantile
  is never far from it.
- The distribution function is a polynomial (`t_function`) of logarithms that the density needs.
- A step uses the density's first two derivatives, which are formulas, so its error falls with the
  fourth power (the series of the inverse function: Abramowitz and Stegun 1964, 3.6.25).
- A quantile is found when the last step was small and the distribution function is at its level. A
  small step alone tells nothing: far from the root the series may end in zero. Forecasts of which
  a quantile is not found after a few steps, or whose quantiles are not in order, are left to a
  slower method: mixtures of far-apart components.
- Forecasts are taken some hundred at a time, so that all arrays of a step stay in the processor's
  cache, levels before forecasts. No quantile depends on which others are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions.base import FloatArray
from lstmcast.distributions.special import gammaln, stdtrit
from lstmcast.distributions.t_function import StudentTFunction

_ROUNDS = 5
_SMALL_STEP = 1e-4
"""A last step below this, in units of the narrowest scale, leaves an error around its fourth
power."""

_SMALL_ERROR = 1e-4
"""Error of the distribution function before the last step; on a root it is far smaller."""

_AT_ONCE = 2**14
"""Numbers in an array of a step: 128 KiB."""

_TABLE = np.linspace(1e-3, 1.0, 128)
"""1 / degrees of freedom at which standard quantiles are tabulated."""


@dataclass(frozen=True)
class MixtureArrays:
    """Components of mixtures: each array is `(components, *forecasts)`, the shares sum to 1."""

    df: FloatArray
    loc: FloatArray
    scale: FloatArray
    share: FloatArray

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "MixtureArrays":
        """The mixtures of the chosen forecasts, `(components, chosen)`."""
        return MixtureArrays(
            self.df[:, chosen], self.loc[:, chosen], self.scale[:, chosen], self.share[:, chosen]
        )

    def flat(self) -> "MixtureArrays":
        """The same mixtures as `(components, forecasts)`."""
        arrays = (self.df, self.loc, self.scale, self.share)
        return MixtureArrays(*(values.reshape(len(values), -1) for values in arrays))

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
    flat, shape = mixture.flat(), mixture.df.shape[1:]
    count = flat.df.shape[1]
    root, settled = np.empty((count, len(level))), np.empty(count, dtype=bool)
    few = max(1, _AT_ONCE // max(1, len(level)))
    for first in range(0, count, few):
        some = slice(first, first + few)
        found, settled[some] = _search(flat.of(some), level)
        root[some] = found.T
    return root.reshape(*shape, len(level)), settled.reshape(shape)


def _search(mixture: MixtureArrays, level: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Quantiles `(levels, forecasts)` of a few forecasts, and for which they are exact."""
    root = _start(mixture, level)
    components = _Components.of(mixture)
    found = np.zeros(root.shape, dtype=bool)
    small = _SMALL_STEP * mixture.scale.min(axis=0)
    pending: NDArray[np.intp] | slice = slice(None)
    # Forecasts that do not settle may run off to infinity.
    with np.errstate(all="ignore"):
        for _ in range(_ROUNDS):
            step, newton, missing = _step(components, root[:, pending], level)
            # What is found stays, whatever else is searched; what is not a number is not small.
            step[found[:, pending]] = 0.0
            root[:, pending] += step
            near = small[pending]
            there = (np.abs(step) <= near) & (np.abs(newton) <= near)
            found[:, pending] |= there & (np.abs(missing) <= _SMALL_ERROR)
            going = ~np.logical_and.reduce(found[:, pending])
            if not going.any():
                break
            if not going.all():
                pending = np.arange(root.shape[1])[pending][going]
                components = components.chosen(going)
        in_order = np.logical_and.reduce(np.diff(root, axis=0) >= 0)
        settled: NDArray[np.bool_] = np.logical_and.reduce(found) & in_order
    return root, settled


@lru_cache(maxsize=32)
def _standard(level: tuple[float, ...]) -> FloatArray:
    """Standard quantiles, `(levels, table)`."""
    table: FloatArray = stdtrit(1 / _TABLE, np.asarray(level)[:, None])
    return table


def _start(mixture: MixtureArrays, level: FloatArray) -> FloatArray:
    """Weighted mean of the components' quantiles, by a table in 1 / df."""
    table = _standard(tuple(level.tolist()))
    mean = np.zeros((len(level), mixture.df.shape[1]))
    for df, loc, scale, share in zip(
        mixture.df, mixture.loc, mixture.scale, mixture.share, strict=True
    ):
        position = (1 / df - _TABLE[0]) / (_TABLE[1] - _TABLE[0])
        position = np.clip(position, 0, len(_TABLE) - 1.001)
        below = position.astype(np.intp)
        z, above = table.take(below, axis=1), table.take(below + 1, axis=1)
        above -= z
        above *= position - below
        z += above
        z *= share * scale
        z += share * loc
        mean += z
    return mean


def quick_shortfall(mixture: MixtureArrays, points: FloatArray) -> FloatArray:
    """Expected value of max(point - X, 0), at `(*forecasts, points)`.

    Args:
        mixture: the components.
        points: where.
    """
    flat, each = mixture.flat(), points.reshape(-1, points.shape[-1])
    found = np.empty_like(each)
    few = max(1, _AT_ONCE // max(1, each.shape[1]))
    for first in range(0, len(each), few):
        some = slice(first, first + few)
        components = _Components.of(flat.of(some))
        total, x = np.zeros_like(each[some].T), np.ascontiguousarray(each[some].T)
        for df, loc, scale, share, height, function in components.each():
            z = (x - loc) * (1 / scale)
            logarithm = np.log1p(z * z * (1 / df))
            # The density times 1 + z^2 / df.
            value = np.exp((1 - df) / 2 * logarithm)
            total += share * scale * (z * function(z, logarithm))
            total += height * scale * scale * df / (df - 1) * value
        found[some] = total.T
    return found.reshape(points.shape)


@dataclass(frozen=True)
class _Components:
    """What every step needs of mixtures `(components, forecasts)`."""

    mixture: MixtureArrays
    height: FloatArray
    functions: tuple[StudentTFunction, ...]

    @classmethod
    def of(cls, mixture: MixtureArrays) -> "_Components":
        """Of these mixtures."""
        return cls(mixture, mixture.height(), tuple(map(StudentTFunction.of, mixture.df)))

    def each(self) -> Iterator[tuple[Any, ...]]:
        """Of each component, `(forecasts,)`: df, location, scale, share, height and function."""
        mixture = self.mixture
        return zip(
            mixture.df, mixture.loc, mixture.scale, mixture.share, self.height, self.functions,
            strict=True,
        )  # fmt: skip

    def chosen(self, some: NDArray[np.bool_]) -> "_Components":
        """Of some of the forecasts."""
        functions = tuple(function.chosen(some) for function in self.functions)
        return _Components(self.mixture.of(some), self.height[:, some], functions)


def _step(
    components: _Components, x: FloatArray, level: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How far the roots are from `x`, `(levels, forecasts)`.

    Returns:
        The distance to the fourth order, the same to the second (Newton's step), and by how much
        the distribution function at `x` is below the levels.
    """
    cdf, density, first, second = _at(components, x)
    missing = level[:, None] - cdf
    half = 0.5 / density
    newton = 2 * missing * half
    curve = first * half
    skew = 2 * curve * curve - second * half / 3
    step: FloatArray = newton * (1 - newton * (curve - newton * skew))
    return step, newton, missing


def _at(components: _Components, x: FloatArray) -> tuple[FloatArray, ...]:
    """The distribution function, the density and its first two derivatives at `x`."""
    cdf, density, first, second = (np.zeros_like(x) for _ in range(4))
    for df, loc, scale, share, height, function in components.each():
        z = (x - loc) * (1 / scale)
        logarithm = np.log1p(z * z * (1 / df))
        value = np.exp(-(df + 1) / 2 * logarithm)
        value *= height
        near = np.exp(-logarithm)
        # With k = (n + 1) / (n s) and r = 1 / (1 + z^2 / n), the slope of the log density is
        # -k z r, and its square plus the curvature r (n k^2 (1 - r) + k / s (1 - 2 r)).
        steep = (df + 1) / (df * scale)
        square, bend = df * steep * steep, steep / scale
        part = function(z, logarithm)
        part *= share
        cdf += part
        density += value
        value *= near
        z *= value
        z *= steep
        first -= z
        near *= -(square + 2 * bend)
        near += square + bend
        near *= value
        second += near
    return cdf, density, first, second
