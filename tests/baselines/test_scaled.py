"""Random walk and EWMA: their filters against plain loops, their fits against known truths."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.simulated import bars_from_returns, garch_returns, random_walk

from lstmcast.baselines import BaselineInputs
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.random_walk import Drift, RandomWalk
from lstmcast.baselines.scaled import ewma_volatility, rolling_volatility
from lstmcast.baselines.student_t import fit_student_t
from lstmcast.distributions import StudentTMixture


def inputs(bars: pd.DataFrame, fit_rows: int = 1000, horizons: int = 1) -> BaselineInputs:
    origins = np.arange(fit_rows - 1, len(bars) - 1)
    return BaselineInputs("X", bars, fit_rows, origins, horizons)


def test_ewma_volatility_is_the_weighted_mean_of_the_squares_so_far() -> None:
    returns = np.concatenate([[0.0], garch_returns(1, 300)[0]])
    found = ewma_volatility(returns, 0.94)
    assert found[1] == pytest.approx(abs(returns[1]), rel=1e-12)
    for row in range(1, len(returns)):
        variance = np.average(returns[1 : row + 1] ** 2, weights=0.94 ** np.arange(row)[::-1])
        assert found[row] == pytest.approx(np.sqrt(variance), rel=1e-12)
    variance = found[200] ** 2
    for value in returns[201:]:
        variance = 0.94 * variance + 0.06 * value**2
    assert found[-1] == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_ewma_volatility_knows_nothing_of_what_follows() -> None:
    returns = np.concatenate([[0.0], garch_returns(1, 60)[0]])
    wild = np.where(np.arange(61) > 10, 9 * returns, returns)
    np.testing.assert_array_equal(
        ewma_volatility(wild, 0.94)[:11], ewma_volatility(returns, 0.94)[:11]
    )


def test_rolling_volatility_is_the_root_mean_square_of_the_window() -> None:
    returns = np.concatenate([[0.0], garch_returns(2, 200)[0]])
    rolled = rolling_volatility(returns, 20)
    for row in range(25, 200):
        window = returns[row - 19 : row + 1]
        assert rolled[row] == pytest.approx(np.sqrt(np.mean(window**2)), rel=1e-9)


def test_a_price_that_stands_still_keeps_a_width_above_zero() -> None:
    returns = np.concatenate([[0.0], garch_returns(3, 300)[0], np.zeros(60)])
    for width in (rolling_volatility(returns, 20), ewma_volatility(returns, 0.5)):
        assert width.min() > 0
        assert width[-1] == pytest.approx(0.05 * np.sqrt(np.mean(returns**2)), rel=1e-9)


def test_random_walk_on_constant_volatility_finds_scale_and_tails() -> None:
    bars = random_walk(4, rows=6000, scale=0.01, df=5.0)
    forecast = RandomWalk(window=250).forecast(inputs(bars, fit_rows=5000)).distribution
    assert isinstance(forecast, StudentTMixture)
    assert forecast.loc == pytest.approx(np.zeros_like(forecast.loc))
    assert np.mean(forecast.scale) == pytest.approx(0.01, rel=0.08)
    assert forecast.df[0, 0, 0] == pytest.approx(5.0, rel=0.25)


def test_ewma_follows_the_true_volatility_of_a_simulated_garch() -> None:
    returns, volatility = garch_returns(5, 4000)
    forecast = Ewma().forecast(inputs(bars_from_returns(returns), fit_rows=3000)).distribution
    assert isinstance(forecast, StudentTMixture)
    stated = forecast.scale[0, :, 0]
    assert np.corrcoef(stated, volatility[2999:])[0, 1] > 0.9


def test_fit_is_the_maximum_likelihood_on_rows_before_the_test_range() -> None:
    bars = bars_from_returns(garch_returns(6, 1500)[0])
    given = inputs(bars, fit_rows=1000, horizons=3)
    forecast = RandomWalk().forecast(given).distribution
    assert isinstance(forecast, StudentTMixture)
    width = rolling_volatility(given.returns(), 20)
    log_close = np.log(bars["close"].to_numpy())
    targets = np.array([log_close[t + 3] - log_close[t] for t in range(250, 997)])
    df, _, scale = stats.t.fit(targets / width[250:997], floc=0)
    assert forecast.df[0, 0, 2] == pytest.approx(df, rel=0.02)
    assert forecast.scale[0, 0, 2] == pytest.approx(scale * width[999], rel=0.01)


def test_drift_moves_the_median_by_the_mean_return_of_the_fitted_rows() -> None:
    bars = random_walk(11, rows=1200)
    given = inputs(bars, fit_rows=1000, horizons=3)
    forecast = Drift().forecast(given).distribution
    daily = np.log(bars["close"].iloc[999] / bars["close"].iloc[0]) / 999
    median = forecast.quantiles((0.5,))[..., 0]
    np.testing.assert_allclose(median, np.tile(daily * np.arange(1, 4), (201, 1)), rtol=1e-9)


def test_a_short_history_still_leaves_out_a_quarter_while_the_filter_warms_up() -> None:
    bars = random_walk(12, rows=200)
    forecast = Ewma().forecast(inputs(bars, fit_rows=100)).distribution
    assert isinstance(forecast, StudentTMixture)
    returns = np.concatenate([[0.0], np.diff(np.log(bars["close"].to_numpy()))])
    width = ewma_volatility(returns, 0.94)
    own = fit_student_t(returns[26:100] / width[25:99], location=True)
    assert forecast.df[0, 0, 0] == pytest.approx(own.df, rel=1e-6)
