"""Baselines of one shape: a volatility known at the origin times a Student-t fitted per horizon.

    return over h sessions from t  ~  width_t x Student-t(df_h, loc_h, scale_h)

`width_t` is causal (bars up to t only); the three parameters of each horizon are fitted on rows
whose whole target lies before the test range.
"""

from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.baselines.base import BaselineInputs
from lstmcast.baselines.student_t import fit_student_t
from lstmcast.distributions import FloatArray, StudentTMixture
from lstmcast.features.bars import ewma_mean_square

BURN_IN = 250
"""First sessions that are left out of a fit, while a volatility filter forgets its start."""

_FLOOR = 0.05


def ewma_volatility(returns: FloatArray, decay: float) -> FloatArray:
    """Square root of the exponentially weighted mean of squared returns, `(rows,)`.

    Row t is a mean over the returns up to t with weights `decay ** k`, k sessions back: the
    recursion `v_t = decay * v_{t-1} + (1 - decay) * r_t^2` without a start to choose. The first
    row is no return and does not count.

    Source: J.P. Morgan (1996), RiskMetrics technical document, with decay 0.94 for daily data.
    """
    known = pd.Series(returns)
    known.iloc[:1] = np.nan
    mean_square = ewma_mean_square(known, alpha=1 - decay).fillna(0.0).to_numpy(np.float64)
    return floored(np.sqrt(mean_square), returns)


def rolling_volatility(returns: FloatArray, window: int) -> FloatArray:
    """Root mean square of the last `window` returns, `(rows,)`; of fewer at the start."""
    total = np.concatenate([[0.0], np.cumsum(returns**2)])
    end = np.arange(1, len(returns) + 1)
    start = np.maximum(end - window, 0)
    mean_square = np.maximum(total[end] - total[start], 0.0) / (end - start)
    return floored(np.sqrt(mean_square), returns)


def floored(width: FloatArray, returns: FloatArray) -> FloatArray:
    """Keep a width above 5 % of the root mean square of all returns so far.

    A price that stood still for a month would otherwise forecast a width of zero. Rows in which it
    never moved at all do not count: after years of them every width would be a tiny one.
    """
    moved = returns != 0
    still = int(moved.argmax()) - 1 if moved.any() else 0
    count = np.maximum(np.arange(1, len(returns) + 1) - max(still, 0), 1)
    overall = np.sqrt(np.cumsum(returns**2) / count)
    smallest = np.maximum(_FLOOR * overall, 1e-8)
    return np.maximum(width, smallest)


def always_able(_: object, inputs: BaselineInputs) -> str | None:  # noqa: ARG001 - a method of baselines
    """`Baseline.unable` of a baseline that closes are enough for."""
    return None


def scaled_student_t(
    inputs: BaselineInputs,
    width: FloatArray,
    *,
    location: Literal["zero", "fitted"],
    centre: FloatArray | float = 0.0,
    skip: int = BURN_IN,
) -> StudentTMixture:
    """Forecast every origin as `centre` plus its width times the Student-t of the horizon.

    Args:
        inputs: the symbol's rows, origins and horizons.
        width: `(rows,)` or `(rows, horizons)`, positive, known at the close of each row; NaN
            rows are left out of the fit.
        location: fit a location (in widths) too, or leave the centre alone.
        centre: a stated mean return that broadcasts to `(rows, horizons)`.
        skip: first rows that the fit leaves out, a quarter of a short history at most.
    """
    shape = (len(inputs.bars), inputs.horizons)
    widths = np.broadcast_to(width[:, None] if width.ndim == 1 else width, shape)
    centres = np.broadcast_to(centre, shape)
    fitted = slice(min(skip, inputs.fit_rows // 4), inputs.fit_rows)
    standard = (inputs.cumulative_returns()[fitted] - centres[fitted]) / widths[fitted]
    fits = [
        fit_student_t(standard[:, h], location=location == "fitted") for h in range(inputs.horizons)
    ]
    origin_width, origin_centre = widths[inputs.origins], centres[inputs.origins]
    return StudentTMixture(
        df=np.broadcast_to([fit.df for fit in fits], origin_width.shape)[None].copy(),
        loc=(origin_centre + origin_width * np.array([fit.loc for fit in fits]))[None],
        scale=(origin_width * np.array([fit.scale for fit in fits]))[None],
    )
