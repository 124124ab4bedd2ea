"""Group `returns`: how far the close moved, which way, and how restless it has been lately."""

import numpy as np

from lstmcast.features.bars import Bars, Column, at_least, at_most, ewma_mean_square, log

FAST_HALF_LIVES = (3, 11, 30)
"""Half-lives in sessions of the volatilities that are compared with the slow one."""

MEAN_WINDOWS = (5, 22)
"""Sessions in a week and a month: the windows of HAR models (Corsi 2009)."""

SLOW_HALF_LIFE = 250
"""Half-life in sessions of the volatility's own long-run level: about a year."""

MOMENTUM_WINDOWS = (5, 22, 120)
"""Sessions over which the move itself is summed: a week, a month, half a year."""

IMBALANCE_HALF_LIVES = (5, 20)
"""Half-lives in sessions of the mean squares of losses and of gains."""

FEWEST = 22
"""Sessions that a long sum needs at least; a shorter history sums what there is."""


def returns(bars: Bars) -> dict[str, Column]:
    """Signed and absolute returns over the slow volatility, ratios of volatilities, and direction.

    Columns: `return` and `abs_return` in units of the slow volatility; `volatility_K`, the log
    ratio of the EWMA volatility of half-life K to the slow one; `abs_mean_K`, the log ratio of the
    mean absolute return over K sessions to it; `momentum_K`, the return over K sessions in units of
    its own standard deviation; `imbalance_K`, from -1 (only gains) to 1 (only losses), by how much
    the mean square of losses outweighs that of gains.

    Direction is there for the volatility: it rises after falls more than after rises (Black 1976;
    Barndorff-Nielsen, Kinnebrock and Shephard 2010 on the semivariance of losses).
    """
    scaled = bars.log_return / bars.scale
    log_scale = log(bars.scale)
    columns = {"return": scaled, "abs_return": scaled.abs()}
    for half_life in (*FAST_HALF_LIVES, SLOW_HALF_LIFE):
        columns[f"volatility_{half_life}"] = log(bars.volatility(half_life)) - log_scale
    for window in MEAN_WINDOWS:
        mean = bars.log_return.abs().rolling(window).mean()
        columns[f"abs_mean_{window}"] = log(at_least(mean / bars.scale, 0.02))
    for window in MOMENTUM_WINDOWS:
        move = bars.log_return.rolling(window, min_periods=min(window, FEWEST)).sum()
        columns[f"momentum_{window}"] = move / bars.scale / np.sqrt(window)
    for half_life in IMBALANCE_HALF_LIVES:
        columns[f"imbalance_{half_life}"] = _imbalance(bars.log_return, half_life)
    return columns


def _imbalance(log_return: Column, half_life: float) -> Column:
    """(losses - gains) / (losses + gains) of EWMA mean squares; 0 where nothing moved."""
    losses = ewma_mean_square(at_most(log_return, 0.0), half_life=half_life)
    gains = ewma_mean_square(at_least(log_return, 0.0), half_life=half_life)
    total = losses + gains
    return ((losses - gains) / total.where(total > 0)).fillna(0.0)
