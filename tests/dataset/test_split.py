"""The split: no return is seen by two parts, and every test session has a forecast."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmcast.config import SplitDates, SplitFractions
from lstmcast.dataset import (
    Boundaries,
    Parts,
    assign_origins,
    check_horizon,
    check_parts,
    resolve_split,
)
from lstmcast.dataset.split import check_windows
from lstmcast.errors import DataError

SESSIONS = pd.bdate_range("2001-01-02", periods=400, name="date")


def returns_seen(origins: np.ndarray, horizon: int) -> set[int]:
    """Row numbers of the sessions whose return is part of a forecast's truth."""
    return {int(origin) + step for origin in origins for step in range(1, horizon + 1)}


@st.composite
def splits(draw: st.DrawFn) -> tuple[pd.DatetimeIndex, Boundaries, int]:
    """A symbol's sessions (holes and all), boundaries anywhere, and a horizon."""
    first = draw(st.integers(0, 350))
    holes = draw(st.sets(st.integers(0, 399), max_size=40))
    dates = SESSIONS[[k for k in range(first, 400) if k not in holes]]
    ends = sorted(draw(st.sets(st.integers(0, 399), min_size=3, max_size=3)))
    boundaries = Boundaries(*(pd.Timestamp(SESSIONS[k]) for k in ends))
    return dates, boundaries, draw(st.integers(1, 20))


@given(splits())
def test_no_return_is_seen_by_two_parts(case: tuple[pd.DatetimeIndex, Boundaries, int]) -> None:
    dates, boundaries, horizon = case
    parts = assign_origins(dates, boundaries, horizon)
    # A test forecast is scored on the sessions that are there; its longer horizons need not be.
    seen = [
        returns_seen(parts.train, horizon),
        returns_seen(parts.validation, horizon),
        returns_seen(parts.test, 1),
    ]
    assert sum(map(len, seen)) == len(set.union(*seen))
    for earlier, later in pairwise(seen):
        assert not earlier or not later or max(earlier) < min(later)
    ends = (boundaries.train_end, boundaries.validation_end, boundaries.test_end)
    for rows, end in zip(seen, ends, strict=True):
        assert all(dates[row] <= end for row in rows)


@given(splits())
def test_every_test_session_has_a_forecast_of_one_session_ahead(
    case: tuple[pd.DatetimeIndex, Boundaries, int],
) -> None:
    dates, boundaries, horizon = case
    parts = assign_origins(dates, boundaries, horizon)
    inside = (dates > boundaries.validation_end) & (dates <= boundaries.test_end)
    expected = np.flatnonzero(inside)
    # The very first session of a symbol has none before it to forecast it from.
    assert list(parts.test + 1) == list(expected[expected > 0])


@given(splits())
def test_the_purge_costs_a_part_its_last_horizon_origins_and_no_more(
    case: tuple[pd.DatetimeIndex, Boundaries, int],
) -> None:
    dates, boundaries, horizon = case
    parts = assign_origins(dates, boundaries, horizon)
    trained = int((dates <= boundaries.train_end).sum())
    validated = int((dates <= boundaries.validation_end).sum())
    assert list(parts.train) == list(range(max(0, trained - horizon)))
    assert list(parts.validation) == list(range(max(trained - 1, 0), validated - horizon))


def test_fractions_count_the_sessions_on_which_any_symbol_traded() -> None:
    early, late = SESSIONS[:300], SESSIONS[100:]
    split = SplitFractions(train=0.5, validation=0.25, test=0.25)
    assert resolve_split(split, [late, early]) == Boundaries(
        SESSIONS[199], SESSIONS[299], SESSIONS[399]
    )


def test_dates_are_taken_as_they_are_and_an_open_end_is_the_last_session() -> None:
    split = SplitDates.model_validate({"train_end": "2001-06-30", "validation_end": "2001-09-30"})
    found = resolve_split(split, [SESSIONS[:200], SESSIONS])
    assert found == Boundaries(
        pd.Timestamp("2001-06-30"), pd.Timestamp("2001-09-30"), SESSIONS[399]
    )
    closed = split.model_copy(update={"test_end": pd.Timestamp("2001-12-31").date()})
    assert resolve_split(closed, [SESSIONS]).test_end == pd.Timestamp("2001-12-31")


