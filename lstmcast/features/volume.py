"""Group `volume`: whether more money changes hands than usual."""

import pandas as pd

from lstmcast.features.bars import Bars, log

HALF_LIFE = 20
"""Half-life in sessions of the usual volume."""


def volume(bars: Bars) -> pd.DataFrame:
    """Log traded value against its own EWMA.

    Column: `volume`. Traded value (close times volume) is used, not the number of shares, because a
    split leaves it unchanged whether or not the source has adjusted past volumes.
    """
    traded = log(bars.adjusted["dollar_volume"].clip(lower=1.0))
    return pd.DataFrame({"volume": traded - traded.ewm(halflife=HALF_LIFE).mean()})
