"""Features know nothing of what comes later, nothing of the unit of prices, nothing of splits."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.histories import altered_after, as_history, cut_after, simulated_bars

from lstmcast.features import GROUPS, FeatureMatrix, build_features
from lstmcast.features.registry import LONG_WARM_UP
from lstmcast.prices.history import PriceHistory

ROWS = 200
BARS = simulated_bars(3, ROWS)
HISTORY = as_history(BARS)
EVERY = tuple(GROUPS)
SCALE_FREE = tuple(name for name, group in GROUPS.items() if group.scale_free)

rows = st.integers(LONG_WARM_UP, ROWS - 2)
seeds = st.integers(0, 10_000)


def assert_equal(one: FeatureMatrix, other: FeatureMatrix) -> None:
    """Equal to the bit, dates included."""
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True, check_freq=False)
    pd.testing.assert_series_equal(one.scale, other.scale, check_exact=True, check_freq=False)
    pd.testing.assert_series_equal(one.closes, other.closes, check_exact=True, check_freq=False)


@lru_cache
def whole(groups: tuple[str, ...] = EVERY) -> FeatureMatrix:
    """Features of the whole history, which every example is compared with."""
    return build_features(HISTORY, groups)


def up_to(matrix: FeatureMatrix, session: pd.Timestamp) -> FeatureMatrix:
    return FeatureMatrix(
        matrix.table.loc[:session], matrix.scale.loc[:session], matrix.closes.loc[:session]
    )


@given(row=rows, seed=seeds)
@settings(max_examples=6)
def test_altering_later_bars_changes_no_feature(row: int, seed: int) -> None:
    session = HISTORY.bars.index[row]
    changed = altered_after(HISTORY, session, seed)
    assert not changed.bars.iloc[row + 1 :].equals(HISTORY.bars.iloc[row + 1 :])
    after = build_features(changed, EVERY)
    assert_equal(up_to(whole(), session), up_to(after, session))


@given(row=rows)
@settings(max_examples=6)
def test_features_of_a_truncated_history_are_the_same_to_the_bit(row: int) -> None:
    session = HISTORY.bars.index[row]
    assert_equal(up_to(whole(), session), build_features(cut_after(HISTORY, session), EVERY))


@pytest.mark.parametrize("group", sorted(set(GROUPS) - {"calendar"}))
def test_the_last_bar_counts(group: str) -> None:
    """Features late by a session would pass the tests above: today's bar must be seen."""
    last = HISTORY.last
    changed = altered_after(HISTORY, HISTORY.bars.index[-2], seed=1)
    before = build_features(HISTORY, [group]).table.loc[last]
    after = build_features(changed, [group]).table.loc[last]
    assert (before != after).any()


@given(factor=st.floats(1e-3, 1e4))
@settings(max_examples=6)
def test_the_unit_of_prices_does_not_matter(factor: float) -> None:
    prices = ["open", "high", "low", "close", "adj_close"]
    scaled = BARS.assign(**{name: BARS[name] * factor for name in prices})
    ours, theirs = whole(SCALE_FREE), build_features(as_history(scaled), SCALE_FREE)
    np.testing.assert_allclose(theirs.table, ours.table, atol=1e-9)
    np.testing.assert_allclose(theirs.scale, ours.scale, rtol=1e-9)
    np.testing.assert_allclose(theirs.closes, factor * ours.closes, rtol=1e-12)


def split_history(row: int, ratio: float) -> PriceHistory:
    """The history of `BARS` as traded through a split at `row`.

    Before it a share costs `ratio` times as much and fewer change hands; the adjusted close runs
    through.
    """
    before = np.arange(ROWS) < row
    traded = BARS.copy()
    for name in ("open", "high", "low", "close"):
        traded[name] = BARS[name].where(~before, BARS[name] * ratio)
    traded["volume"] = BARS["volume"].where(~before, BARS["volume"] / ratio)
    return as_history(traded)


@given(row=st.integers(1, ROWS - 1), ratio=st.sampled_from([2.0, 7.0, 0.1, 1.5]))
@settings(max_examples=6)
def test_a_split_changes_nothing(row: int, ratio: float) -> None:
    ours, theirs = whole(), build_features(split_history(row, ratio), EVERY)
    np.testing.assert_allclose(theirs.table, ours.table, atol=1e-9)
    np.testing.assert_allclose(theirs.scale, ours.scale, rtol=1e-9)


def test_halted_sessions_have_finite_features() -> None:
    """Weeks without a trade: no range, no return, no volume."""
    bars = BARS.copy()
    halted = bars.iloc[90:130].index
    for name in ("open", "high", "low", "close", "adj_close"):
        bars.loc[halted, name] = bars["close"].iloc[89]
    bars.loc[halted, "volume"] = 0.0
    table = build_features(as_history(bars), EVERY).table
    assert np.isfinite(table.to_numpy()).all()


def test_a_crash_is_cut_off() -> None:
    bars = BARS.copy()
    later = np.arange(ROWS) >= 150
    for name in ("open", "high", "low", "close", "adj_close"):
        bars[name] = bars[name].where(~later, bars[name] / 500)
    history = replace(as_history(bars), symbol="CRASH")
    assert np.abs(build_features(history, SCALE_FREE).table.to_numpy()).max() <= 8.0
