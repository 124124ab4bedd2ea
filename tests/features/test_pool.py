"""Columns that the symbols of a run share: means over those that are known at each close."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.histories import altered_after, as_history, cut_after, simulated, simulated_bars

from lstmcast.features import build_features, build_matrices, default_groups
from lstmcast.features.pool import PREFIX, STALE
from lstmcast.prices.history import PriceHistory

GROUPS = ("returns", "pool", "pool_range")
A = simulated(1, 300, symbol="AAA")
B = simulated(2, 300, symbol="BBB", price=900.0)
YOUNG = simulated(3, 140, symbol="CCC", first="2001-08-01")


def in_zone(history: PriceHistory, zone: str) -> PriceHistory:
    return replace(history, timezone=zone)


def own(history: PriceHistory) -> pd.DataFrame:
    table = build_features(history, GROUPS).table
    return table[[name for name in table if str(name).startswith(PREFIX)]]


def shared(histories: list[PriceHistory], *members: str) -> dict[str, pd.DataFrame]:
    columns = list(own(histories[0]))
    matrices = build_matrices(histories, GROUPS, members)
    return {symbol: matrix.table[columns] for symbol, matrix in matrices.items()}


def test_a_symbol_states_its_own_columns() -> None:
    table = build_features(A, (*GROUPS, "range")).table
    for name in table:
        if str(name).startswith(PREFIX):
            pd.testing.assert_series_equal(
                table[name], table[str(name).removeprefix(PREFIX)], check_names=False
            )


def test_the_columns_are_means_over_the_symbols_of_the_day() -> None:
    """Written out with pandas; a symbol that is not listed yet is left out."""
    found = shared([A, B, YOUNG])
    panel = pd.concat([own(A), own(B), own(YOUNG)])
    expected = panel.groupby(level=0).mean()
    for history in (A, B, YOUNG):
        table = found[history.symbol]
        pd.testing.assert_frame_equal(table, expected.loc[table.index], check_freq=False)
    first = own(YOUNG).index[0]
    before = own(A).loc[: first - pd.Timedelta(days=1)]
    alone = (before + own(B).loc[before.index]) / 2
    pd.testing.assert_frame_equal(found["AAA"].loc[before.index], alone, check_freq=False)


def test_other_columns_stay_the_symbols_own() -> None:
    matrices = build_matrices([A, B], GROUPS)
    alone = build_features(A, GROUPS)
    pd.testing.assert_series_equal(matrices["AAA"].table["return"], alone.table["return"])
    pd.testing.assert_series_equal(matrices["AAA"].scale, alone.scale)


def test_a_market_that_may_close_later_counts_a_day_late() -> None:
    here, there = in_zone(A, "Asia/Tokyo"), in_zone(B, "America/New_York")
    found = shared([here, there])["AAA"]
    expected = (own(A) + own(B).shift()) / 2
    expected.iloc[0] = own(A).iloc[0]
    pd.testing.assert_frame_equal(found, expected, check_freq=False)


def test_what_ended_long_ago_is_not_carried_on() -> None:
    ended = cut_after(B, B.bars.index[200])
    found = shared([in_zone(A, "Asia/Tokyo"), in_zone(ended, "America/New_York")])["AAA"]
    late = found.index > ended.last + pd.Timedelta(STALE)
    assert late.sum() > 50
    pd.testing.assert_frame_equal(found[late], own(A)[late])


def test_a_symbol_that_is_no_member_reads_the_mean_and_changes_none() -> None:
    three = shared([A, B, YOUNG], "AAA", "BBB")
    two = shared([A, B], "AAA", "BBB")
    for symbol in ("AAA", "BBB"):
        pd.testing.assert_frame_equal(three[symbol], two[symbol])
    days = three["CCC"].index
    pd.testing.assert_frame_equal(three["CCC"], two["AAA"].loc[days], check_freq=False)
    lone = shared([YOUNG], "AAA", "BBB")["CCC"]
    pd.testing.assert_frame_equal(lone, own(YOUNG))


@pytest.mark.parametrize("zones", [("Asia/Tokyo", "Asia/Tokyo"), ("Asia/Tokyo", "Europe/Paris")])
def test_later_bars_of_any_symbol_change_nothing(zones: tuple[str, str]) -> None:
    ours = [in_zone(A, zones[0]), in_zone(B, zones[1])]
    last = A.bars.index[220]
    whole = shared(ours)
    others = [altered_after(history, last, seed=k) for k, history in enumerate(ours)]
    for histories in (others, [cut_after(history, last) for history in ours], [ours[0], others[1]]):
        for symbol, table in shared(histories).items():
            np.testing.assert_array_equal(table.loc[:last], whole[symbol].loc[:last])


def test_the_groups_are_default_where_there_are_several_symbols() -> None:
    assert not {"pool", "pool_range"} & set(default_groups([A]))
    assert {"pool", "pool_range"} <= set(default_groups([A, B]))
    closes = as_history(simulated_bars(5, 300)[["close"]], "DDD")
    assert "pool" in default_groups([A, closes])
    assert "pool_range" not in default_groups([A, closes])


def test_files_without_a_zone_are_joined_by_what_their_tickers_say() -> None:
    """7203.T closes before New York opens, whether or not a file says so."""
    here, there = replace(A, symbol="7203.T"), replace(B, symbol="IBM")
    found = shared([here, there])
    moved = shared([here, altered_after(there, there.bars.index[219], seed=4)])
    day = here.bars.index[220]
    np.testing.assert_array_equal(
        found["7203.T"].loc[:day], moved["7203.T"].loc[:day], err_msg="its bar of that date is read"
    )
    following = here.bars.index[221]
    assert (found["7203.T"].loc[following] != moved["7203.T"].loc[following]).any()
    same = shared([here, replace(there, symbol="6758.T")])["7203.T"]
    assert (same.loc[day] != found["7203.T"].loc[day]).any()
