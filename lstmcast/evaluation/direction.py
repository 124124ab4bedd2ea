"""Directional accuracy: hit rates against what always forecasting a rise would score."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from lstmcast.distributions import FloatArray


@dataclass(frozen=True)
class DirectionTest:
    """Pesaran and Timmermann's test of one series of non-overlapping forecasts."""

    days: int
    hit_rate: float
    expected: float
    """Hit rate of a forecast that says "up" as often but knows nothing."""
    statistic: float
    p_value: float
    """One-sided: small where the forecast knows more. NaN where it always says the same."""


def noise_band(days: int) -> float:
    """Half-width of the 95 % range in which a coin's hit rate over `days` days falls."""
    return 1.96 * 0.5 / float(np.sqrt(days))


def too_few(days: int) -> str:
    """Why so few days conclude nothing, in words."""
    band = 100 * noise_band(days)
    low, high = max(0.0, 50 - band), min(100.0, 50 + band)
    return (
        "too few to conclude anything: a coin's hit rate over so few days falls between "
        f"{low:.0f} % and {high:.0f} %"
    )


def pesaran_timmermann(actual: FloatArray, forecast: FloatArray) -> DirectionTest:
    """Test that the signs of forecasts and outcomes are independent.

    With `p` the share of hits, `p_y` and `p_x` the shares of rises among outcomes and forecasts and
    `p* = p_y p_x + (1 - p_y)(1 - p_x)`, the statistic `(p - p*) / sqrt(V(p) - V(p*))` is standard
    normal.

    Args:
        actual: `(days,)` returns; days without a move are left out.
        forecast: `(days,)` forecast returns; days where it is 0 are left out.

    Source: Pesaran and Timmermann (1992), A simple nonparametric test of predictive performance.
    """
    stated = (actual != 0) & (forecast != 0)
    up, said = actual[stated] > 0, forecast[stated] > 0
    n = len(up)
    if n == 0:
        nan = float("nan")
        return DirectionTest(0, nan, nan, nan, nan)
    hit, p_y, p_x = (float(np.mean(share)) for share in (up == said, up, said))
    expected = p_y * p_x + (1 - p_y) * (1 - p_x)
    variance = expected * (1 - expected) / n
    by_chance = (
        (2 * p_y - 1) ** 2 * p_x * (1 - p_x) / n
        + (2 * p_x - 1) ** 2 * p_y * (1 - p_y) / n
        + 4 * p_y * p_x * (1 - p_y) * (1 - p_x) / n**2
    )
    if p_x in {0.0, 1.0} or p_y in {0.0, 1.0} or variance <= by_chance:
        return DirectionTest(n, hit, expected, float("nan"), float("nan"))
    statistic = (hit - expected) / float(np.sqrt(variance - by_chance))
    return DirectionTest(n, hit, expected, statistic, float(ndtr(-statistic)))
