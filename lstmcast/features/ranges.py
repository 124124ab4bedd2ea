"""Group `range`: volatility read off the session's own high and low.

A day's range tells about five times as much about its volatility as its close-to-close return does
(Parkinson 1980), which is why models on ranges are hard to beat with daily bars.
"""

import numpy as np

from lstmcast.features.bars import Bars, Column, at_least, at_most, log

WINDOWS = (5, 11, 22, 66)
"""Sessions in a week, a fortnight, a month and a quarter (after Corsi 2009)."""

LONG_HALF_LIFE = 250
"""Half-life in sessions of the long-run range: about a year."""

FEWEST = 22
"""Sessions that a long mean needs at least; a shorter history averages what there is."""

FLOOR = 0.02
"""Least range volatility in units of the slow one: a session without trades has no range."""


PARKINSON = np.sqrt(4 * np.log(2))
"""The mean of log(high / low) over a session's volatility, of a random walk without drift."""


def ranges(bars: Bars) -> dict[str, Column]:
    """Log range volatility over 1 to 66 sessions and a year, and the overnight gap.

    Columns: `parkinson_K`, log of the mean over K sessions of log(high / low) / sqrt(4 ln 2), over
    the slow volatility, and `parkinson_year`, the same for an EWMA mean; `overnight`, log(open /
    previous close) in units of the slow volatility; `close_in_range`, where the close lies between
    the low (-1) and the high (1).

    Source: Parkinson (1980), The extreme value method for estimating the variance of the rate of
    return.
    """
    adjusted, scale = bars.adjusted, bars.scale
    log_range = log(adjusted["high"] / adjusted["low"])
    parkinson = log_range / PARKINSON
    means = {
        f"{window}": parkinson.rolling(window, min_periods=min(window, FEWEST)).mean()
        for window in (1, *WINDOWS)
    }
    means["year"] = parkinson.ewm(halflife=LONG_HALF_LIFE).mean()
    columns = {f"parkinson_{k}": log(at_least(mean / scale, FLOOR)) for k, mean in means.items()}
    columns["overnight"] = log(adjusted["open"] / adjusted["close"].shift()) / scale
    middle = log(adjusted["close"] ** 2 / (adjusted["high"] * adjusted["low"]))
    place = (middle / log_range.where(log_range > 0)).fillna(0.0)
    columns["close_in_range"] = at_most(at_least(place, -1.0), 1.0)
    return columns
