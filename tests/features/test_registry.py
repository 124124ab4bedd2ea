"""The table of groups, the default set, and what features refuse."""

import numpy as np
import pandas as pd
import pytest
from support.histories import as_history, simulated, simulated_bars

from lstmcast.errors import ConfigError, DataError
from lstmcast.features import GROUPS, Bars, build_features, default_groups
from lstmcast.features.bars import SCALE_FLOOR
from lstmcast.features.registry import WARM_UP


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_a_column_of_numbers_for_every_session_after_the_warm_up(group: str) -> None:
    history = simulated(1, 150)
    matrix = build_features(history, [group])
    assert GROUPS[group].name == group
    warm_up = GROUPS[group].warm_up
    assert len(matrix.table) == len(matrix.scale) == len(matrix.closes) == 150 - warm_up
    assert list(matrix.table.index) == list(history.bars.index[warm_up:])
    assert np.isfinite(matrix.table.to_numpy()).all()
    assert matrix.table.to_numpy().dtype == np.float64


def test_groups_stand_in_the_order_they_are_named() -> None:
    history = simulated(1, 100)
    both = build_features(history, ["volume", "returns"]).table
    alone = [build_features(history, [g]).table.columns for g in ("volume", "returns")]
    assert list(both.columns) == [name for columns in alone for name in columns]


def test_no_column_has_the_name_of_another_group_s() -> None:
    columns = build_features(simulated(1, 100), list(GROUPS)).table.columns
    assert columns.is_unique


def test_default_groups_are_those_that_every_history_has_columns_for() -> None:
    bars = simulated_bars(1, 100)
    whole, closes_only = as_history(bars), as_history(bars[["close"]], "BBB")
    assert "price" not in default_groups([whole])
    assert {"returns", "range", "volume"} <= set(default_groups([whole]))
    for histories in ([closes_only], [whole, closes_only], [closes_only, whole]):
        assert not {"range", "volume"} & set(default_groups(histories))
        assert "returns" in default_groups(histories)


@pytest.mark.parametrize(
    ("columns", "group", "lacking"),
    [
        (["close", "high", "low"], "range", "`open`"),
        (["close"], "range", "`open`, `high`, `low`"),
        (["open", "high", "low", "close"], "volume", "`volume`"),
    ],
)
def test_a_group_names_the_columns_that_the_source_lacks(
    columns: list[str], group: str, lacking: str
) -> None:
    history = as_history(simulated_bars(1, 100)[columns])
    with pytest.raises(DataError, match=f"`{group}` needs {lacking}, which AAA from csv lacks"):
        build_features(history, ["returns", group])


@pytest.mark.parametrize(("names", "found"), [(["returns", "moon"], "moon"), ([], "nothing")])
def test_unknown_groups_are_named(names: list[str], found: str) -> None:
    with pytest.raises(ConfigError, match=f"`features` names {found}") as caught:
        build_features(simulated(1, 100), names)
    assert "returns" in str(caught.value.hint)


def test_a_history_no_longer_than_the_warm_up_is_refused() -> None:
    with pytest.raises(DataError, match=f"has {WARM_UP} sessions, features need more than"):
        build_features(simulated(1, WARM_UP), ["returns"])
    assert len(build_features(simulated(1, WARM_UP + 1), ["returns"]).table) == 1


def test_the_slow_volatility_is_the_weighted_mean_square_of_the_returns_so_far() -> None:
    bars = Bars(simulated(2, 120).adjusted())
    returns = np.diff(np.log(bars.adjusted["close"].to_numpy()))
    age = np.arange(len(returns))[::-1]
    for half_life, computed in ((60, bars.scale), (3, bars.volatility(3))):
        share = 0.5 ** (age / half_life)
        expected = np.sqrt((share * returns**2).sum() / share.sum())
        np.testing.assert_allclose(computed.iloc[-1], expected, rtol=1e-12)


def test_a_unit_is_made_of_moves_and_a_halt_leaves_it_as_it_is() -> None:
    """Two hundred equal closes once made a unit of a thousandth, in which the next move is huge."""
    frame = simulated(2, 900).adjusted().copy()
    log_close = np.log(frame["close"].to_numpy())
    halted = np.concatenate([log_close[:500], np.full(200, log_close[499]), log_close[500:]])
    index = pd.bdate_range("2001-01-02", periods=len(halted), name="date")
    stopped = Bars(pd.DataFrame({"close": np.exp(halted)}, index=index)).scale.to_numpy()
    plain = Bars(frame).scale.to_numpy()
    assert np.all(stopped[499:700] == stopped[499])
    np.testing.assert_allclose(stopped[700:], plain[500:], rtol=1e-9)


def test_a_price_that_never_moved_has_the_least_unit() -> None:
    index = pd.bdate_range("2001-01-02", periods=50, name="date")
    scale = Bars(pd.DataFrame({"close": np.full(50, 10.0)}, index=index)).scale
    assert np.isnan(scale.iloc[0])
    assert (scale.iloc[1:] == SCALE_FLOOR).all()
