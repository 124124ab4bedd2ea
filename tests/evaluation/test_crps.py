"""The CRPS of stated quantiles against closed forms, a numerical integral, and by hand."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import beta

from lstmcast.evaluation.crps import crps_of_quantiles
from lstmcast.predictions import LEVELS

U = np.array(LEVELS)


def of_student_t(z: np.ndarray, df: float) -> np.ndarray:
    """The closed form of Jordan, Kruger and Lerch (2019), for a location of 0 and a scale of 1."""
    spread = 2 * np.sqrt(df) / (df - 1) * beta(0.5, df - 0.5) / beta(0.5, df / 2) ** 2
    density = stats.t.pdf(z, df) * (df + z**2) / (df - 1)
    found: np.ndarray = z * (2 * stats.t.cdf(z, df) - 1) + 2 * density - spread
    return found


@pytest.mark.parametrize("df", [2.5, 5.0, 30.0, 200.0])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.4])
def test_it_is_that_of_a_student_t(df: float, scale: float) -> None:
    """In the mean within 0.2 %, whether the forecast is right, too narrow or too wide."""
    outcomes = stats.t.ppf((np.arange(4000) + 0.5) / 4000, 5) / scale
    found = crps_of_quantiles(outcomes, np.tile(stats.t.ppf(U, df), (4000, 1)), U)
    exact = of_student_t(outcomes, df)
    np.testing.assert_allclose(found, exact, rtol=0.008)
    assert found.mean() == pytest.approx(exact.mean(), rel=0.0025)


def quantile_function(u: float, q: np.ndarray) -> float:
    """Lines between the quantiles, and the log of the level beyond them."""
    if u < U[0]:
        return float(q[0] + (q[1] - q[0]) / np.log(2) * np.log(u / U[0]))
    if u > U[-1]:
        return float(q[-1] - (q[-1] - q[-2]) / np.log(2) * np.log((1 - u) / U[0]))
    return float(np.interp(u, U, q))


@pytest.mark.parametrize("outcome", [-9.0, -2.1, -0.03, 0.0, 0.4, 1.9, 2.3, 12.0])
def test_it_is_the_integral_of_the_pinball_loss(outcome: float) -> None:
    q = stats.skewnorm.ppf(U, 3) * 1.3 - 0.7

    def loss(u: float) -> float:
        gap = outcome - quantile_function(u, q)
        return 2 * max(u * gap, (u - 1) * gap)

    edges = [0, 1e-12, 1e-8, 1e-4, *U, 1 - 1e-4, 1 - 1e-8, 1 - 1e-12, 1]
    pieces = [quad(loss, a, b, limit=200)[0] for a, b in pairwise(edges)]
    found = crps_of_quantiles(np.array([outcome]), q[None], U)
    assert found[0] == pytest.approx(sum(pieces), rel=1e-6)


def test_it_moves_and_stretches_with_the_unit() -> None:
    q, y = stats.t.ppf(U, 4)[None], np.array([1.3])
    once = crps_of_quantiles(y, q, U)
    np.testing.assert_allclose(crps_of_quantiles(3 * y + 50, 3 * q + 50, U), 3 * once, rtol=1e-12)
    np.testing.assert_allclose(crps_of_quantiles(-y, -q[:, ::-1], U), once, rtol=1e-12)


def test_quantiles_that_are_one_are_a_point() -> None:
    """All on one point: the absolute error. Two in the middle on one: still the integral."""
    y = np.array([-1.0, 0.5, 2.0])
    np.testing.assert_allclose(crps_of_quantiles(y, np.full((3, 21), 0.5), U), np.abs(y - 0.5))
    steps = np.repeat(np.linspace(-1, 1, 11), 2)[:21]
    exact = [
        quad(lambda u, a=a: 2 * max(u * (a - np.interp(u, U, steps)),
             (u - 1) * (a - np.interp(u, U, steps))), U[0], U[-1], limit=500, points=U[1:-1])[0]
        for a in (0.2, 0.21)
    ]  # fmt: skip
    found = crps_of_quantiles(np.array([0.2, 0.21]), np.tile(steps, (2, 1)), U)
    assert found[1] - found[0] == pytest.approx(exact[1] - exact[0], abs=1e-6)


def test_the_truth_scores_best() -> None:
    outcomes = np.random.default_rng(0).standard_t(5, 4000)
    scores = {
        scale: crps_of_quantiles(outcomes, np.tile(scale * stats.t.ppf(U, 5), (4000, 1)), U).mean()
        for scale in (0.8, 0.9, 1.0, 1.1, 1.25)
    }
    assert min(scores, key=lambda scale: scores[scale]) == 1.0


def test_a_gap_is_not_a_score() -> None:
    q = np.tile(stats.t.ppf(U, 5), (3, 1))
    q[0, 3] = np.nan
    q[1, [*range(10), *range(11, 21)]] = np.nan
    found = crps_of_quantiles(np.array([0.1, 0.1, 0.1]), q, U)
    assert np.isnan(found).tolist() == [True, True, False]
