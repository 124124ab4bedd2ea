"""Maximum likelihood of a Student-t, the last step of every baseline.

A baseline states how wide the coming return is in relative terms (a rolling volatility, a
regression on past ranges); the Student-t fitted to the returns divided by that width turns it into
a distribution: `scale` corrects the width's level and `df` says how fat the tails are.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma

from lstmcast.distributions import FloatArray, student_t_log_density
from lstmcast.errors import DataError

MIN_ROWS = 30
"""Fewer returns than this say too little about tails to fit them."""

_DF_FLOOR = 2.05
_DF_CEILING = 200.0
_START = (1.5, 0.0, -0.2)


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
        DataError: if fewer than 30 finite values remain, or all of them are equal.
    """
    sample = values[np.isfinite(values)]
    if sample.size < MIN_ROWS:
        raise DataError(
            f"a baseline is fitted on at least {MIN_ROWS} returns before the test range, "
            f"found {sample.size}",
            "give it more history, or start the test range later",
        )
    unit = float(np.sqrt(np.mean(sample**2)))
    if unit == 0 or float(np.std(sample)) == 0:
        raise DataError(
            "a baseline cannot be fitted: all returns before the test range are equal",
            "check the prices with `lstmcast data check`",
        )
    z = sample / unit
    free = [0, 1, 2] if location else [0, 2]

    def objective(chosen: FloatArray) -> tuple[float, FloatArray]:
        full = np.array(_START)
        full[1] = 0.0
        full[free] = chosen
        value, gradient = _mean_loss(z, full)
        return value, gradient[free]

    bounds = [(-7.0, float(np.log(_DF_CEILING - _DF_FLOOR))), (-5.0, 5.0), (-7.0, 3.0)]
    best = minimize(
        objective,
        np.array(_START)[free],
        jac=True,
        method="L-BFGS-B",
        bounds=[bounds[k] for k in free],
    )
    full = np.array(_START)
    full[free] = best.x
    return StudentT(
        df=_DF_FLOOR + float(np.exp(full[0])),
        loc=unit * float(full[1]),
        scale=unit * float(np.exp(full[2])),
    )


def _mean_loss(z: FloatArray, parameters: FloatArray) -> tuple[float, FloatArray]:
    """Mean negative log density and its gradient in (log(df - floor), loc, log scale)."""
    df = _DF_FLOOR + float(np.exp(parameters[0]))
    loc, scale = float(parameters[1]), float(np.exp(parameters[2]))
    u = (z - loc) / scale
    square = u * u
    loss = -float(student_t_log_density(z, df, loc, scale).mean())
    pull = (df + 1) / (df + square)
    by_df = 0.5 * (digamma((df + 1) / 2) - digamma(df / 2) - 1 / df) + float(
        np.mean(-0.5 * np.log1p(square / df) + 0.5 * pull * square / df)
    )
    by_loc = float(np.mean(pull * u)) / scale
    by_log_scale = float(np.mean(pull * square)) - 1
    return loss, -np.array([by_df * (df - _DF_FLOOR), by_loc, by_log_scale])
