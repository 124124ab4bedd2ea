"""Group `news`: whether a report is due, and what kind of series this is.

Companies report every quarter, on the same days of it, and on those days a share moves several
times as far as on others (Patell and Wolfson 1981). So a large move about 63 sessions ago, and
another a quarter before that, announce one now. Series without reports show nothing at these lags,
which a network that has seen both kinds can tell apart.

The other columns are constants of a series that a state forgets: how fat its tails are, and how
much of its variance comes in single days.
"""

import numpy as np

from lstmcast.features.bars import Bars, Column, at_least, at_most, ewma_mean_square, log

QUARTERS = (63, 126)
"""Sessions from one report to the next, and to the one after."""

JITTER = 2
"""By how many sessions a report comes early or late."""

MOST = 6.0
"""Largest move counted, in units of the slow volatility."""

YEAR = 250
"""Half-life in sessions of the long-run shares: about a year."""


def news(bars: Bars) -> dict[str, Column]:
    """The largest moves one and two quarters before the next session, and how fat the tails are.

    Columns: `news_quarter` and `news_half_year`, the largest absolute return, in units of the slow
    volatility of its own day, within two sessions of 63 and 126 sessions before the session to
    come, and `news_both`, the smaller of them; 0 where the history does not reach back.
    `tail_year`, the log of the mean absolute return over the root of the mean square, -0.226 for
    normal returns and less the fatter the tails; `tail_size`, the log of the mean over a year of
    absolute returns in units of the slow volatility of the day before.
    """
    size = at_most(bars.log_return.abs() / bars.scale, MOST)
    # The next session is one after the row: the move `k` sessions before it lies k - 1 rows back.
    due = [
        size.shift(k - 1 - JITTER).rolling(2 * JITTER + 1, min_periods=1).max().fillna(0.0)
        for k in QUARTERS
    ]
    mean_square = ewma_mean_square(bars.log_return, half_life=YEAR)
    mean_size = bars.log_return.abs().ewm(halflife=YEAR).mean()
    surprise = at_most(bars.log_return.abs() / bars.scale.shift(), MOST)
    return {
        "news_quarter": due[0],
        "news_half_year": due[1],
        "news_both": due[0].where(due[0] < due[1], due[1]),
        "tail_year": log(at_least(mean_size / np.sqrt(mean_square), 0.02).fillna(0.8)),
        "tail_size": log(at_least(surprise.ewm(halflife=YEAR).mean(), 0.02).fillna(0.8)),
    }
