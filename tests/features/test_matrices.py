"""Symbols that are computed as one table have the columns that each has by itself."""

import numpy as np
import pandas as pd
import pytest
from support.histories import as_history, simulated_bars
from support.remembered import honest
from support.unlike import unlike_pool

from lstmcast.errors import DataError
from lstmcast.features import GROUPS, FeatureGroup, build_features, build_matrices, matrices
from lstmcast.features.bars import Bars, Column
from lstmcast.features.pool import _Sums
from lstmcast.prices.history import PriceHistory

NAMES = ("returns", "range", "volume", "news", "calendar")


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute as the program does."""
    monkeypatch.setattr(matrices, "_build", honest)


def pool() -> list[PriceHistory]:
    """Unlike symbols; one lacks its opens at first, another here and there."""
    bars = simulated_bars(7, 300)
    bars.loc[bars.index[:60], "open"] = np.nan
    patchy = simulated_bars(8, 250)
    patchy.loc[patchy.index[[100, 101, 180]], ["open", "high"]] = np.nan
    others = [as_history(bars, symbol="YOUNG"), as_history(patchy, symbol="PATCHY")]
    return [*unlike_pool(200), *others]


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """To the bit, and in memory as it was: sums over rows depend on the order there."""
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_freq=False)


@pytest.mark.parametrize("cells", [1, 900, 10**9], ids=["one by one", "a few", "all"])
def test_a_symbol_among_others_is_the_symbol_alone(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = pool()
    monkeypatch.setattr(matrices, "STACKED", cells)
    found = build_matrices(histories, NAMES)
    assert [*found] == [history.symbol for history in histories]
    for history in histories:
        alone = build_features(history, NAMES)
        same(found[history.symbol].table, alone.table)
        pd.testing.assert_series_equal(found[history.symbol].scale, alone.scale, check_exact=True)
        pd.testing.assert_series_equal(found[history.symbol].closes, alone.closes, check_exact=True)


def test_a_group_that_takes_tables_says_of_series_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = pool()
    stacked = build_matrices(histories, NAMES)
    for name in NAMES:
        group = GROUPS[name]
        plain = FeatureGroup(name, group.needs, group.compute, warm_up=group.warm_up)
        monkeypatch.setitem(GROUPS, name, plain)
    for symbol, matrix in build_matrices(histories, NAMES).items():
        same(matrix.table, stacked[symbol].table)


@pytest.mark.parametrize("stacked", [False, True])
def test_a_column_without_a_value_is_refused(
    stacked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first session with one is named, of the symbol that has it."""
    histories = unlike_pool(200)
    value = histories[3].bars["close"].iloc[90]

    def gap(bars: Bars) -> dict[str, Column]:
        close = bars.adjusted["close"]
        return {"whole": close, "holed": close.where(close != value)}

    group = FeatureGroup("own", ("close",), gap, scale_free=False, warm_up=22, stacked=stacked)
    monkeypatch.setitem(GROUPS, "own", group)
    with pytest.raises(DataError, match=r"feature `holed` of LATE has no value on \d{4}-") as error:
        build_matrices(histories, ["returns", "own"])
    assert f"{histories[3].dates[90]:%Y-%m-%d}" in str(error.value)


def test_sums_by_day_are_those_of_pandas() -> None:
    random = np.random.default_rng(1)
    tables = []
    for _ in range(30):
        days = pd.bdate_range("2020-01-01", periods=80)[random.random(80) < 0.7]
        scale = 10.0 ** random.integers(-6, 6)
        tables.append(pd.DataFrame(scale * random.normal(size=(len(days), 3)), days))
    sessions = [table.index.to_numpy() for table in tables]
    sums = _Sums.of(sessions, (table.to_numpy().T for table in tables), 3)
    expected = pd.concat(tables).groupby(level=0)
    assert (sums.total == expected.sum().to_numpy().T).all()
    assert (sums.count == expected.size().to_numpy()).all()
    assert (sums.days == expected.sum().index.to_numpy()).all()
