"""Group `returns`: how far the close moved, and how restless it has been lately."""

import pandas as pd

from lstmcast.features.bars import Bars, log

FAST_HALF_LIVES = (3, 11, 30)
"""Half-lives in sessions of the volatilities that are compared with the slow one."""

MEAN_WINDOWS = (5, 22)
"""Sessions in a week and a month: the windows of HAR models (Corsi 2009)."""

SLOW_HALF_LIFE = 250
"""Half-life in sessions of the volatility's own long-run level: about a year."""


def returns(bars: Bars) -> pd.DataFrame:
    """Signed and absolute returns over the slow volatility, and ratios of volatilities.

    Columns: `return` and `abs_return` in units of the slow volatility; `volatility_K`, the log
    ratio of the EWMA volatility of half-life K to the slow one; `abs_mean_K`, the log ratio of the
    mean absolute return over K sessions to it; `volatility_250`, how the slow one stands to its own
    long-run level.
    """
    scaled = bars.log_return / bars.scale
    log_scale = log(bars.scale)
    columns = {"return": scaled, "abs_return": scaled.abs()}
    for half_life in (*FAST_HALF_LIVES, SLOW_HALF_LIFE):
        columns[f"volatility_{half_life}"] = log(bars.volatility(half_life)) - log_scale
    for window in MEAN_WINDOWS:
        mean = bars.log_return.abs().rolling(window).mean()
        columns[f"abs_mean_{window}"] = log((mean / bars.scale).clip(lower=0.02))
    return pd.DataFrame(columns)
