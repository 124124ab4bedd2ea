"""Groups `indicators` and `indicators_bars`: the classic tools of chart readers, from TA-Lib.

TA-Lib's figures come in prices, shares or percent, each in its own. Here every one is bounded or in
units of the symbol's own volatility, so that one network can read many symbols, and it is computed
on log prices where it measures distances. All of them are causal: TA-Lib's windows end at the
session, and its recursive averages run forwards from the first bar, whose influence is gone after
the sessions that carry no features anyway.

TA-Lib is not installed with lstmcast: `pip install "lstmcast[indicators]"`. Neither group is used
by default, because on validation neither made forecasts better (`docs/experiments.md`).

Source: Wilder (1978), New concepts in technical trading systems (RSI, ATR); Appel (2005), Technical
analysis (MACD); Bollinger (2001), Bollinger on Bollinger Bands; Granville (1963), New key to stock
market profits (OBV); Lane (1984), Lane's stochastics.
"""

from types import ModuleType

import numpy as np
import pandas as pd

from lstmcast.errors import ConfigError
from lstmcast.features.bars import Bars, log

RSI_SESSIONS = 14
MACD_SESSIONS = (12, 26, 9)
BOLLINGER_SESSIONS = 20
ATR_SESSIONS = 14
OBV_SESSIONS = 20
STOCHASTIC_SESSIONS = (14, 3, 3)

FLOOR = 0.02
"""Least width in units of the slow volatility: prices that stand still have no logarithm of it."""


def _talib() -> ModuleType:
    """TA-Lib, if it is installed.

    Raises:
        ConfigError: if it is not.
    """
    try:
        import talib
    except ImportError as error:
        raise ConfigError(
            "`features` names a group of indicators, and TA-Lib is not installed",
            'run `pip install "lstmcast[indicators]"`, or leave the group out of `features`',
        ) from error
    module: ModuleType = talib
    return module


def indicators(bars: Bars) -> pd.DataFrame:
    """RSI, MACD and Bollinger bands of the closes.

    Columns: `rsi`, from -1 (nothing but falls in 14 sessions) to 1 (nothing but rises); `macd` and
    `macd_histogram`, the difference of the 12 and 26 session averages of the log close and how far
    it is from its own 9 session average, in units of the slow volatility; `bollinger_position`,
    where the close lies between the lower (-1) and the upper band (1), and `bollinger_width`, the
    log of the distance between the middle and a band over the slow volatility.
    """
    talib = _talib()
    close, scale = log(bars.adjusted["close"]), bars.scale
    prices = close.to_numpy(dtype=np.float64)
    rsi = talib.RSI(prices, timeperiod=RSI_SESSIONS)
    fast, slow, signal = MACD_SESSIONS
    macd, _, histogram = talib.MACD(prices, fastperiod=fast, slowperiod=slow, signalperiod=signal)
    upper, middle, lower = talib.BBANDS(
        prices, timeperiod=BOLLINGER_SESSIONS, nbdevup=2.0, nbdevdn=2.0
    )
    columns = {"rsi": rsi / 50 - 1, "macd": macd / scale, "macd_histogram": histogram / scale}
    half = pd.Series((upper - lower) / 2, index=close.index)
    wide = half > FLOOR * scale
    columns["bollinger_position"] = ((close - middle) / half.where(wide)).where(wide, 0.0)
    columns["bollinger_width"] = log((half / scale).clip(lower=FLOOR))
    return pd.DataFrame(columns, index=close.index)


def indicators_bars(bars: Bars) -> pd.DataFrame:
    """Average true range, stochastic oscillator and on-balance volume.

    Columns: `atr`, log of the average true range of 14 sessions (of log prices) over the slow
    volatility; `stochastic_k` and `stochastic_d`, where the close lies in the range of the last 14
    sessions, from -1 to 1, averaged over 3 and again over 3; `obv`, the value traded on rises less
    that on falls over 20 sessions, as a share of all, from -1 to 1. Value and not the number of
    shares, because a split leaves it as it is.
    """
    talib = _talib()
    adjusted, scale = bars.adjusted, bars.scale
    high, low, close = (
        log(adjusted[name]).to_numpy(dtype=np.float64) for name in ("high", "low", "close")
    )
    true_range = pd.Series(talib.ATR(high, low, close, timeperiod=ATR_SESSIONS), scale.index)
    window, smooth_k, smooth_d = STOCHASTIC_SESSIONS
    k, d = talib.STOCH(
        high, low, close,
        fastk_period=window, slowk_period=smooth_k, slowd_period=smooth_d,
    )  # fmt: skip
    value = adjusted["dollar_volume"]
    on_balance = pd.Series(talib.OBV(close, value.to_numpy(dtype=np.float64)), scale.index)
    traded = value.rolling(OBV_SESSIONS).sum()
    flow = on_balance.diff(OBV_SESSIONS) / traded.where(traded > 0)
    return pd.DataFrame(
        {
            "atr": log((true_range / scale).clip(lower=FLOOR)),
            "stochastic_k": k / 50 - 1,
            "stochastic_d": d / 50 - 1,
            "obv": flow.where(traded > 0, 0.0),
        },
        index=scale.index,
    )
