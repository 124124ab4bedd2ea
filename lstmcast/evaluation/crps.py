"""The continuous ranked probability score of a forecast that is stated by quantiles.

    CRPS(Q, y) = 2 integral over levels u of  u (y - Q(u)) + (Q(u) - y)+

where Q runs in straight lines between the stated quantiles, and beyond the outermost in the log of
the level, through the last two: an exponential tail. Every piece has a closed form, so that the
score is exact for that distribution. For a Student-t that states the 21 levels of a prediction
table it is within 0.2 % of the Student-t's own, whether that is a good forecast or a bad one.

Source: Matheson and Winkler (1976), Scoring rules for continuous probability distributions;
the integral over levels, with lines and exponential tails: Gasthaus et al. (2019), Probabilistic
forecasting with spline quantile function RNNs; Taillardat et al. (2016), Calibrated ensemble
forecasts using quantile regression forests.
"""

import numpy as np

from lstmcast.distributions import FloatArray


def crps_of_quantiles(actual: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """CRPS of each row, `(rows,)`, in the unit of `actual`; NaN where a quantile is.

    Args:
        actual: `(rows,)` outcomes.
        quantiles: `(rows, levels)`, not falling from one level to the next.
        levels: `(levels,)`, rising, with as much below the first as above the last.
    """
    outside, steps = levels[0], np.diff(levels)
    ahead = quantiles - actual[:, None]
    low, high = (
        (quantiles[:, k + 1] - quantiles[:, k]) / np.log(levels[1] / outside)
        for k in (0, len(levels) - 2)
    )

    # u (y - Q) over all levels: the quantiles with fixed weights, and the tails.
    by_level = np.zeros(len(levels))
    by_level[:-1] += steps * (2 * levels[:-1] + levels[1:]) / 6
    by_level[1:] += steps * (levels[:-1] + 2 * levels[1:]) / 6
    by_level[0] += outside**2 / 2
    by_level[-1] += outside - outside**2 / 2
    weighted = -ahead @ by_level - outside * high + outside**2 / 4 * (high + low)

    # (Q - y)+ between the quantiles: trapezia, and a triangle in the step that holds the outcome.
    above = np.maximum(ahead, 0.0)
    between = above @ (np.append(steps, 0.0) + np.append(0.0, steps)) / 2
    passed = (ahead <= 0).sum(axis=1)
    inside = np.flatnonzero((passed > 0) & (passed < len(levels)))
    step = passed[inside] - 1
    to, from_ = above[inside, step + 1], ahead[inside, step]
    between[inside] += steps[step] / 2 * to * (to / (to - from_) - 1)

    # and in the tails.
    first, beyond = above[:, 0], np.maximum(-ahead[:, -1], 0.0)
    below = outside * (first + low * np.expm1(-_lengths(first, low)))
    further = outside * (above[:, -1] + high * np.exp(-_lengths(beyond, high)))
    score: FloatArray = 2 * (weighted + between + below + further)
    return score


def _lengths(distance: FloatArray, length: FloatArray) -> FloatArray:
    """Distance in a tail's lengths; where that is zero, the tail ends at once."""
    return np.divide(distance, length, out=np.full_like(distance, np.inf), where=length > 0)
