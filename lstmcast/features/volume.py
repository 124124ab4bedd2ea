"""Group `volume`: whether more money changes hands than usual."""

from lstmcast.features.bars import Bars, Column, at_least, log

HALF_LIFE = 20
"""Half-life in sessions of the usual volume."""

SLOW_HALF_LIFE = 60
"""Half-life in sessions of the volume that a week's is compared with."""


def volume(bars: Bars) -> dict[str, Column]:
    """Log traded value against its own EWMA.

    Columns: `volume`, the session's over the usual one; `volume_surprise`, its absolute value;
    `volume_week`, the mean over five sessions over a slower EWMA. Traded value (close times volume)
    is used, not the number of shares, because a split leaves it unchanged whether or not the source
    has adjusted past volumes.
    """
    traded = log(at_least(bars.adjusted["dollar_volume"], 1.0))
    unusual = traded - traded.ewm(halflife=HALF_LIFE).mean()
    week = traded.rolling(5).mean() - traded.ewm(halflife=SLOW_HALF_LIFE).mean()
    return {"volume": unusual, "volume_surprise": unusual.abs(), "volume_week": week}
