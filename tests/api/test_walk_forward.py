"""Splitters: `WalkForward` in scikit-learn's tools, and scikit-learn's in a backtest."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    TimeSeriesSplit,
    check_cv,
    cross_val_score,
)
from support.histories import simulated

import lstmcast
from lstmcast import WalkForward
from lstmcast.errors import DataError, UsageError
from lstmcast.evaluation.backtest import Fold, plan_folds
from lstmcast.evaluation.backtest.splitter import planned_by

DAYS = pd.bdate_range("2001-01-02", periods=400)


@pytest.mark.parametrize("window", ["expanding", "rolling"])
@pytest.mark.parametrize("gap", [0, 3])
def test_it_splits_as_a_backtest_plans(window: Any, gap: int) -> None:
    frame = pd.DataFrame({"x": 0.0}, index=DAYS)
    splitter = WalkForward(4, window=window, first=DAYS[260].date(), gap=gap)
    folds = plan_folds(
        DAYS, folds=4, horizon=5, window=window, first=DAYS[260], embargo=gap, fewest=250
    )
    parts = list(splitter.split(frame))
    assert len(parts) == splitter.get_n_splits() == 4
    for fold, (train, test) in zip(folds, parts, strict=True):
        assert (DAYS[train[0]], DAYS[train[-1]]) == (fold.start, fold.validation_end)
        assert (DAYS[test[0] - 1], DAYS[test[-1] - 1]) == (fold.first_origin, fold.last_origin)
        assert len(train) == train[-1] - train[0] + 1
        assert test[0] - train[-1] == gap + 1
    assert np.concatenate([test for _, test in parts]).tolist() == list(range(260, 400))


def test_by_default_it_begins_in_the_middle_and_takes_anything_with_a_length() -> None:
    for rows in (range(20), np.zeros((20, 3)), [0] * 20, pd.Series(0.0, index=range(20))):
        (train, test), _ = WalkForward(2).split(rows)
        assert (train.tolist(), test.tolist()) == (list(range(10)), list(range(10, 15)))
    (train, test) = next(WalkForward(1, first=3).split(range(20)))
    assert (len(train), len(test)) == (3, 17)


def test_scikit_learn_takes_it_as_cv() -> None:
    rows = np.arange(60.0)
    cv = WalkForward(5, gap=1)
    assert check_cv(cv) is cv
    scores = cross_val_score(DummyRegressor(), rows[:, None], rows, cv=cv)
    assert scores.shape == (5,)
    search = GridSearchCV(DummyRegressor(), {"strategy": ["mean", "median"]}, cv=cv)
    search.fit(rows[:, None], rows)
    assert search.n_splits_ == 5


@pytest.mark.parametrize(
    ("splitter", "error", "words"),
    [
        (WalkForward(0), UsageError, "`n_splits` must be at least 1"),
        (WalkForward(2, gap=-1), UsageError, "`gap` at least 0"),
        (WalkForward(2, window="sliding"), UsageError, "'sliding'"),  # type: ignore[arg-type]
        (WalkForward(2, first=0), DataError, "0 rows to train on"),
        (WalkForward(20, first=390), DataError, "10 to forecast for 20 folds"),
        (WalkForward(2, first="2001-02-01"), UsageError, "the rows are not indexed by date"),
    ],
)
def test_arguments_out_of_range_are_told(
    splitter: WalkForward, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        list(splitter.split(np.zeros(400)))


@pytest.mark.parametrize(
    ("splitter", "words"),
    [
        (KFold(3), "fold 1 does not train on one stretch before another"),
        (ShuffleSplit(2, random_state=0), "fold 1 does not train on one stretch before another"),
        (TimeSeriesSplit(500), "cannot split 400 sessions"),
        ([(np.arange(5), np.arange(5, 9)), (np.arange(6), np.arange(8, 12))],
         "fold 2 forecasts sessions that an earlier fold forecasts"),
        ([(np.arange(5), np.array([5, 7]))], "fold 1 does not train on one stretch"),
        ([(np.arange(0), np.arange(5, 7))], "fold 1 does not train on one stretch"),
        ([], "makes no folds"),
    ],
)  # fmt: skip
def test_what_does_not_go_forward_is_no_walk(splitter: Any, words: str) -> None:
    class Parts:
        def split(self, *_: Any) -> Any:
            return iter(splitter)

        def get_n_splits(self, *_: Any) -> int:
            return len(splitter)

    with pytest.raises(UsageError, match=words):
        planned_by(Parts() if isinstance(splitter, list) else splitter, DAYS)


# --- the backtest --------------------------------------------------------------------------------

QUICK: dict[str, Any] = {"baselines": ["random_walk", "ewma"], "epochs": 0, "members": 1}


def test_folds_of_scikit_learn_forecast_the_sessions_that_it_says(tmp_path: Path) -> None:
    history = simulated(rows=330)
    told: list[Fold] = []
    found = lstmcast.backtest(
        history,
        cv=TimeSeriesSplit(2, test_size=65, gap=2),
        on_fold=told.append,
        horizon=2,
        **QUICK,
    )
    model = found.tables["model"]
    nearest = model[model["horizon"] == 1]
    assert list(nearest["date"]) == list(history.dates[-130:])
    assert repr(found).startswith("BacktestReport(model, random_walk, ewma: ")
    assert list(found.tables) == ["model", "random_walk", "ewma"]
    assert [fold.validation_end for fold in told] == [history.dates[-133], history.dates[-68]]
    scores = found.to_frame().set_index(["forecaster", "horizon"])
    expected = found.report.forecasters["ewma"].pooled[2].crps
    assert scores.loc[("ewma", 2), "crps"] == expected
    assert [path.name for path in tmp_path.rglob("*")] == ["here"]  # nothing else is kept


def test_a_splitter_of_ones_own_plans_what_a_number_of_folds_plans(tmp_path: Path) -> None:
    history = simulated(rows=330)
    number = lstmcast.backtest(history, cv=2, horizon=2, data_dir=tmp_path, **QUICK)
    splitter = WalkForward(2)
    kept = tmp_path / "runs"
    for _ in range(2):  # the second time nothing is left to do
        split = lstmcast.backtest(
            history, cv=splitter, horizon=2, runs_dir=kept, data_dir=tmp_path, **QUICK
        )
        for name, table in number.tables.items():
            pd.testing.assert_frame_equal(split.tables[name], table)
    assert len(list(kept.glob("backtest-aaa-*/fold-*.parquet"))) == 2


def test_what_is_neither_a_number_nor_a_splitter_is_told(tmp_path: Path) -> None:
    wrong: Any
    for wrong in ("ten", 0, True, 2.5):
        with pytest.raises(UsageError, match=f"`cv` is {wrong!r}, which is neither"):
            lstmcast.backtest(simulated(), cv=wrong, data_dir=tmp_path)
    with pytest.raises(UsageError, match="`nope` is not a baseline"):
        lstmcast.backtest(simulated(), baselines=["nope"], data_dir=tmp_path)
