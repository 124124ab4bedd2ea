"""Student's distribution function at many points, by polynomials: a tenth of `stdtr`'s time.

For a point z of the distribution with n degrees of freedom let

    b = sign(z) sqrt(v),   v = (n - 1/2) log(1 + z^2 / n),

which is nearly the normal score of z (Wallace 1959). Then F(z) = 1/2 + b G(v, 1/n) with a G so
smooth that a polynomial of two variables is exact to 1e-13, for any n from 2 on and b up to 3. It
is found by Chebyshev interpolation of `stdtr`. In 1/n it is evaluated once for each n, which leaves
a short polynomial in v for each point. Everything is done element by element: how many points are
asked for at once changes no bit.

Source: Wallace (1959), Bounds on normal approximations to Student's and the chi-square
distributions; Trefethen (2013), Approximation theory and approximation practice.
"""

from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions.base import FloatArray
from lstmcast.distributions.special import stdtr

LEAST_DF = 2.0
_MOST_V = 9.0
_NODES = (32, 24)
"""Of the interpolation in v and in 1/n."""

_NEGLIGIBLE = 1e-14
"""Coefficients below this are left out."""


@dataclass(frozen=True)
class StudentTFunction:
    """The distribution function for given degrees of freedom.

    Args:
        df: `(n,)` degrees of freedom, above 0.
        terms: `(powers, n)` coefficients of the polynomials in v.
    """

    df: FloatArray
    terms: FloatArray

    @classmethod
    def of(cls, df: FloatArray) -> Self:
        """For these degrees of freedom."""
        position = np.clip(2 * LEAST_DF / df, 0, 2) - 1
        table, lengths = _table()
        terms = np.zeros((table.shape[1], len(df)))
        for row, length in zip(table[::-1], lengths[::-1], strict=True):
            used = terms[:length]
            used *= position
            used += row[:length, None]
        return cls(df, terms)

    def chosen(self, some: NDArray[np.bool_]) -> Self:
        """The function of some of the degrees of freedom."""
        return type(self)(self.df[some], self.terms[:, some])

    def __call__(self, z: FloatArray, log_square: FloatArray) -> FloatArray:
        """Probabilities of values up to `z`.

        Args:
            z: `(points, n)`.
            log_square: `log(1 + z^2 / df)`, which densities need as well.
        """
        v = (np.maximum(self.df, LEAST_DF) - 0.5) * log_square
        place = np.minimum(v, _MOST_V) * (2 / _MOST_V) - 1
        total: FloatArray = self.terms[-1] * place
        for term in self.terms[-2:0:-1]:
            total += term
            total *= place
        total += self.terms[0]
        total *= np.copysign(np.sqrt(v), z)
        total += 0.5
        far = (v > _MOST_V) | (self.df < LEAST_DF)
        if far.any():
            total[far] = stdtr(np.broadcast_to(self.df, z.shape)[far], z[far])
        return total


@cache
def _table() -> tuple[FloatArray, tuple[int, ...]]:
    """Coefficients of G: a row for each power of 1/n, in powers of v, both scaled to (-1, 1).

    Returns:
        The coefficients, and how many of each row count.
    """
    x, y = (np.cos(np.pi * (np.arange(count) + 0.5) / count) for count in _NODES)
    v, df = (x + 1) * _MOST_V / 2, 2 * LEAST_DF / (y + 1)
    z = np.sqrt(df[:, None] * np.expm1(v / (df[:, None] - 0.5)))
    values = (stdtr(df[:, None], z) - 0.5) / np.sqrt(v)
    found = _interpolated(_interpolated(values).T).T
    counts = np.abs(found) > _NEGLIGIBLE
    # A term keeps all of lower degree: powers are made from Chebyshev polynomials of their degree.
    counts = np.maximum.accumulate(np.maximum.accumulate(counts[::-1, ::-1], axis=0), axis=1)
    counts = counts[::-1, ::-1][:, : counts.any(axis=0).sum()]
    counts = counts[: counts.any(axis=1).sum()]
    found = np.where(counts, found[: counts.shape[0], : counts.shape[1]], 0.0)
    powers = _powers(len(found)).T @ found @ _powers(found.shape[1])
    return powers, tuple(counts.sum(axis=1))


def _powers(count: int) -> FloatArray:
    """Chebyshev polynomials in powers: a row of coefficients for each degree below `count`."""
    rows = np.eye(count)
    for degree in range(2, count):
        rows[degree] = -rows[degree - 2]
        rows[degree, 1:] += 2 * rows[degree - 1, :-1]
    return rows


def _interpolated(values: FloatArray) -> FloatArray:
    """Chebyshev coefficients of the rows of values at Chebyshev's points."""
    count = values.shape[1]
    angles = np.pi * (np.arange(count) + 0.5) / count
    weights = np.cos(np.outer(angles, np.arange(count))) * (2 / count)
    weights[:, 0] /= 2
    found: FloatArray = values @ weights
    return found
