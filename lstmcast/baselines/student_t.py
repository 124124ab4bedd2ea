"""Maximum likelihood of a Student-t, the last step of every baseline.

A baseline states how wide the coming return is in relative terms (a rolling volatility, a
regression on past ranges); the Student-t fitted to the returns divided by that width turns it into
a distribution: `scale` corrects the width's level and `df` says how fat the tails are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from lstmcast.distributions import FloatArray
from lstmcast.errors import DataError

MIN_ROWS = 30
"""Fewer returns than this say too little about tails to fit them."""

_DF_FLOOR = 2.05
_DF_CEILING = 200.0
Vector = list[float]
Matrix = list[list[float]]

_START = [1.5, 0.0, -0.2]
_IDENTITY = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
_LOW = [-7.0, -5.0, -7.0]
_HIGH = [float(np.log(_DF_CEILING - _DF_FLOOR)), 5.0, 3.0]
_STEPS = 100
_HALVINGS = 30
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class StudentT:
    """A fitted Student-t: degrees of freedom, location and scale in the unit of the data."""

    df: float
    loc: float
    scale: float


def fit_student_t(values: FloatArray, *, location: bool) -> StudentT:
    """Fit a Student-t by maximum likelihood.

    Degrees of freedom stay between 2.05 (a finite variance) and 200 (as good as normal).

    Args:
        values: observations of any shape; those that are not finite are left out.
        location: fit the location too; otherwise it is 0.

    Raises:
        DataError: worded to follow a symbol's name, if fewer than 30 finite values remain, or all
            of them are equal.
    """
    sample = values[np.isfinite(values)]
    if sample.size < MIN_ROWS:
        raise DataError(
            f"has {sample.size} returns to fit a baseline on; it needs {MIN_ROWS}",
            "use a longer history, or start the test period later",
        )
    unit = float(np.sqrt(np.mean(sample**2)))
    if unit == 0 or float(np.std(sample)) == 0:
        raise DataError(
            f"has {sample.size} returns to fit a baseline on, and all are equal",
            "check the prices with `lstmcast data check`",
        )
    best = _minimise(sample / unit, [1.0, float(location), 1.0])
    return StudentT(
        df=_DF_FLOOR + float(np.exp(best[0])),
        loc=unit * best[1],
        scale=unit * float(np.exp(best[2])),
    )


def _minimise(z: FloatArray, free: Vector) -> Vector:
    """Minimise the mean loss by BFGS within bounds, moving only where `free` is 1.

    Three parameters need no library: scipy's L-BFGS-B calls threaded BLAS on matrices this small,
    which made a fit 28 times slower on two busy cores. Nor do they need arrays: a call of numpy
    costs ten times what it computes of three numbers, and a fit makes some hundreds.
    """
    at, inverse = _START, _IDENTITY
    loss, slope = _mean_loss(z, at)
    gradient = _times(slope, free)
    for _ in range(_STEPS):
        if max(map(abs, gradient)) < _TOLERANCE:
            break
        direction = [-_dot(row, gradient) for row in inverse]
        if _dot(direction, gradient) >= 0:  # curvature was lost, at a bound
            inverse, direction = _IDENTITY, [-value for value in gradient]
        following = _line_search(z, at, loss, gradient, direction)
        if following is None:
            break
        reached, loss, slope = following
        step, at = _less(reached, at), reached
        before, gradient = gradient, _times(slope, free)
        inverse = _updated(inverse, step, _less(gradient, before))
    return at


def _line_search(
    z: FloatArray, at: Vector, loss: float, gradient: Vector, direction: Vector
) -> tuple[Vector, float, Vector] | None:
    """Halve the step until the loss falls enough; None where it no longer does."""
    length = min(1.0, 2.0 / max(map(abs, direction)))
    for _ in range(_HALVINGS):
        trial = [
            min(max(value + length * move, low), high)
            for value, move, low, high in zip(at, direction, _LOW, _HIGH, strict=True)
        ]
        new_loss, slope = _mean_loss(z, trial)
        if new_loss <= loss + 1e-4 * _dot(gradient, _less(trial, at)) and trial != at:
            return trial, new_loss, slope
        length /= 2
    return None


def _updated(inverse: Matrix, step: Vector, change: Vector) -> Matrix:
    """The BFGS update of the inverse Hessian; unchanged where the curvature is not positive."""
    curvature = _dot(step, change)
    if curvature <= 1e-14:
        return inverse
    moved = [_dot(row, change) for row in inverse]
    weight = 1 + _dot(change, moved) / curvature
    return [
        [
            value + (weight * (s * other) - m * other - m_other * s) / curvature
            for value, other, m_other in zip(row, step, moved, strict=True)
        ]
        for row, s, m in zip(inverse, step, moved, strict=True)
    ]


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _times(a: Vector, b: Vector) -> Vector:
    return [a[0] * b[0], a[1] * b[1], a[2] * b[2]]


def _less(a: Vector, b: Vector) -> Vector:
    return [a[0] - b[0], a[1] - b[1], a[2] - b[2]]


def _mean_loss(z: FloatArray, parameters: Sequence[float]) -> tuple[float, Vector]:
    """Mean negative log density and its gradient in (log(df - floor), loc, log scale)."""
    df = _DF_FLOOR + float(np.exp(parameters[0]))
    loc, scale = parameters[1], float(np.exp(parameters[2]))
    # Some ten thousand samples of some hundred values are fitted for a table: every pass counts.
    u = (z - loc) / scale
    ratio = u * u
    ratio /= df
    rise = ratio + 1
    log_rise = float(np.log(rise).sum()) / z.size
    by_rise = 1 / rise
    share = 1 - float(by_rise.sum()) / z.size  # mean of u^2 / (df + u^2)
    loss = (
        float(gammaln(df / 2) - gammaln((df + 1) / 2))
        + 0.5 * float(np.log(np.pi * df))
        + parameters[2]
        + 0.5 * (df + 1) * log_rise
    )
    by_df = 0.5 * (
        float(digamma((df + 1) / 2) - digamma(df / 2)) - 1 / df - log_rise + (df + 1) / df * share
    )
    by_loc = (df + 1) / df * float((u * by_rise).sum()) / z.size / scale
    by_log_scale = (df + 1) * share - 1
    return loss, [-(by_df * (df - _DF_FLOOR)), -by_loc, -by_log_scale]
