"""A stretched distribution: exact where it can be, and a proper distribution always."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from lstmcast.distributions import RecalibratedDistribution, StudentTMixture

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
AT = np.array([[0.5, 1.0, 1.3, 1.6]])
TO = np.array([[0.6, 0.9, 1.4, 1.9]])


def base(df: float = 5.0, loc: float = 0.1, scale: float = 2.0) -> StudentTMixture:
    shape = (1, 1, 1)
    return StudentTMixture(np.full(shape, df), np.full(shape, loc), np.full(shape, scale))


def column(value: float) -> np.ndarray:
    return np.full((1, 1), value)


def warped() -> RecalibratedDistribution:
    return RecalibratedDistribution(base(), column(3.0), AT, TO)


def test_points_in_one_line_make_a_student_t_one_of_another_scale() -> None:
    stretched = RecalibratedDistribution(base(), column(7.0), AT, 1.5 * AT)
    exact = base(scale=3.0)
    y = column(-1.7)
    np.testing.assert_allclose(stretched.quantiles(LEVELS), exact.quantiles(LEVELS), rtol=1e-10)
    np.testing.assert_allclose(stretched.cdf(y), exact.cdf(y), rtol=1e-10)
    np.testing.assert_allclose(stretched.log_density(y), exact.log_density(y), rtol=1e-10)
    np.testing.assert_allclose(stretched.mean(), exact.mean(), rtol=1e-10)


def test_quantiles_and_distribution_function_are_inverse() -> None:
    quantiles = warped().quantiles(LEVELS)[0, 0]
    assert np.all(np.diff(quantiles) > 0)
    for level, value in zip(LEVELS, quantiles, strict=True):
        assert warped().cdf(column(value))[0, 0] == pytest.approx(level, abs=1e-9)


def test_density_is_the_derivative_and_integrates_to_one() -> None:
    distribution = warped()
    for y in (-9.0, -3.3, 0.4, 2.2, 6.5):
        step = 1e-5
        slope = (distribution.cdf(column(y + step)) - distribution.cdf(column(y - step))) / 2e-5
        assert np.exp(distribution.log_density(column(y)))[0, 0] == pytest.approx(
            slope[0, 0], rel=1e-4
        )
    area, _ = quad(
        lambda y: float(np.exp(distribution.log_density(column(y)))[0, 0]),
        -400, 400, limit=800, points=[-6, -3, 0.1, 3, 6],
    )  # fmt: skip
    assert area == pytest.approx(1, abs=1e-4)


def test_points_say_where_a_distance_goes() -> None:
    """The 80 % range is one unit wide on either side: it must end at 0.9 units."""
    half = float(stats.t.ppf(0.9, 5)) * 2.0
    distribution = RecalibratedDistribution(base(), column(half), AT, TO)
    low, high = distribution.quantiles((0.1, 0.9))[0, 0]
    assert (high - low) / 2 == pytest.approx(0.9 * half, rel=1e-9)


def test_the_tail_is_stretched_as_the_widest_range() -> None:
    """Wherever the last piece leads: here it falls back from 1.5 to 1.1 times the distance."""
    to = np.array([[0.6, 1.2, 1.95, 1.6 * 1.1 + 0.2]])
    distribution = RecalibratedDistribution(base(), column(1.0), AT, to)
    far = base().quantiles((0.999, 0.9999))[0, 0] - 0.1
    moved = distribution.quantiles((0.999, 0.9999))[0, 0] - 0.1
    assert np.diff(moved)[0] == pytest.approx(np.diff(far)[0] * to[0, -1] / AT[0, -1], rel=1e-9)


def test_each_row_and_horizon_has_its_own_points() -> None:
    several = StudentTMixture(
        np.full((1, 2, 2), 5.0), np.full((1, 2, 2), 0.1), np.full((1, 2, 2), 2.0)
    )
    factors = np.array([[1.0, 1.1], [1.2, 1.3]])
    at = np.broadcast_to(AT, (2, 2, 4))
    stretched = RecalibratedDistribution(several, np.full((2, 2), 3.0), at, at * factors[..., None])
    y = np.full((2, 2), 4.0)
    for row in range(2):
        for h in range(2):
            alone = RecalibratedDistribution(base(), column(3.0), AT, AT * factors[row, h])
            for found, exact in (
                (stretched.quantiles(LEVELS)[row, h], alone.quantiles(LEVELS)[0, 0]),
                (stretched.cdf(y)[row, h], alone.cdf(column(4.0))[0, 0]),
                (stretched.log_density(y)[row, h], alone.log_density(column(4.0))[0, 0]),
            ):
                np.testing.assert_allclose(found, exact, rtol=1e-12)


def test_unknown_truth_has_no_density() -> None:
    assert np.isnan(warped().log_density(column(np.nan))).all()


def test_the_median_stays() -> None:
    assert warped().quantiles((0.5,))[0, 0, 0] == pytest.approx(0.1)
    assert warped().mean()[0, 0] == pytest.approx(0.1)


def test_the_mean_is_that_of_the_stretched_distribution() -> None:
    """Of a base that leans, with a median that is not its mean, each range stretched differently.

    The moved mean of the base, say, is 8 % of a unit away from it here.
    """
    shape = (2, 1, 1)
    leaning = StudentTMixture(
        np.full(shape, 5.0), np.array([0.0, 4.0]).reshape(shape), np.array([1, 3]).reshape(shape)
    )
    to = np.array([[0.3, 1.2, 1.4, 2.4]])
    low, high = leaning.quantiles((0.1, 0.9))[0, 0]
    distribution = RecalibratedDistribution(leaning, column((high - low) / 2), AT, to)

    def density(y: float) -> float:
        return y * float(np.exp(distribution.log_density(column(y)))[0, 0])

    joints = (0.0, *(x for end in to[0] for x in (end, -end)))
    median = float(distribution.quantiles((0.5,))[0, 0, 0])
    ends = sorted(median + (high - low) / 2 * x for x in joints)
    expected = sum(
        quad(density, a, b, limit=200)[0]
        for a, b in zip([-np.inf, *ends], [*ends, np.inf], strict=True)
    )
    assert distribution.mean()[0, 0] == pytest.approx(expected, abs=1e-8 * (high - low))
