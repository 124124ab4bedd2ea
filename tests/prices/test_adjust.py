"""Recorded splits that a file's prices still show."""

import numpy as np
import pandas as pd
import pytest
from support.bars import make_frame

from lstmcast.prices.checks import examine
from lstmcast.prices.history import PriceHistory

PRICES = ["open", "high", "low", "close"]


def raw_prices(ratios: dict[int, float], *, adjusted: bool = False) -> pd.DataFrame:
    """Return bars as traded, with splits on the given rows; with an `adj_close` on request."""
    frame = make_frame()
    for row, ratio in ratios.items():
        frame.loc[frame.index[row], "splits"] = ratio
        earlier = frame.index[:row]
        frame.loc[earlier, PRICES] *= ratio
        frame.loc[earlier, "volume"] /= ratio
    return frame if adjusted else frame.drop(columns="adj_close")


def read(frame: pd.DataFrame, *, raw: bool = True) -> PriceHistory:
    return PriceHistory.from_frame(frame, symbol="AAPL", source="csv", raw=raw)


@pytest.mark.parametrize(
    "ratios",
    [{200: 4.0}, {100: 7.0, 200: 4.0}, {150: 1.5}, {50: 2.0, 250: 1.1}, {120: 1 / 190}],
)
def test_a_recorded_split_that_the_prices_show_is_applied(ratios: dict[int, float]) -> None:
    whole = make_frame()
    history = read(raw_prices(ratios))
    adjusted = history.adjusted()
    for name in PRICES:
        np.testing.assert_allclose(adjusted[name], whole[name], rtol=1e-12)
    traded = whole["close"] * whole["volume"]
    np.testing.assert_allclose(adjusted["dollar_volume"], traded, rtol=1e-12)
    assert "adj_close" not in history.missing
    assert examine(history) == []
    (finding,) = history.findings
    assert finding.check == "split_applied"
    assert finding.dates == tuple(str(whole.index[row].date()) for row in ratios)


def test_splits_are_written_as_people_write_them() -> None:
    (finding,) = read(raw_prices({50: 1 / 190, 200: 4.0})).findings
    assert "(1:190, 4:1)" in finding.message


def test_prices_that_carry_the_split_are_left_alone() -> None:
    ours = make_frame().drop(columns="adj_close")
    ours.loc[ours.index[200], "splits"] = 4.0
    history = read(ours)
    assert history.missing == ("adj_close",)
    assert history.findings == ()
    carried = read(raw_prices({200: 4.0}, adjusted=True))  # as the bundled sample has them
    assert carried.findings == ()
    np.testing.assert_array_equal(carried.bars["adj_close"], make_frame()["adj_close"])


def test_only_the_newest_split_may_be_missing_from_the_prices() -> None:
    frame = raw_prices({200: 4.0})
    frame.loc[frame.index[100], "splits"] = 3.0  # the prices carry this one
    history = read(frame)
    np.testing.assert_allclose(history.bars["adj_close"], make_frame()["close"], rtol=1e-12)
    (finding,) = history.findings
    assert finding.dates == (str(frame.index[200].date()),)


def test_a_jump_that_is_not_the_recorded_ratio_is_for_the_user_to_judge() -> None:
    frame = raw_prices({200: 2.5}).assign(splits=0.0)
    frame.loc[frame.index[200], "splits"] = 4.0
    history = read(frame)
    assert history.missing == ("adj_close",)
    (finding,) = examine(history)
    assert (finding.check, finding.level) == ("split_not_applied", "suspect")


def test_sources_that_adjust_are_not_second_guessed() -> None:
    assert read(raw_prices({200: 4.0}), raw=False).findings == ()
