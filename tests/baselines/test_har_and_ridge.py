"""HAR's regression against statsmodels, ridge's against scikit-learn, and what each refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.linear_model import Ridge as SklearnRidge
from support.simulated import bars_from_returns, garch_returns, random_walk

from lstmcast.baselines import BaselineInputs
from lstmcast.baselines.har import HarAbs, HarRange, har_forecast, trailing_mean
from lstmcast.baselines.ridge import PENALTIES, Ridge, _apply, _fit, ridge_forecast
from lstmcast.distributions import StudentTMixture


def inputs(bars: pd.DataFrame, fit_rows: int = 700, horizons: int = 1) -> BaselineInputs:
    return BaselineInputs("X", bars, fit_rows, np.arange(fit_rows - 1, len(bars) - 1), horizons)


def test_trailing_mean_is_the_rolling_mean() -> None:
    series = np.random.default_rng(0).normal(size=50)
    np.testing.assert_allclose(
        trailing_mean(series, 5), pd.Series(series).rolling(5).mean().to_numpy(), atol=1e-12
    )


@pytest.mark.parametrize("horizon", [1, 5])
def test_har_is_the_least_squares_of_statsmodels(horizon: int) -> None:
    series = np.abs(np.concatenate([[0.0], garch_returns(1, 800)[0]]))
    frame = pd.DataFrame({"s": series})
    frame["week"], frame["month"] = (frame["s"].rolling(w).mean() for w in (5, 22))
    target = np.full(len(series), np.nan)
    for t in range(len(series) - horizon):
        target[t] = series[t + 1 : t + 1 + horizon].mean()
    rows = np.arange(22, 600 - horizon)
    design = sm.add_constant(frame)
    fitted = sm.OLS(target[rows], design.iloc[rows].to_numpy()).fit()
    expected = fitted.predict(design.to_numpy())
    found = har_forecast(series, 600, horizon)[:, horizon - 1]
    np.testing.assert_allclose(found[22:], expected[22:], rtol=1e-8)
    assert np.isnan(found[:21]).all()


def test_har_on_ranges_follows_the_true_volatility_better_than_on_returns() -> None:
    returns, volatility = garch_returns(2, 4000)
    given = inputs(bars_from_returns(returns), fit_rows=3000)
    agreement = []
    for baseline in (HarRange(), HarAbs()):
        forecast = baseline.forecast(given).distribution
        assert isinstance(forecast, StudentTMixture)
        agreement.append(np.corrcoef(forecast.scale[0, :, 0], volatility[2999:])[0, 1])
    assert min(agreement) > 0.85


def test_har_on_ranges_declines_where_there_is_no_range() -> None:
    bars = random_walk(3, rows=800).assign(high=np.nan)
    assert HarRange().unable(inputs(bars)) == "has no high and low for every session"
    assert HarAbs().unable(inputs(bars)) is None


def test_har_declines_a_history_too_short_for_its_longest_horizon() -> None:
    bars = random_walk(4, rows=200)
    reason = HarAbs().unable(inputs(bars, fit_rows=100, horizons=60))
    assert reason == "has 18 returns to fit before the test period; HAR needs 30"


def test_a_session_without_movement_does_not_break_the_log_range() -> None:
    bars = random_walk(5, rows=800)
    still = bars.copy()
    still.loc[still.index[300:330], ["open", "high", "low"]] = still["close"].iloc[299]
    still.loc[still.index[300:330], "close"] = still["close"].iloc[299]
    forecast = HarRange().forecast(inputs(still)).distribution
    assert np.isfinite(forecast.quantiles((0.05, 0.95))).all()


def design_and_target(rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(6)
    design = generator.normal(size=(rows, 4))
    target = design @ np.array([0.5, -0.3, 0, 0]) + 0.2 + generator.normal(size=rows)
    return design, target


def test_ridge_is_that_of_scikit_learn() -> None:
    design, target = design_and_target()
    for penalty, fitted in zip(PENALTIES, _fit(design, target, PENALTIES), strict=True):
        theirs = SklearnRidge(alpha=penalty * len(target)).fit(design, target).predict(design)
        np.testing.assert_allclose(_apply(design, fitted), theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("noise", [0.3, 1.0, 12.0])
def test_ridge_takes_the_penalty_that_serves_the_last_fifth_best(noise: float) -> None:
    """By scikit-learn, over the candidates; the more noise, the more shrinking."""
    generator = np.random.default_rng(11)
    design = generator.normal(size=(600, 4))
    target = design @ np.array([0.5, -0.3, 0.2, 0.1]) + noise * generator.normal(size=600)
    errors = []
    for penalty in PENALTIES:
        held = SklearnRidge(alpha=penalty * 480).fit(design[:480], target[:480])
        errors.append(np.mean((held.predict(design[480:]) - target[480:]) ** 2))
    best = PENALTIES[int(np.argmin(errors))]
    expected = SklearnRidge(alpha=best * 600).fit(design, target).predict(design)
    np.testing.assert_allclose(ridge_forecast(design, target), expected, rtol=1e-7, atol=1e-9)
    assert np.argmax(errors) != np.argmin(errors)


def test_ridges_forecast_is_the_regression_times_the_width_around_which_it_is_a_student_t() -> None:
    bars = bars_from_returns(garch_returns(12, 900)[0])
    coming = np.append(np.diff(np.log(bars["close"].to_numpy())), 0.0)
    noise = np.random.default_rng(13).normal(scale=0.01, size=len(bars))
    feature = coming + noise
    given = replace(inputs(bars), features=feature[:, None])
    found = Ridge().forecast(given).distribution
    assert isinstance(found, StudentTMixture)
    origins = given.origins
    assert np.corrcoef(found.mean()[:, 0], coming[origins])[0, 1] > 0.5
    assert np.corrcoef(found.mean()[:, 0], feature[origins])[0, 1] > 0.9
    left = np.mean((coming[origins] - found.mean()[:, 0]) ** 2)
    assert left < 0.75 * np.mean(coming[origins] ** 2)


def test_ridge_finds_a_signal_and_shrinks_noise_to_the_mean() -> None:
    design, target = design_and_target(4000)
    found = ridge_forecast(design, target[:3000])
    truth = design @ np.array([0.5, -0.3, 0, 0]) + 0.2
    assert np.corrcoef(found[3000:], truth[3000:])[0, 1] > 0.99
    noise = np.random.default_rng(7).normal(size=3000)
    assert np.std(ridge_forecast(design, noise)[3000:]) < 0.1


def test_ridge_declines_without_features_and_with_gaps_in_the_test_range() -> None:
    bars = bars_from_returns(garch_returns(8, 900)[0])
    given = inputs(bars)
    assert Ridge().unable(given) == "has no features here"
    features = np.random.default_rng(9).normal(size=(len(bars), 3))
    assert Ridge().unable(replace(given, features=features)) is None
    features[800] = np.nan
    gaps = replace(given, features=features)
    assert Ridge().unable(gaps) == "has sessions without features in the test period"
    features[:650] = np.nan
    features[800] = 0
    short = replace(given, features=features)
    assert Ridge().unable(short) == (
        "has 49 rows with features before the test period; ridge needs 250"
    )


def test_a_constant_feature_is_harmless() -> None:
    bars = bars_from_returns(garch_returns(10, 900)[0])
    features = np.column_stack([np.ones(len(bars)), np.arange(len(bars)) % 7.0])
    forecast = Ridge().forecast(replace(inputs(bars), features=features)).distribution
    assert np.isfinite(forecast.mean()).all()
