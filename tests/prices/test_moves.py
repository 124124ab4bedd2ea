"""Single moves: another unit, a split that is not in the prices, a tick, a crash."""

import numpy as np
import pandas as pd
import pytest
from support.bars import make_frame

from lstmcast.prices.checks import examine
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.moves import MONTH, _against_usual

PRICES = ["open", "high", "low", "close", "adj_close"]
ROW = 200


def found(frame: pd.DataFrame, accepted: tuple[Finding, ...] = ()) -> dict[str, Finding]:
    history = PriceHistory.from_frame(frame, symbol="MINE.XX", source="csv")
    return {item.check: item for item in examine(history, accepted)}


def split(ratio: float, *, close: float = 1.0, volume: float = 1.0) -> pd.DataFrame:
    """Return raw prices over a split; `close` moves that day's close, `volume` its traded value."""
    frame = make_frame()
    day, before = frame.index[ROW], frame.index[ROW - 1]
    frame.loc[frame.index >= day, PRICES] *= (
        frame.loc[before, "close"] / frame.loc[day, "open"] * 1.003
    )
    frame.loc[frame.index > day, PRICES] *= close
    frame.loc[day, ["close", "adj_close"]] = frame.loc[day, "open"] * close
    frame.loc[day, "high"] = frame.loc[day, ["open", "close"]].max()
    frame.loc[day, "low"] = frame.loc[day, ["open", "close"]].min()
    frame.loc[day, "volume"] = frame["volume"].iloc[ROW - 20 : ROW].median() * volume
    earlier = frame.index[:ROW]
    frame.loc[earlier, PRICES] *= ratio
    frame.loc[earlier, "volume"] /= ratio
    return frame


@pytest.mark.parametrize("ratio", [2.0, 3.0, 4.0, 7.0, 10.0, 20.0, 1.5, 0.5, 0.1])
@pytest.mark.parametrize("close", [0.95, 1.0, 1.034, 1.06])
def test_a_split_is_seen_at_the_open_whatever_the_day_brings(ratio: float, close: float) -> None:
    findings = found(split(ratio, close=close))
    assert findings.keys() == {"split_not_recorded"}
    (day,) = findings["split_not_recorded"].dates
    assert day == f"{make_frame().index[ROW]:%Y-%m-%d}"


@pytest.mark.parametrize("columns", [["close"], ["close", "volume"]])
def test_without_an_open_the_close_tells(columns: list[str]) -> None:
    assert "split_not_recorded" in found(split(4.0, close=1.034)[columns])
    assert "split_not_recorded" in found(split(2.0, close=1.01)[columns])


@pytest.mark.parametrize("ratio", [2.0, 4.0])
def test_a_crash_on_ten_times_the_volume_is_no_split(ratio: float) -> None:
    findings = found(split(ratio, volume=10.0))
    assert findings.keys() == {"large_move"}
    assert findings["large_move"].level == "warning"


def test_a_crash_during_the_day_is_no_split() -> None:
    frame = split(1.0)
    later = frame.index[ROW:]
    frame.loc[later, PRICES] *= 0.5
    frame.loc[later[0], ["open", "high"]] *= 2
    assert found(frame).keys() == {"large_move"}


def test_a_move_that_comes_back_the_next_day_is_no_split() -> None:
    frame = make_frame()
    frame.loc[frame.index[ROW], PRICES] *= 2.0
    findings = found(frame)
    assert findings.keys() == {"large_move"}
    assert len(findings["large_move"].dates) == 2
    frame.loc[frame.index[ROW], PRICES] *= 50.0
    assert found(frame).keys() == {"wrong_scale"}  # another unit is one, for a day too


def ticking(rows: int = 400, tick: float = 0.001, seed: int = 1) -> pd.DataFrame:
    """Return closes that are one or two ticks, half of the time no other than the day before."""
    random = np.random.default_rng(seed)
    close = tick * (1 + (random.random(rows) < 0.3))
    days = make_frame(rows).index
    bars = dict.fromkeys(("open", "high", "low", "close"), close)
    return pd.DataFrame({**bars, "volume": 1e6}, index=days)


@pytest.mark.parametrize("noise", [0.0, 1e-8])
@pytest.mark.parametrize("tick", [0.001, 0.005, 1.0])
def test_moves_of_the_smallest_tick_are_no_splits(tick: float, noise: float) -> None:
    frame = ticking(tick=tick)
    frame *= 1 + noise * np.random.default_rng(2).random(frame.shape)  # as of single precision
    findings = found(frame)
    assert findings.keys() <= {"tick_moves", "no_moves"}
    assert findings["tick_moves"].level == "note"
    assert "by up to x2: " in findings["tick_moves"].message


def test_the_first_tick_of_a_price_that_stood_still_is_no_split() -> None:
    frame = ticking()
    frame.loc[frame.index[:-1], ["open", "high", "low", "close"]] = 0.001
    frame.loc[frame.index[-1], ["open", "high", "low", "close"]] = 0.002
    assert "split_not_recorded" not in found(frame)
    frame[["open", "high", "low", "close"]] *= 12_500  # 12.50 to 25.00 is many ticks
    assert "split_not_recorded" in found(frame)


def test_a_split_of_a_price_of_few_ticks_is_a_split_all_the_same() -> None:
    frame = ticking()
    frame.loc[frame.index[:ROW], ["open", "high", "low", "close"]] *= 20
    assert "split_not_recorded" in found(frame) or "wrong_scale" in found(frame)


def test_a_recorded_split_is_said_and_not_another_unit() -> None:
    frame = split(1 / 190)
    frame.loc[frame.index[ROW], "splits"] = 1 / 190
    findings = found(frame)
    assert findings.keys() == {"split_not_applied"}
    assert findings["split_not_applied"].message.startswith(
        "a recorded split seems not to be applied to the prices: 1:190, x"
    )
    frame = split(4.0)
    frame.loc[frame.index[ROW], "splits"] = 4.0
    assert found(frame).keys() == {"split_not_applied"}


def test_a_close_as_traded_on_the_day_of_a_recorded_split_is_in_no_other_unit() -> None:
    frame = split(1 / 190)
    frame["adj_close"] = frame["close"] * np.where(np.arange(len(frame)) < ROW, 190.0, 1.0)
    frame.loc[frame.index[ROW], "splits"] = 1 / 190
    assert found(frame) == {}


def test_what_was_accepted_is_left_out_and_only_news_is_named() -> None:
    frame = split(4.0)
    before = tuple(found(frame).values())
    assert found(frame, before) == {}
    later = frame.copy()
    later.loc[later.index[250:], PRICES] *= 0.2
    (finding,) = found(later, before).values()
    assert finding.dates == (f"{frame.index[250]:%Y-%m-%d}",)
    assert finding.message.count("x0.") == 1


def test_what_is_usual_is_the_median_of_the_month_before() -> None:
    """As pandas has it; days without trades and days that are not known count for nothing."""
    random = np.random.default_rng(1)
    traded = np.round(1e6 * random.lognormal(size=400), -4)
    traded[random.random(400) < 0.4] = 0.0
    traded[random.random(400) < 0.3] = np.nan
    traded[100:140] = np.nan
    some = pd.Series(traded).where(traded > 0)
    expected = some / some.shift().rolling(MONTH, min_periods=MONTH // 4).median()
    np.testing.assert_array_equal([_against_usual(traded, row) for row in range(400)], expected)
    assert 50 < expected.notna().sum() < 200
