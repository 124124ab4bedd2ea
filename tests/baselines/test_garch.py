"""GARCH against `arch`'s own forecasts, its simulation against theory, and failed fits."""

from dataclasses import replace

import numpy as np
import pytest
from arch.univariate import GARCH, ConstantMean, StudentsT
from scipy import stats
from support.simulated import bars_from_returns, garch_returns, random_walk

from lstmcast.baselines import BaselineInputs, garch
from lstmcast.baselines.garch import (
    Garch,
    GarchParameters,
    cumulated,
    fit_garch,
    next_variance,
)
from lstmcast.distributions import StudentTMixture

KNOWN = GarchParameters(mu=0.05, omega=0.02, alpha=0.08, gamma=0.0, beta=0.9, nu=8.0)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_next_variance_is_archs_forecast(asymmetric: bool) -> None:
    gamma = 0.1 if asymmetric else 0.0
    returns = 100 * garch_returns(1, 1500, alpha=0.05, gamma=gamma, beta=0.88)[0]
    found = fit_garch(returns[:1000], asymmetric=asymmetric)
    assert found is not None
    order = int(asymmetric)
    model = ConstantMean(
        returns, volatility=GARCH(p=1, o=order, q=1), distribution=StudentsT(), rescale=False
    )
    result = model.fit(disp="off", last_obs=1000)
    expected = result.forecast(start=999, horizon=1).variance.to_numpy()[:, 0]
    np.testing.assert_allclose(next_variance(returns, found)[999:], expected, rtol=2e-3)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_the_forecast_of_every_origin_is_archs(asymmetric: bool) -> None:
    """Parameters of the rows that may be fitted, variance of the session after each origin."""
    gamma = 0.1 if asymmetric else 0.0
    returns = garch_returns(9, 1300, alpha=0.08, gamma=gamma, beta=0.85)[0]
    origins = np.arange(1000, 1300)  # row 0 of the bars has no return
    given = BaselineInputs("X", bars_from_returns(returns), 1001, origins, 1)
    found = Garch(asymmetric=asymmetric).forecast(given).distribution
    assert isinstance(found, StudentTMixture)
    volatility = GARCH(p=1, o=int(asymmetric), q=1)
    model = ConstantMean(
        100 * returns, volatility=volatility, distribution=StudentsT(), rescale=False
    )
    fitted = model.fit(disp="off", last_obs=1000)
    variance = fitted.forecast(start=999, horizon=1).variance.to_numpy()[:-1, 0]
    nu = fitted.params["nu"]
    expected = np.sqrt(variance * (nu - 2) / nu) / 100
    np.testing.assert_allclose(found.scale[0, :, 0], expected, rtol=3e-3)
    np.testing.assert_allclose(found.df, nu, rtol=0.02)
    np.testing.assert_allclose(found.loc, fitted.params["mu"] / 100, atol=2e-5)


def test_fit_recovers_the_parameters_of_a_long_simulation() -> None:
    returns = 100 * garch_returns(2, 12000, omega=2e-6, alpha=0.08, beta=0.9, df=6.0)[0]
    found = fit_garch(returns, asymmetric=False)
    assert found is not None
    assert found.alpha == pytest.approx(0.08, abs=0.02)
    assert found.beta == pytest.approx(0.9, abs=0.03)
    assert found.nu == pytest.approx(6.0, abs=1.2)
    assert found.gamma == 0


def test_gjr_finds_that_falls_weigh_more() -> None:
    returns = 100 * garch_returns(3, 6000, alpha=0.02, gamma=0.12, beta=0.88)[0]
    found = fit_garch(returns, asymmetric=True)
    assert found is not None
    assert found.gamma == pytest.approx(0.12, abs=0.04)
    assert found.persistence == pytest.approx(0.96, abs=0.02)


def test_variance_filter_is_the_recursion() -> None:
    returns = 100 * garch_returns(4, 120)[0]
    p = GarchParameters(mu=0.03, omega=0.02, alpha=0.05, gamma=0.07, beta=0.85, nu=6)
    shocks = returns - p.mu
    weights = 0.94 ** np.arange(75)
    variance = np.sum(weights * shocks[:75] ** 2) / weights.sum()
    expected = []
    for shock in shocks:
        news = (p.alpha + p.gamma * (shock < 0)) * shock**2
        variance = p.omega + news + p.beta * variance
        expected.append(variance)
    np.testing.assert_allclose(next_variance(returns, p), expected, rtol=1e-12)


