"""The report: every forecaster on the same rows, plain JSON, and words that fit the figures."""

import json
import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from support.simulated import bars_from_returns, constant_t, garch_returns, predict

from lstmcast.baselines import baseline_table, get_baseline
from lstmcast.errors import DataError, RunError, UsageError
from lstmcast.evaluation import evaluate as evaluate_all

FIRST = 700
ROWS = 900


def world() -> dict[str, pd.DataFrame]:
    return {name: bars_from_returns(garch_returns(k, ROWS)[0]) for k, name in enumerate("AB")}


def predicted(horizons: int = 1, scale: float = 0.01) -> pd.DataFrame:
    forecast = constant_t(ROWS - FIRST, horizons, scale=scale)
    return predict(world(), FIRST, dict.fromkeys("AB", forecast))


evaluate = partial(evaluate_all, baselines=["random_walk", "ewma"])


def test_every_forecaster_is_scored_on_the_same_rows() -> None:
    report = evaluate_all(predicted(2), world())
    assert {"model", "random_walk", "ewma", "garch", "har_range"} <= set(report.forecasters)
    for part in report.forecasters.values():
        for horizon in (1, 2):
            assert part.pooled[horizon].rows == report.forecasters["model"].pooled[horizon].rows
            assert part.pooled[horizon].up_share == pytest.approx(
                report.forecasters["model"].pooled[horizon].up_share
            )
    assert report.forecasters["random_walk"].pooled[1].rmse_ratio == pytest.approx(1, abs=1e-12)


def test_metrics_are_plain_json() -> None:
    values = evaluate(predicted(2), world()).to_dict()
    text = json.dumps(values, allow_nan=False)
    assert json.loads(text) == values
    assert values["schema_version"] == 1
    assert values["forecasters"]["random_walk"]["pooled"]["1"]["hit_rate"] is None


def test_baseline_rows_keep_the_models_truth_after_a_dividend_rebased_the_closes() -> None:
    table = predicted()
    rebased = {name: bars.assign(close=0.98 * bars["close"]) for name, bars in world().items()}
    aligned = baseline_table(get_baseline("ewma"), table, rebased)
    for name in ("close_origin", "close_actual", "return_actual"):
        np.testing.assert_array_equal(aligned[name], table[name])


def test_baselines_are_fitted_before_the_first_origin_by_default() -> None:
    table, bars = predicted(), world()
    dates = {name: frame.index[FIRST] for name, frame in bars.items()}
    default = baseline_table(get_baseline("ewma"), table, bars)
    stated = baseline_table(get_baseline("ewma"), table, bars, fit_end=dates)
    earlier = {name: frame.index[FIRST - 100] for name, frame in bars.items()}
    shorter = baseline_table(get_baseline("ewma"), table, bars, fit_end=earlier)
    pd.testing.assert_frame_equal(default, stated)
    assert not np.allclose(default["q05"], shorter["q05"])


def test_fitting_on_test_rows_is_refused() -> None:
    bars = world()
    late = {name: frame.index[FIRST + 10] for name, frame in bars.items()}
    with pytest.raises(DataError, match="comes after the first origin"):
        evaluate(predicted(), bars, fit_end=late)


def test_prices_that_changed_since_the_run_are_an_error() -> None:
    bars = world()
    closes = bars["B"]["close"].to_numpy().copy()
    closes[FIRST + 20] *= 1.001
    bars["B"] = bars["B"].assign(close=closes)
    with pytest.raises(RunError, match="prices of B have changed since the run"):
        evaluate(predicted(), bars)


def test_prices_that_lack_a_session_are_an_error() -> None:
    bars = world()
    bars["A"] = bars["A"].drop(bars["A"].index[FIRST + 20])
    with pytest.raises(RunError, match="prices of A have no session on"):
        evaluate(predicted(), bars)


def test_repeated_rows_are_an_error() -> None:
    table = predicted()
    with pytest.raises(RunError, match="repeat a row"):
        evaluate(pd.concat([table, table.iloc[:1]]), world())


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(DataError, match="no forecasts to evaluate"):
        evaluate(predicted().iloc[:0], world())


def test_an_unknown_baseline_is_an_error() -> None:
    with pytest.raises(UsageError, match="`magic` is not a baseline"):
        evaluate(predicted(), world(), baselines=["magic"])


def test_scores_do_not_depend_on_the_order_of_the_rows() -> None:
    table = predicted(2)
    shuffled = table.sample(frac=1, random_state=0)
    first, second = (evaluate(rows, world()).forecasters for rows in (table, shuffled))
    for name in first:
        for horizon, scores in first[name].pooled.items():
            assert math.isclose(scores.crps, second[name].pooled[horizon].crps, rel_tol=1e-12)
