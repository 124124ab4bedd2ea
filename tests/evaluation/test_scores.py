"""Scores against plain loops, closed forms and known truths."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.simulated import constant_t, points, predict, random_walk

from lstmcast.evaluation.scores import (
    Scores,
    pinball,
    pooled,
    row_losses,
    score_table,
    winkler,
)
from lstmcast.predictions import QUANTILES, RANGES


def table(
    seed: int = 1,
    rows: int = 400,
    first: int = 200,
    *,
    df: float = 5.0,
    loc: float = 0.0,
    scale: float = 0.01,
) -> pd.DataFrame:
    bars = {"X": random_walk(seed, rows=rows, scale=0.01)}
    forecast = constant_t(rows - first, df=df, loc=loc, scale=scale)
    return predict(bars, first, {"X": forecast})


def score(rows: pd.DataFrame) -> Scores:
    """Scores of a table of one symbol and one horizon."""
    return score_table(rows)[1]["X"][1]


def test_row_losses_are_the_loop() -> None:
    rows = table()
    losses = row_losses(rows)
    for (_, row), (_, loss) in zip(rows.iterrows(), losses.iterrows(), strict=True):
        actual = 100 * row["return_actual"]
        density = math.exp(row["log_density"]) / 100
        assert loss["log_score"] == pytest.approx(-math.log(density), rel=1e-12)
        price = row["close_origin"] * math.exp(row["q50"])
        error = price - row["close_actual"]
        assert loss["price_square"] == pytest.approx(error**2, abs=1e-12)
        assert loss["price_absolute"] == pytest.approx(abs(error), abs=1e-12)
        low, high = 100 * row["q10"], 100 * row["q90"]
        missed = max(low - actual, 0) + max(actual - high, 0)
        assert loss["winkler_80"] == pytest.approx(high - low + missed / 0.1, rel=1e-9)
        assert loss["inside_80"] == (low <= actual <= high)


def test_scores_of_the_true_distribution() -> None:
    """The truth scores its own entropy and covers what it states, within sampling error."""
    rows = table(seed=2, rows=6000, df=5.0, scale=0.01)
    found = score(rows)
    entropy = float(stats.t(5, scale=1.0).entropy())
    assert found.log_score == pytest.approx(entropy, abs=0.04)
    for nominal in RANGES:
        expected = nominal / 100
        error = math.sqrt(expected * (1 - expected) / len(rows))
        assert getattr(found, f"coverage_{nominal}") == pytest.approx(expected, abs=3.5 * error)


def test_a_wrong_scale_scores_worse_than_the_truth() -> None:
    truth = score(table(seed=3, rows=4000))
    for wrong in (0.006, 0.016):
        other = score(table(seed=3, rows=4000, scale=wrong))
        assert other.log_score > truth.log_score
        assert other.crps > truth.crps


def test_last_close_is_level_with_the_random_walk_and_names_no_direction() -> None:
    found = score(table(loc=0.0))
    assert found.rmse_ratio == 1
    assert math.isnan(found.hit_rate)
    assert 0.3 < found.up_share < 0.7


def test_price_error_ratio_by_hand() -> None:
    rows = table(loc=0.002)
    forecast = rows["close_origin"] * np.exp(0.002)
    ratio = np.sqrt(((forecast - rows["close_actual"]) ** 2).mean()) / np.sqrt(
        ((rows["close_origin"] - rows["close_actual"]) ** 2).mean()
    )
    assert score(rows).rmse_ratio == pytest.approx(ratio, rel=1e-9)
    assert score(rows).hit_rate == score(rows).up_share


def test_hit_rate_leaves_out_moves_and_medians_of_zero() -> None:
    rows = table(rows=206)
    rows = rows.assign(
        return_actual=[0.01, -0.02, 0.0, 0.03, -0.01, 0.02],
        q50=[0.01, 0.01, 0.01, 0.0, -0.02, 0.01],
    )
    assert score(rows).hit_rate == pytest.approx(3 / 4)
    assert score(rows).up_share == pytest.approx(3 / 5)


def test_r2_and_qlike_by_hand() -> None:
    rows = table(loc=0.001, df=6.0, scale=0.01)
    r = rows["return_actual"].to_numpy()
    found = score(rows)
    assert found.r2_zero == pytest.approx(1 - np.sum((r - 0.001) ** 2) / np.sum(r**2), rel=1e-9)
    variance = 1e4 * 0.01**2 * 6 / 4
    expected = np.mean(np.log(variance) + 1e4 * r**2 / variance)
    assert found.qlike == pytest.approx(expected, rel=1e-4)


def test_winkler_is_that_of_a_loop() -> None:
    actual, low, high = np.array([0.0, 3.0, -4.0]), np.full(3, -1.0), np.full(3, 2.0)
    np.testing.assert_allclose(winkler(actual, low, high, 0.9), [3, 3 + 20, 3 + 60])


def test_a_forecast_that_states_a_range_on_some_rows_only_has_no_range_scores() -> None:
    rows = table()
    rows.loc[rows.index[3], list(QUANTILES)] = np.nan
    assert math.isnan(score(rows).crps)
    assert math.isnan(score(rows).coverage_80)


def test_a_point_forecast_has_a_price_error_and_no_ranges() -> None:
    bars = {"X": random_walk(4, rows=100)}
    found = score(predict(bars, 50, {"X": points(50, value=0.001)}))
    assert found.rmse_ratio > 0
    assert math.isnan(found.log_score)
    assert math.isnan(found.crps)
    assert math.isnan(found.coverage_95)
    assert found.to_dict()["crps"] is None


def test_pooled_is_the_mean_over_symbols_whatever_their_length() -> None:
    bars = {"A": random_walk(5, rows=300), "B": random_walk(6, rows=120, scale=0.03)}
    rows = predict(bars, 100, {"A": constant_t(200, 2), "B": constant_t(20, 2)})
    total, by_symbol = score_table(rows)
    assert set(by_symbol) == {"A", "B"}
    for horizon in (1, 2):
        parts = [by_symbol[s][horizon] for s in "AB"]
        assert total[horizon].crps == pytest.approx(np.mean([p.crps for p in parts]))
        assert total[horizon].rows == sum(p.rows for p in parts)
        assert math.isnan(total[horizon].rmse)
    assert by_symbol["A"][1].rows == 200
    assert by_symbol["A"][2].rows == 199


def test_scores_round_trip_through_plain_values() -> None:
    found = score(table())
    again = Scores.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict()
    assert pooled([found]) is found


def test_pinball_at_the_median_is_half_the_absolute_error() -> None:
    actual = np.array([1.0, -2.0])
    loss = pinball(actual, np.zeros((2, 1)), np.array([0.5]))
    np.testing.assert_allclose(loss[:, 0], np.abs(actual) / 2)
