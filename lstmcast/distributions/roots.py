"""Quantiles as roots of a distribution function, for when there is no formula."""

from collections.abc import Callable

import numpy as np

from lstmcast.distributions.base import FloatArray

CdfAndDensity = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_STEPS = 100
_TOLERANCE = 1e-10
"""Error of the probability before the last Newton step, which squares it."""


def invert(
    cdf_and_density: CdfAndDensity, level: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Where a distribution function reaches `level`: Newton's method inside a bracket.

    The bracket shrinks with every value of the function; a step that would leave it is replaced by
    a bisection, so that the root is found for any increasing function.

    Args:
        cdf_and_density: both at points of the bracket's shape.
        level: probabilities, broadcast over the last axis.
        low: `(..., levels)` below each root.
        high: `(..., levels)` above each root.
    """
    root = (low + high) / 2
    for _ in range(_STEPS):
        probability, density = cdf_and_density(root)
        excess = probability - level
        if np.abs(excess).max(initial=0.0) == 0.0:
            break
        low, high = np.where(excess < 0, root, low), np.where(excess > 0, root, high)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            step = root - excess / density
        inside = (step >= low) & (step <= high)
        root = np.where(inside, step, (low + high) / 2)
        if np.abs(excess).max() <= _TOLERANCE:
            break
    return root
