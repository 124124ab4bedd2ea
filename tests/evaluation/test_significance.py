"""Tests of significance against statsmodels, plain loops and simulated size and power."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from lstmcast.evaluation.significance import (
    degrees_of_freedom,
    diebold_mariano,
    holm,
    long_run_variance,
    newey_west_lags,
    skill_interval,
    stationary_bootstrap,
)


def moving_average(seed: int, days: int, order: int = 0, mean: float = 0.0) -> np.ndarray:
    """A series whose values share `order` shocks with their neighbours."""
    shocks = np.random.default_rng(seed).normal(size=days + order)
    return mean + np.convolve(shocks, np.ones(order + 1) / np.sqrt(order + 1), mode="valid")


@pytest.mark.parametrize("lags", [0, 1, 5, 12])
def test_newey_west_is_that_of_statsmodels(lags: int) -> None:
    series = moving_average(1, 400, order=3, mean=0.2)
    fitted = sm.OLS(series, np.ones(400)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    expected = fitted.bse[0] ** 2 * 400
    assert long_run_variance(series, lags) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_rectangular_kernel_is_the_original_test_written_out(horizon: int) -> None:
    """The steps of R's `dm.test`: autocovariances up to h - 1, the correction, Student's t."""
    d = moving_average(2, 120, order=horizon - 1, mean=0.15)
    n = len(d)
    variance = 0.0
    for k in range(horizon):
        gamma = sum((d[t] - d.mean()) * (d[t - k] - d.mean()) for t in range(k, n)) / n
        variance += gamma if k == 0 else 2 * gamma
    plain = d.mean() / np.sqrt(variance / n)
    corrected = plain * np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    found = diebold_mariano(d, horizon, lags=horizon - 1, kernel="rectangular")
    assert found.statistic == pytest.approx(corrected, rel=1e-10)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(corrected), n - 1), rel=1e-9)


def test_one_session_ahead_without_lags_it_is_nearly_the_t_test() -> None:
    """But for the variance's n in place of n - 1, which the fixed-smoothing value allows for."""
    d = moving_average(3, 200, mean=0.1)
    found = diebold_mariano(d, lags=0)
    theirs = stats.ttest_1samp(d, 0)
    assert found.statistic == pytest.approx(theirs.statistic * np.sqrt(200 / 199), rel=1e-9)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=0.01)


def test_the_small_sample_factor_is_the_original_tests_alone() -> None:
    """Over the Newey-West error it would count the same uncertainty twice."""
    d = moving_average(6, 120, order=4, mean=0.3)
    lags = newey_west_lags(5)
    error = np.sqrt(long_run_variance(d, lags) / 120)
    found = diebold_mariano(d, 5)
    assert found.statistic == pytest.approx(d.mean() / error, rel=1e-12)
    df = degrees_of_freedom(120, lags)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.statistic), df), rel=1e-9)


def test_a_negative_rectangular_variance_falls_back_to_bartlett() -> None:
    d = np.tile([1.0, -1.0], 30) + 0.01
    d[0] += 0.5
    rectangular = diebold_mariano(d, 2, lags=1, kernel="rectangular")
    assert long_run_variance(d, 1, "rectangular") < 0
    assert rectangular == diebold_mariano(d, 2, lags=1)


def test_too_few_days_are_not_tested() -> None:
    few = diebold_mariano(np.ones(59))
    assert np.isnan(few.p_value)
    assert few.mean == 1
    assert np.isnan(diebold_mariano(moving_average(4, 299), 20).p_value)
    assert np.isfinite(diebold_mariano(moving_average(4, 300), 20).p_value)
    assert few.to_dict()["p_value"] is None
    assert np.isnan(diebold_mariano(np.array([])).mean)


def test_equal_losses_are_no_finding_and_gaps_are_left_out() -> None:
    assert diebold_mariano(np.zeros(70)).p_value == 1
    d = moving_average(5, 100)
    assert diebold_mariano(np.append(d, np.nan)) == diebold_mariano(d)


@pytest.mark.parametrize(("horizon", "days"), [(1, 60), (5, 75), (10, 150), (20, 300)])
def test_size_is_what_it_states_when_losses_overlap(horizon: int, days: int) -> None:
    """Equal forecasts are told apart in 4 to 8 % of 1,500 worlds, also where they overlap.

    The fewest days that are tested are among them. With n - 1 degrees of freedom it is 18 % ten
    sessions ahead in 60 days; with those of fixed smoothing still 10 % in 60.
    """
    found = [
        diebold_mariano(moving_average(seed, days, order=horizon - 1), horizon).p_value < 0.05
        for seed in range(1500)
    ]
    assert 0.035 < np.mean(found) < 0.08