def test_one_session_ahead_is_the_exact_student_t() -> None:
    variance = np.array([0.5, 2.0])
    found = cumulated(KNOWN, variance, horizons=3)
    frozen = stats.t(8.0, 5e-4, np.sqrt(variance * 6 / 8) / 100)
    np.testing.assert_allclose(found.quantiles((0.025,))[:, 0, 0], frozen.ppf(0.025), rtol=1e-8)
    np.testing.assert_allclose(found.quantiles((0.9,))[:, 0, 0], frozen.ppf(0.9), rtol=1e-8)


@pytest.mark.parametrize("gamma", [0.0, 0.06])
@pytest.mark.parametrize("start", [0.6, 4.0])
def test_further_ahead_it_is_the_distribution_of_simulated_paths(
    gamma: float, start: float
) -> None:
    """Against a plain simulation of 100,000 paths: quantiles within 10 % of the deviation.

    The lower quantiles of GJR are furthest off: a Student-t cannot follow its skew.
    """
    p = replace(KNOWN, gamma=gamma, beta=0.9 - gamma / 2)
    generator, paths = np.random.default_rng(8), 100_000
    variance, reached = np.full(paths, start), np.zeros(paths)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    quantiles = 100 * cumulated(p, np.array([start]), horizons=10).quantiles(levels)[0]
    for h in range(10):
        news = np.sqrt(variance) * generator.standard_t(p.nu, paths) * np.sqrt((p.nu - 2) / p.nu)
        reached = reached + p.mu + news
        variance = p.omega + (p.alpha + p.gamma * (news < 0)) * news**2 + p.beta * variance
        expected = np.quantile(reached, levels)
        np.testing.assert_allclose(quantiles[h], expected, atol=0.1 * reached.std())


def test_falls_that_weigh_more_leave_the_middle_above_the_mean() -> None:
    """The skew of GJR: the median of ten sessions, by a plain simulation of 200,000 paths."""
    p = replace(KNOWN, mu=0.0, alpha=0.0, gamma=0.3, beta=0.82)
    generator, paths = np.random.default_rng(9), 200_000
    variance, reached = np.full(paths, 1.0), np.zeros(paths)
    for _ in range(10):
        news = np.sqrt(variance) * generator.standard_t(p.nu, paths) * np.sqrt((p.nu - 2) / p.nu)
        reached = reached + news
        variance = p.omega + p.gamma * (news < 0) * news**2 + p.beta * variance
    found = cumulated(p, np.array([1.0]), horizons=10).quantiles((0.5,))[0, -1, 0]
    assert np.median(reached) > 0.1 * reached.std()
    assert 100 * found == pytest.approx(np.median(reached), abs=0.04 * reached.std())


def test_spread_is_the_theoretical_one() -> None:
    """Var of r_1 + .. + r_h = sum of E sigma^2_k, a geometric approach to the long-run level."""
    start = 3.0
    found = cumulated(KNOWN, np.array([start]), horizons=10)
    level = KNOWN.omega / (1 - KNOWN.persistence)
    expected = np.cumsum([level + KNOWN.persistence**k * (start - level) for k in range(10)])
    spread = 1e4 * (found.scale**2 * found.df / (found.df - 2))[0, 0]
    np.testing.assert_allclose(spread, expected, rtol=0.08)
    np.testing.assert_allclose(100 * found.mean()[0], 0.05 * np.arange(1, 11), atol=0.05)


def test_the_same_rows_in_other_company_give_the_same_forecast() -> None:
    variance = np.linspace(0.5, 4, 300)
    whole = cumulated(KNOWN, variance, horizons=3).quantiles((0.1, 0.5))
    part = cumulated(KNOWN, variance[200:], horizons=3).quantiles((0.1, 0.5))
    np.testing.assert_array_equal(part, whole[200:])


def test_a_fit_that_fails_is_said_and_ewma_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: np.ndarray, *, asymmetric: bool) -> None:
        assert asymmetric

    monkeypatch.setattr(garch, "fit_garch", fails)
    bars = bars_from_returns(garch_returns(5, 700)[0])
    given = BaselineInputs("X", bars, 600, np.arange(599, 690), 2)
    forecast = Garch(asymmetric=True).forecast(given)
    assert forecast.notes == ("GJR-GARCH-t of X: the fit failed or diverged; replaced by EWMA",)
    assert isinstance(forecast.distribution, StudentTMixture)


def test_an_exploding_fit_is_not_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = 100 * garch_returns(6, 600)[0]
    assert fit_garch(returns, asymmetric=False) is not None
    monkeypatch.setattr(garch, "HIGHEST_PERSISTENCE", 0.0)
    assert fit_garch(returns, asymmetric=False) is None


def test_a_history_shorter_than_a_year_is_declined_in_words() -> None:
    bars = random_walk(7, rows=300)
    short = BaselineInputs("X", bars, 200, np.arange(199, 290), 1)
    assert Garch().unable(short) == "has 199 returns before the test period; GARCH needs 250"