def test_symbols_of_different_first_days_are_split_on_the_same_dates() -> None:
    boundaries = resolve_split(
        SplitFractions(train=0.5, validation=0.25, test=0.25), [SESSIONS, SESSIONS[150:]]
    )
    for dates in (SESSIONS, SESSIONS[150:]):
        parts = assign_origins(dates, boundaries, 5)
        assert dates[parts.train[-1] + 5] == boundaries.train_end
        assert dates[parts.validation[0]] == boundaries.train_end
        assert dates[parts.validation[-1] + 5] == boundaries.validation_end
        assert dates[parts.test[0]] == boundaries.validation_end


def parts(train: int, validation: int, test: int) -> Parts:
    """Parts of the given sizes, one after the other."""
    ends = np.cumsum([train, validation, test])
    sizes = (train, validation, test)
    rows = [np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return Parts(*rows)


BOUNDARIES = Boundaries(*(pd.Timestamp(SESSIONS[k]) for k in (99, 199, 299)))


def test_parts_that_suffice_pass() -> None:
    check_parts({"A": parts(30, 1, 1), "B": parts(0, 0, 1)}, BOUNDARIES, lookback=30)
    young = {"B": parts(3, 1, 1)}  # it forecasts with what the ended ones taught
    check_parts({"A": parts(30, 0, 0), **young}, BOUNDARIES, lookback=30, tested=young)


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        ({"A": parts(29, 9, 9)}, "`training.lookback` 30 needs as many training sessions, got 29"),
        ({"A": parts(0, 9, 9)}, "no session is left to train on up to 2001-05-21"),
        ({"A": parts(50, 0, 9), "B": parts(9, 0, 9)}, "`split` leaves no validation sessions"),
        ({"A": parts(50, 9, 9), "B": parts(50, 9, 0)}, "no test sessions for B after"),
    ],
)
def test_a_part_that_is_too_short_is_named(found: dict[str, Parts], fault: str) -> None:
    with pytest.raises(DataError, match=fault) as caught:
        check_parts(found, BOUNDARIES, lookback=30)
    assert caught.value.hint


def test_a_split_after_the_prices_is_named() -> None:
    late = Boundaries(*(pd.Timestamp(day) for day in ("2030-01-02", "2031-01-02", "2024-06-28")))
    with pytest.raises(DataError, match="is 2030-01-02, and the prices end on 2024-06-28"):
        check_parts({"A": parts(50, 0, 0)}, late, lookback=30)


@pytest.mark.parametrize(
    ("sessions", "hint"),
    [
        (29, "shorten it to `training.lookback: 29`, fetch"),
        (15, "set `training.lookback: 15` and `training.burn_in: 3`, fetch"),
        (1, "fetch"),
    ],
)
def test_a_window_is_not_shortened_below_its_warm_up(sessions: int, hint: str) -> None:
    """Else the next error would ask for a longer one again."""
    with pytest.raises(DataError, match="needs as many training sessions") as caught:
        check_parts({"A": parts(sessions, 9, 9)}, BOUNDARIES, lookback=80, burn_in=20)
    assert str(caught.value.hint).startswith(hint)


def test_whole_windows_must_end_at_the_test_origins() -> None:
    check_windows({"A": parts(30, 9, 9), "B": parts(0, 29, 9)}, lookback=30)
    with pytest.raises(DataError, match=r"`training.lookback` 30 reaches back before .* of B, for"):
        check_windows({"A": parts(30, 9, 9), "B": parts(0, 28, 9)}, lookback=30)
    with pytest.raises(DataError, match="leaves no validation session with a whole window"):
        check_windows({"A": parts(30, 0, 9), "B": parts(10, 18, 9)}, lookback=29)


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [(9, 40, "longer than the training part, which has 9 sessions"),
     (60, 9, "longer than the validation part, which has 9 sessions")],
)  # fmt: skip
def test_a_horizon_longer_than_a_part_is_told_with_what_would_work(
    train: int, validation: int, message: str
) -> None:
    dates = pd.bdate_range("2010-01-04", periods=200)
    ends = Boundaries(dates[train - 1], dates[train + validation - 1], dates[-1])
    check_horizon([dates], ends, 9)
    with pytest.raises(DataError, match=message) as caught:
        check_horizon([dates, dates[:5]], ends, 10)
    assert caught.value.message.startswith("`target.horizon` 10 ")
    assert "`target.horizon: 9`" in str(caught.value.hint)
