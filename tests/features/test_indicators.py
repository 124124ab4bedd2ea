"""Indicators: TA-Lib's own figures brought to one scale, and each against a plain loop."""

import sys

import numpy as np
import pandas as pd
import pytest
from support.histories import as_history, simulated, simulated_bars

from lstmcast.errors import ConfigError, DataError
from lstmcast.features import Bars, build_features, default_groups
from lstmcast.features.indicators import indicators, indicators_bars
from lstmcast.features.registry import LONG_WARM_UP

HISTORY = simulated(4, 400)
BARS = Bars(HISTORY.adjusted())
CLOSE = np.log(BARS.adjusted["close"].to_numpy())
SCALE = BARS.scale.to_numpy()


def smoothed(values: np.ndarray, sessions: int) -> np.ndarray:
    """An exponential average with weight 2 / (sessions + 1), begun with the first value."""
    return pd.Series(values).ewm(span=sessions, adjust=False).mean().to_numpy()


def wilder(values: np.ndarray, sessions: int) -> float:
    """Wilder's average of all values: the plain mean of the first, then 1 / sessions."""
    average = values[:sessions].mean()
    for value in values[sessions:]:
        average += (value - average) / sessions
    return float(average)


def test_rsi_is_wilders() -> None:
    moves = np.diff(CLOSE)
    up, down = wilder(np.maximum(moves, 0), 14), wilder(np.maximum(-moves, 0), 14)
    assert indicators(BARS)["rsi"].iloc[-1] == pytest.approx((up - down) / (up + down))


def test_macd_is_a_difference_of_averages_in_units_of_volatility() -> None:
    table = indicators(BARS)
    macd = smoothed(CLOSE, 12) - smoothed(CLOSE, 26)
    # Begun otherwise, the averages agree when the beginning is forgotten.
    np.testing.assert_allclose(table["macd"].iloc[-50:], (macd / SCALE)[-50:], atol=1e-6)
    histogram = (macd - smoothed(macd, 9)) / SCALE
    np.testing.assert_allclose(table["macd_histogram"].iloc[-50:], histogram[-50:], atol=1e-6)


def test_bollinger_bands_are_two_deviations_of_twenty_sessions() -> None:
    table = indicators(BARS)
    windows = np.lib.stride_tricks.sliding_window_view(CLOSE, 20)
    half = 2 * windows.std(axis=1)
    position = (CLOSE[19:] - windows.mean(axis=1)) / half
    np.testing.assert_allclose(table["bollinger_position"].iloc[19:], position, atol=1e-6)
    np.testing.assert_allclose(
        table["bollinger_width"].iloc[19:], np.log(half / SCALE[19:]), atol=1e-6
    )


def test_atr_is_wilders_average_of_the_true_range() -> None:
    high, low = (np.log(BARS.adjusted[name].to_numpy()) for name in ("high", "low"))
    true_range = np.maximum(high[1:], CLOSE[:-1]) - np.minimum(low[1:], CLOSE[:-1])
    expected = np.log(wilder(true_range, 14) / SCALE[-1])
    assert indicators_bars(BARS)["atr"].iloc[-1] == pytest.approx(expected)


def test_the_stochastic_is_the_place_in_the_range() -> None:
    high, low = (np.log(BARS.adjusted[name]) for name in ("high", "low"))
    top, bottom = high.rolling(14).max(), low.rolling(14).min()
    k = ((pd.Series(CLOSE, high.index) - bottom) / (top - bottom)).rolling(3).mean()
    table = indicators_bars(BARS)
    np.testing.assert_allclose(table["stochastic_k"].iloc[30:], (2 * k - 1).iloc[30:])
    np.testing.assert_allclose(
        table["stochastic_d"].iloc[30:], (2 * k.rolling(3).mean() - 1).iloc[30:]
    )


def test_on_balance_volume_is_the_share_of_value_that_rose() -> None:
    value = BARS.adjusted["dollar_volume"].to_numpy()[-20:]
    sign = np.sign(np.diff(CLOSE))[-20:]
    expected = float(sign @ value / value.sum())
    assert indicators_bars(BARS)["obv"].iloc[-1] == pytest.approx(expected)


def test_they_are_bounded_or_of_the_size_of_one() -> None:
    table = build_features(HISTORY, ["indicators", "indicators_bars"]).table
    bounded = ["rsi", "stochastic_k", "stochastic_d", "obv"]
    assert table[bounded].abs().to_numpy().max() <= 1
    assert table.std().min() > 0.05
    assert table.std().max() < 3


def test_standing_still_is_no_fault() -> None:
    bars = simulated_bars(5, 200)
    still = bars.index[80:]
    for name in ("open", "high", "low", "close", "adj_close"):
        bars.loc[still, name] = 10.0
    bars.loc[still, "volume"] = 0.0
    table = build_features(as_history(bars), ["indicators", "indicators_bars"]).table
    assert len(table) == 200 - LONG_WARM_UP
    last = table.iloc[-1]
    assert last["bollinger_position"] == last["obv"] == 0


def test_they_are_off_by_default_and_need_their_columns() -> None:
    assert not {"indicators", "indicators_bars"} & set(default_groups([HISTORY]))
    closes = as_history(simulated_bars(1, 200)[["close"]])
    assert build_features(closes, ["indicators"]).table.notna().all(axis=None)
    with pytest.raises(DataError, match="feature group `indicators_bars`"):
        build_features(closes, ["indicators_bars"])


def test_without_ta_lib_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "talib", None)  # what an import of it then finds
    with pytest.raises(ConfigError, match="TA-Lib is not installed") as caught:
        build_features(HISTORY, ["indicators"])
    assert caught.value.hint is not None
    assert "lstmcast[indicators]" in caught.value.hint
