"""Histories that lack an open, a high or a low on some sessions."""

import numpy as np
import pytest
from support.histories import as_history, cut_after, simulated_bars

from lstmcast.errors import DataError
from lstmcast.features import build_features, default_groups, groups_left_out, late_beginnings
from lstmcast.features.available import completed, first_row
from lstmcast.features.registry import WARM_UP
from lstmcast.prices.history import PriceHistory

WHOLE = simulated_bars(1, 400)


def lacking(rows: slice, *columns: str, symbol: str = "AAA") -> PriceHistory:
    bars = WHOLE.copy()
    bars.loc[bars.index[rows], list(columns)] = np.nan
    return as_history(bars, symbol)


def test_a_group_begins_where_the_history_has_what_it_needs() -> None:
    history = lacking(slice(0, 150), "open")
    matrix = build_features(history, ["returns", "range"])
    assert matrix.table.index[0] == WHOLE.index[150 + WARM_UP]
    ours, theirs = (build_features(h, ["range"]).table for h in (history, as_history(WHOLE)))
    np.testing.assert_array_equal(ours, theirs.loc[ours.index])
    assert len(build_features(history, ["returns"]).table) == 400 - WARM_UP
    (said,) = late_beginnings([as_history(WHOLE, "BBB"), history], ["returns", "range"])
    assert said.startswith(
        f"AAA: what `range` needs is there from {WHOLE.index[150]:%Y-%m-%d} on, so forecasts begin"
    )
    assert late_beginnings([history], ["returns"]) == []


def test_groups_that_one_symbol_costs_all_are_told_with_its_name() -> None:
    whole, closes = as_history(WHOLE, "BBB"), as_history(WHOLE[["close"]])
    no_volume = as_history(WHOLE.drop(columns="volume"), "CCC")
    assert groups_left_out([whole]) == []
    assert groups_left_out([closes]) == [
        "features leave out `range`, `volume`: AAA lacks their columns"
    ]
    others = "; a run of the other symbols alone would use them"
    assert groups_left_out([whole, closes, no_volume]) == [
        f"features leave out `range`, `pool_range`: AAA lacks their columns{others}",
        f"features leave out `volume`: AAA, CCC lack their columns{others}",
    ]


def test_what_comes_later_does_not_move_the_beginning() -> None:
    history = lacking(slice(0, 150), "open", "high")
    whole = build_features(history, ["range"]).table
    cut = build_features(cut_after(history, WHOLE.index[300]), ["range"]).table
    np.testing.assert_array_equal(whole.loc[: WHOLE.index[300]], cut)


def test_single_lacks_are_bridged_and_lose_no_session() -> None:
    rows = slice(100, 400, 37)
    history = lacking(rows, "open", "high", "low")
    table = build_features(history, ["range"]).table
    assert len(table) == 400 - WARM_UP
    assert np.isfinite(table.to_numpy()).all()
    assert (table["overnight"].loc[WHOLE.index[rows]] == 0).all()
    bars = completed(history.adjusted())
    day, before = WHOLE.index[100], WHOLE.index[99]
    assert bars.loc[day, "open"] == WHOLE.loc[before, "close"]
    ends = [WHOLE.loc[before, "close"], WHOLE.loc[day, "close"]]
    assert (bars.loc[day, "low"], bars.loc[day, "high"]) == (min(ends), max(ends))


def test_an_unknown_open_lies_within_the_session_s_range() -> None:
    history = lacking(slice(100, 400, 2), "open")
    bars = completed(history.adjusted())
    assert ((bars["low"] <= bars["open"]) & (bars["open"] <= bars["high"])).all()
    lacks = history.bars["open"].isna()
    np.testing.assert_array_equal(bars["open"][~lacks], WHOLE["open"][~lacks])


@pytest.mark.parametrize(("rows", "named"), [(slice(0, 150), True), (slice(0, 250), False)])
def test_a_default_group_has_its_columns_for_half_of_the_sessions(rows: slice, named: bool) -> None:
    assert ("range" in default_groups([lacking(rows, "open")])) is named
    assert "returns" in default_groups([lacking(rows, "open")])


def test_a_column_that_comes_and_goes_is_none() -> None:
    history = lacking(slice(0, 400, 2), "open")
    assert first_row(history, ["open"]) is None
    assert "range" not in default_groups([history])
    with pytest.raises(DataError, match="`range` needs `open`, which AAA from csv has for no 22"):
        build_features(history, ["range"])


def test_too_few_sessions_with_the_column_are_refused_by_name() -> None:
    history = lacking(slice(0, 350), "high")
    day = f"{WHOLE.index[350]:%Y-%m-%d}"
    with pytest.raises(DataError, match=f"`features` indicators_bars need from {day} on, 50"):
        build_features(history, ["indicators_bars"])
    assert len(build_features(history, ["range"]).table) == 50 - WARM_UP
