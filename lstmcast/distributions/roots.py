"""Quantiles as roots of a distribution function, for when there is no formula."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions.base import FloatArray

CdfAndDensity = Callable[[FloatArray, NDArray[np.intp]], tuple[FloatArray, FloatArray]]
"""Both at `(searched,)` points, given which of all roots these are for: flat indices."""

_STEPS = 200
"""Far more than bisection alone takes from 1e4 down to the last digit of 1e-4."""

_TOLERANCE = 1e-10
"""Error of the probability before the last Newton step, which squares it."""

_PATIENCE = 3
"""Steps in which a bracket must halve; one that does not is bisected."""


def invert(
    cdf_and_density: CdfAndDensity, level: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Where a distribution function reaches `level`: Newton's method inside a bracket.

    Newton's steps may come from one side only, or go to and fro, and leave the bracket as wide as
    it was. So a step that would leave the bracket is replaced by a bisection, and so is every step
    in a bracket that has not halved in three: the root is found for any increasing function. Each
    root is searched by itself, and the function is asked for those alone that are not found yet.

    Args:
        cdf_and_density: of the points and flat indices of the roots that are still searched.
        level: probabilities, broadcast over the last axis.
        low: `(..., levels)` below each root.
        high: `(..., levels)` above each root.

    Source: Press, Teukolsky, Vetterling and Flannery (2007), Numerical recipes, 9.4 (`rtsafe`).
    """
    shape, level = low.shape, np.broadcast_to(level, low.shape).ravel()
    low, high = low.ravel(), high.ravel()
    roots = (low + high) / 2
    searched, before = np.arange(roots.size), high - low
    for count in range(1, _STEPS + 1):
        root = roots[searched]
        probability, density = cdf_and_density(root, searched)
        excess = probability - level[searched]
        low, high = np.where(excess < 0, root, low), np.where(excess > 0, root, high)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            newton = root - excess / density
        inside = (newton >= low) & (newton <= high)
        found = (np.abs(excess) <= _TOLERANCE) | _last_digit(low, high)
        slow = np.zeros_like(inside)
        if count % _PATIENCE == 0:
            slow, before = high - low > before / 2, high - low
        middle = np.where(found, root, (low + high) / 2)
        roots[searched] = np.where(inside & (found | ~slow), newton, middle)
        going = ~found
        searched, low, high, before = searched[going], low[going], high[going], before[going]
        if not searched.size:
            break
    return roots.reshape(shape)


def _last_digit(low: FloatArray, high: FloatArray) -> NDArray[np.bool_]:
    """Where a bracket is as narrow as floating-point numbers allow."""
    largest = np.maximum(np.abs(low), np.abs(high))
    narrow: NDArray[np.bool_] = high - low <= 4 * np.finfo(np.float64).eps * largest
    return narrow
