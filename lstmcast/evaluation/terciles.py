"""Low, medium and high volatility: the days on which ranges are judged separately.

Ranges that are right on average may be too narrow whenever it matters, so coverage is
told by tercile too. A forecast's trust line, the report and the charts mean the same days by it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lstmcast.baselines.scaled import ewma_volatility

TERCILES = ("low_volatility", "medium_volatility", "high_volatility")
"""Days by the tercile of a symbol's volatility among that of its last 500 sessions."""

_DECAY = 0.94
_MEMORY = 500


def volatility_terciles(
    predictions: pd.DataFrame, bars: Mapping[str, pd.DataFrame]
) -> "pd.Series[int]":
    """Volatility tercile of each row, 0 low to 2 high, on the index of `predictions`.

    The EWMA volatility of squared returns at the origin, ranked among those of the last 500
    sessions, itself included, or of as many as there are. Terciles of the test rows themselves
    would rank by hindsight: a day has low volatility among them because what followed had more, and
    the best possible ranges seem too narrow on such days (`benchmarks/sampling_error.py`). By this
    rank the terciles differ in size.
    """
    terciles = pd.Series(0, index=predictions.index, dtype=np.int64)
    for symbol, table in predictions.groupby("symbol", sort=False):
        frame = bars[str(symbol)]
        log_close = np.log(frame["close"].to_numpy(dtype=np.float64))
        volatility = ewma_volatility(np.diff(log_close, prepend=log_close[0]), _DECAY)
        rank = pd.Series(volatility).rolling(_MEMORY, min_periods=1).rank(pct=True).to_numpy()
        rows = pd.DatetimeIndex(frame.index).get_indexer(pd.DatetimeIndex(table["origin"]))
        terciles.loc[table.index] = np.ceil(len(TERCILES) * rank[rows]).astype(np.int64) - 1
    return terciles
