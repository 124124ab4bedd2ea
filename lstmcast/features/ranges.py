"""Group `range`: volatility read off the session's own high and low.

A day's range tells about five times as much about its volatility as its close-to-close return does
(Parkinson 1980), which is why models on ranges are hard to beat with daily bars.
"""

import numpy as np
import pandas as pd

from lstmcast.features.bars import Bars, log

WINDOWS = (5, 22)
"""Sessions in a week and a month (Corsi 2009)."""

FLOOR = 0.02
"""Least range volatility in units of the slow one: a session without trades has no range."""


def ranges(bars: Bars) -> pd.DataFrame:
    """Log range volatility over 1, 5 and 22 sessions against the slow one, and the overnight gap.

    Columns: `parkinson_K`, log of the mean over K sessions of log(high / low) / sqrt(4 ln 2), over
    the slow volatility; `overnight`, log(open / previous close) in units of the slow volatility;
    `close_in_range`, where the close lies between the low (-1) and the high (1).

    Source: Parkinson (1980), The extreme value method for estimating the variance of the rate of
    return.
    """
    adjusted, scale = bars.adjusted, bars.scale
    log_range = log(adjusted["high"] / adjusted["low"])
    parkinson = (log_range / np.sqrt(4 * np.log(2)) / scale).clip(lower=FLOOR)
    columns = {"parkinson_1": log(parkinson)}
    for window in WINDOWS:
        columns[f"parkinson_{window}"] = log(parkinson.rolling(window).mean())
    columns["overnight"] = log(adjusted["open"] / adjusted["close"].shift()) / scale
    middle = log(adjusted["close"] ** 2 / (adjusted["high"] * adjusted["low"]))
    columns["close_in_range"] = (middle / log_range.where(log_range > 0)).fillna(0.0).clip(-1, 1)
    return pd.DataFrame(columns)