@pytest.mark.parametrize(("days", "lags"), [(60, 20), (100, 10), (1000, 5)])
def test_the_5_percent_value_is_that_of_fixed_smoothing(days: int, lags: int) -> None:
    """Of independent days, simulated: |mean| over its error is above the value in 5 %."""
    draws = np.random.default_rng(days).normal(size=(4000, days))
    tails = [abs(d.mean()) / np.sqrt(long_run_variance(d, lags) / days) for d in draws]
    value = stats.t.ppf(0.975, degrees_of_freedom(days, lags))
    assert np.mean(np.array(tails) > value) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize(("days", "lags"), [(200, 0), (200, 19), (60, 5)])
def test_b_is_where_the_kernel_ends_over_the_days(days: int, lags: int) -> None:
    """Kiefer and Vogelsang's polynomial at b = (lags + 1) / days: `lags` weights, and then zero."""
    b = (lags + 1) / days
    value = 1.96 + 2.9694 * b + 0.4160 * b**2 - 0.5324 * b**3
    assert stats.t.ppf(0.975, degrees_of_freedom(days, lags)) == pytest.approx(value, rel=1e-5)


def test_more_lags_leave_fewer_degrees_of_freedom() -> None:
    found = [degrees_of_freedom(200, lags) for lags in (0, 5, 20)]
    assert found == sorted(found, reverse=True)
    assert found[0] < 199


def test_power_against_a_difference_of_a_fifth_of_a_deviation() -> None:
    """The t-test with n = 500 finds d = 0.2 sigma nearly always; so must this one."""
    found = [
        diebold_mariano(moving_average(seed, 500, mean=-0.2)).p_value < 0.05 for seed in range(200)
    ]
    assert np.mean(found) > 0.97


def test_lags_grow_with_the_overlap() -> None:
    assert [newey_west_lags(h) for h in (1, 2, 5, 20)] == [5, 8, 17, 62]


def test_holm_is_that_of_statsmodels() -> None:
    p = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.5, "gone": float("nan")}
    adjusted = holm(p)
    expected = multipletests([0.01, 0.04, 0.03, 0.5], method="holm")[1]
    np.testing.assert_allclose([adjusted[k] for k in "abcd"], expected)
    assert np.isnan(adjusted["gone"])


def test_bootstrap_blocks_have_the_mean_length_and_wrap() -> None:
    rows = stationary_bootstrap(400, 8, 300, seed=0)
    assert rows.shape == (300, 400)
    assert rows.min() >= 0
    assert rows.max() < 400
    continued = np.mean((rows[:, 1:] - rows[:, :-1]) % 400 == 1)
    assert continued == pytest.approx(1 - 1 / 8, abs=0.01)
    counts = np.bincount(rows.ravel(), minlength=400) / 300
    assert counts == pytest.approx(np.ones(400), abs=0.6)


def test_skill_interval_covers_the_truth() -> None:
    """True skill 5 %: the 95 % interval holds it in about 95 % of 100 worlds."""
    covered = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        day = generator.gamma(4, 0.25, size=400)
        model = 0.95 * day * generator.gamma(50, 0.02, size=400)
        baseline = day * generator.gamma(50, 0.02, size=400)
        interval = skill_interval(model, baseline)
        covered += interval.low <= 0.05 <= interval.high
    assert 0.88 <= covered / 100 <= 1


def test_skill_of_few_days_has_no_interval() -> None:
    interval = skill_interval(np.full(10, 0.9), np.ones(10))
    assert interval.value == pytest.approx(0.1)
    assert np.isnan(interval.low)


def test_the_same_difference_on_every_day_has_no_error_to_be_tested_by() -> None:
    found = diebold_mariano(np.full(100, 0.25))
    assert found.mean == 0.25
    assert np.isnan(found.statistic)
    assert np.isnan(found.p_value)


def test_there_is_no_skill_against_a_loss_of_zero() -> None:
    interval = skill_interval(np.full(100, 0.5), np.zeros(100))
    assert np.isnan([interval.value, interval.low, interval.high]).all()
    # On some days there is a loss, but not on those of every draw.
    seldom = np.zeros(100)
    seldom[50] = 1.0
    interval = skill_interval(np.full(100, 0.005), seldom)
    assert interval.value == pytest.approx(0.5)
    assert np.isnan(interval.low)
