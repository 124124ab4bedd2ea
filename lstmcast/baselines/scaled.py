"""Baselines of one shape: a volatility known at the origin times a Student-t fitted per horizon.

    return over h sessions from t  ~  width_t x Student-t(df_h, loc_h, scale_h)

`width_t` is causal (bars up to t only); the three parameters of each horizon are fitted on rows
whose whole target lies before the test range.
"""

import numpy as np
from scipy.signal import lfilter

from lstmcast.baselines.base import BaselineInputs
from lstmcast.baselines.student_t import fit_student_t
from lstmcast.distributions import FloatArray, StudentTMixture

WARM_UP = 250
"""First sessions that are left out of a fit, while a volatility filter forgets its start."""

_FLOOR = 0.05
_SEED_ROWS = 20


def ewma_volatility(returns: FloatArray, decay: float) -> FloatArray:
    """Square root of the exponentially weighted mean of squared returns, `(rows,)`.

    `v_t = decay * v_{t-1} + (1 - decay) * r_t^2`; row t uses returns up to t. The filter starts
    from the mean square of the first 20 returns.

    Source: J.P. Morgan (1996), RiskMetrics technical document, with decay 0.94 for daily data.
    """
    square = returns**2
    start = float(square[1 : _SEED_ROWS + 1].mean()) if len(square) > 1 else 0.0
    variance, _ = lfilter([1 - decay], [1.0, -decay], square, zi=[decay * start])
    return floored(np.sqrt(variance), returns)


def rolling_volatility(returns: FloatArray, window: int) -> FloatArray:
    """Root mean square of the last `window` returns, `(rows,)`; of fewer at the start."""
    total = np.concatenate([[0.0], np.cumsum(returns**2)])
    end = np.arange(1, len(returns) + 1)
    start = np.maximum(end - window, 0)
    mean_square = np.maximum(total[end] - total[start], 0.0) / (end - start)
    return floored(np.sqrt(mean_square), returns)


def floored(width: FloatArray, returns: FloatArray) -> FloatArray:
    """Keep a width above 5 % of the root mean square of all returns so far.

    A price that stood still for a month would otherwise forecast a width of zero.
    """
    count = np.arange(1, len(returns) + 1)
    overall = np.sqrt(np.cumsum(returns**2) / count)
    smallest = np.maximum(_FLOOR * overall, 1e-8)
    return np.maximum(width, smallest)


def warm_up(fit_rows: int) -> int:
    """Rows to leave out at the start of a fit: 250, or a quarter of a short history."""
    return min(WARM_UP, fit_rows // 4)


def scaled_student_t(
    inputs: BaselineInputs, width: FloatArray, *, location: bool
) -> StudentTMixture:
    """Forecast every origin as its width times the Student-t of the horizon.

    Args:
        inputs: the symbol's rows, origins and horizons.
        width: `(rows,)` or `(rows, horizons)`, positive, known at the close of each row; NaN
            rows are left out of the fit.
        location: fit a location (in widths) too; otherwise the median return is zero.
    """
    per_horizon = np.broadcast_to(
        width[:, None] if width.ndim == 1 else width, (len(width), inputs.horizons)
    )
    skip = warm_up(inputs.fit_rows)
    standard = inputs.cumulative_returns() / per_horizon[: inputs.fit_rows]
    fits = [fit_student_t(standard[skip:, h], location=location) for h in range(inputs.horizons)]
    origin_width = per_horizon[inputs.origins]
    shape = origin_width.shape
    return StudentTMixture(
        df=np.broadcast_to([fit.df for fit in fits], shape)[None].copy(),
        loc=(origin_width * np.array([fit.loc for fit in fits]))[None],
        scale=(origin_width * np.array([fit.scale for fit in fits]))[None],
    )
