"""Simulated bars read as features: the same numbers as of price histories, never of later bars."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from support.worlds import PRICES, World, world

from lstmcast.features import Bars, FeatureMatrix, build_features, build_matrices
from lstmcast.features.registry import CLIP, GROUPS, WARM_UP
from lstmcast.pretraining.panel import (
    OPTIONAL_GROUPS,
    OWN_GROUPS,
    POOL_SIZES,
    SimulatedPanel,
    read_markets,
)
from lstmcast.prices.history import PriceHistory
from lstmcast.simulation import SimulatedBars

GROUP, DRAWS = 8, 2
HORIZONS = (1, 5, 60)
FLOAT32 = 3e-7
"""Relative rounding of what the panel keeps as float32."""


@pytest.fixture(scope="module")
def drawn() -> World:
    return world(frozenset(), group=GROUP, draws=DRAWS, markets=64, sessions=300)


def read(bars: SimulatedBars, seed: int = 0) -> SimulatedPanel:
    return read_markets(bars, HORIZONS, GROUP, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def panel(drawn: World) -> SimulatedPanel:
    return read(drawn.bars)


def history(drawn: World, market: int) -> PriceHistory:
    return PriceHistory.from_frame(
        drawn.frame(market), symbol=f"M{market}", source="csv", timezone="America/New_York"
    )


def has(panel: SimulatedPanel, group: str) -> np.ndarray:
    """Which markets have a feature group, by its flag."""
    flag = panel.features[:, :, panel.columns.index(f"has_{group}")].numpy()
    assert (flag == flag[:, :1]).all()
    assert set(np.unique(flag)) == {0.0, 1.0}
    return np.asarray(flag[:, 0] == 1)


def columns_of(panel: SimulatedPanel, market: int, names: list[str]) -> np.ndarray:
    places = [panel.columns.index(name) for name in names]
    return np.asarray(panel.features[market][:, places].double().numpy())


def own(matrix: FeatureMatrix) -> pd.DataFrame:
    return matrix.table.iloc[:-1]  # the panel's last row is one before the last session


@pytest.mark.parametrize("group", OWN_GROUPS)
def test_a_table_of_markets_has_the_features_of_each_history(drawn: World, group: str) -> None:
    """The functions themselves, in float64."""
    tables = drawn.tables()
    tables["dollar_volume"] = tables["close"] * tables["volume"]
    together = GROUPS[group].compute(Bars(tables))  # type: ignore[arg-type] # as the panel does
    for market in range(0, 64, 9):
        table = build_features(history(drawn, market), [group]).table
        assert list(table) == list(together)
        for name, column in table.items():
            values = together[str(name)].to_numpy()[WARM_UP:, market].clip(-CLIP, CLIP)
            np.testing.assert_allclose(values, column, rtol=0, atol=1e-9, err_msg=str(name))


def test_the_panel_holds_the_features_of_each_history(drawn: World, panel: SimulatedPanel) -> None:
    assert panel.features.shape == (64, 300 - WARM_UP - 1, len(panel.columns))
    flags = [f"has_{name}" for name in OPTIONAL_GROUPS]
    assert list(panel.columns[-len(flags) :]) == flags
    there = {name: has(panel, name) for name in OPTIONAL_GROUPS}
    read_columns: set[str] = set()
    for market in range(0, 64, 7):
        groups = [name for name in OWN_GROUPS if name == "returns" or there[name][market]]
        matrix = build_features(history(drawn, market), groups)
        names = list(map(str, matrix.table))
        read_columns |= set(names)
        np.testing.assert_allclose(
            columns_of(panel, market, names), own(matrix), rtol=FLOAT32, atol=FLOAT32
        )
        np.testing.assert_allclose(panel.scale[market], 100 * matrix.scale[:-1], rtol=FLOAT32)
    pooled = {name for name in panel.columns if name.startswith("pool_")}
    assert read_columns | pooled | set(flags) == set(panel.columns)


def test_what_a_market_lacks_is_missing_and_flagged(panel: SimulatedPanel) -> None:
    tables = {name: named(name) for name in OPTIONAL_GROUPS}
    for name, columns in tables.items():
        there = has(panel, name)
        assert there.any()
        assert not there.all()
        values = np.stack([columns_of(panel, k, columns) for k in range(64)])
        assert np.isfinite(values[there]).all()
        assert np.isnan(values[~there]).all()
        groups = there.reshape(-1, GROUP)
        assert (groups == groups[:, :1]).all()
    assert np.array_equal(has(panel, "pool_range"), has(panel, "pool") & has(panel, "range"))
    assert np.isfinite(columns_of(panel, 0, named("returns"))).all()


def named(group: str) -> list[str]:
    """The columns of a feature group."""
    days = pd.bdate_range("2001-01-02", periods=40)
    names = [*PRICES, "volume", "dollar_volume"]
    bars = pd.DataFrame(np.arange(1.0, 41)[:, None] * np.ones(6), days, names)
    return [str(name) for name in GROUPS[group].compute(Bars(bars))]


def test_pools_are_those_of_several_histories(drawn: World, panel: SimulatedPanel) -> None:
    """The members of a pool are neighbours, all of one time zone and listed throughout."""
    names = [name for name in panel.columns if name.startswith("pool_")]
    sizes = set()
    for first in np.flatnonzero(has(panel, "pool"))[::GROUP]:
        groups = ["pool", "pool_range"] if has(panel, "pool_range")[first] else ["pool"]
        known = [name for name in names if "parkinson" not in name or len(groups) == 2]
        market = int(first)
        while market < first + GROUP:
            values = columns_of(panel, market, known)
            same = [
                k
                for k in range(market, int(first) + GROUP)
                if np.array_equal(columns_of(panel, k, known), values)
            ]
            sizes.add(len(same))
            matrices = build_matrices([history(drawn, k) for k in same], groups)
            for matrix in matrices.values():
                expected = own(matrix)[known]
                np.testing.assert_allclose(values, expected, rtol=FLOAT32, atol=FLOAT32)
            market += len(same)
            if market < first + GROUP:
                break  # one pool of each group is enough
    assert sizes <= set(POOL_SIZES)
    assert len(sizes) > 1


def test_what_came_true_is_what_the_closes_say(drawn: World, panel: SimulatedPanel) -> None:
    """A return of zero may be no target, in markets that trade in ticks."""
    close = np.log(drawn.numbers("close"))
    ticking = drawn.constants("tick") > 0
    rows = 300 - WARM_UP - 1
    assert panel.next_returns.shape == (64, rows, 1 + DRAWS)
    assert panel.cumulated.shape == (64, rows, len(HORIZONS))

    def agree(target: torch.Tensor, moved: np.ndarray) -> None:
        known = ~(target.isnan().numpy() & (moved == 0) & ticking)
        assert known[~ticking].all()
        np.testing.assert_allclose(target[known], moved[known], atol=1e-5, rtol=1e-6)

    for row in (0, 100, rows - 60, rows - 5, rows - 1):
        session = WARM_UP + row
        for k, horizon in enumerate(HORIZONS):
            if session + horizon < 300:
                moved = 100 * (close[session + horizon] - close[session])
                agree(panel.cumulated[:, row, k], moved)
            else:
                assert panel.cumulated[:, row, k].isnan().all()
        agree(panel.next_returns[:, row, 0], 100 * (close[session + 1] - close[session]))
        for draw in range(DRAWS):
            further = drawn.bars.again[session + 1, :, draw].double().numpy()
            agree(panel.next_returns[:, row, 1 + draw], further)


@pytest.mark.parametrize("row", [0, 150, 275])
def test_no_row_depends_on_later_bars(drawn: World, panel: SimulatedPanel, row: int) -> None:
    """Not to the bit alone: what is known at a row is the same whatever comes after it."""
    random = torch.Generator().manual_seed(11)
    later = slice(WARM_UP + row + 1, None)

    def altered(values: torch.Tensor) -> torch.Tensor:
        changed = values.clone()
        noise = torch.randn(changed[later].shape, generator=random)
        changed[later] = values[later] * torch.exp(noise)
        return changed

    names = (*PRICES, "volume", "volatility")
    bars = replace(drawn.bars, **{name: altered(getattr(drawn.bars, name)) for name in names})
    other = read(bars)
    upto = slice(None, row + 1)
    assert torch.equal(other.features[:, upto].nan_to_num(9), panel.features[:, upto].nan_to_num(9))
    assert torch.equal(other.scale[:, upto], panel.scale[:, upto])
    assert not torch.equal(other.next_returns[:, row], panel.next_returns[:, row])
    if row < 275:
        assert not torch.equal(other.scale[:, row + 1], panel.scale[:, row + 1])


def test_a_seed_decides_what_markets_lack(drawn: World, panel: SimulatedPanel) -> None:
    again, other = read(drawn.bars), read(drawn.bars, seed=1)
    assert torch.equal(again.features.nan_to_num(9), panel.features.nan_to_num(9))
    assert not torch.equal(other.features.nan_to_num(9), panel.features.nan_to_num(9))
    assert torch.equal(other.scale, panel.scale)


def test_values_beyond_the_clip_are_cut_off(drawn: World, panel: SimulatedPanel) -> None:
    volume = drawn.bars.volume.clone()
    volume[200] *= 1e9
    other = read(replace(drawn.bars, volume=volume))
    column = other.features[:, 200 - WARM_UP, other.columns.index("volume")].numpy()
    np.testing.assert_array_equal(column[has(panel, "volume")], CLIP)
