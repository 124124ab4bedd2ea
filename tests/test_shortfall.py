"""The expected shortfall below a point is the integral of the distribution function."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from lstmcast.distributions import (
    STATED_LEVELS,
    Distribution,
    EvaluatedDistribution,
    LinearPool,
    PointForecast,
    QuantileGrid,
    RecalibratedDistribution,
    StatedOnce,
    StudentTMixture,
)


def mixture(rows: int = 1, horizons: int = 1) -> StudentTMixture:
    """Leaning, with a component for which there is no polynomial."""
    shape = (3, rows, horizons)
    factors = np.exp(0.1 * np.random.default_rng(4).normal(size=shape))
    return StudentTMixture(
        df=np.array([1.7, 2.6, 30.0])[:, None, None] * factors,
        loc=np.array([-0.004, 0.001, 0.009])[:, None, None] * factors,
        scale=np.array([0.008, 0.01, 0.02])[:, None, None] * factors,
        weights=np.array([0.1, 0.6, 0.3]),
    )


def grid(rows: int = 1) -> QuantileGrid:
    gaps = np.random.default_rng(5).uniform(0.001, 0.01, size=(1, 1, len(STATED_LEVELS)))
    return QuantileGrid(STATED_LEVELS, np.repeat(np.cumsum(gaps, axis=-1) - 0.06, rows, axis=0))


def stretched(base: Distribution) -> RecalibratedDistribution:
    at, to = np.array([[[0.5, 1.0, 1.3, 1.6]]]), np.array([[[0.3, 1.2, 1.4, 2.4]]])
    return RecalibratedDistribution(base, np.full(base.shape, 0.02), at, to)


def alike(rows: int) -> StudentTMixture:
    one = mixture()
    df, loc, scale = (np.repeat(values, rows, axis=1) for values in (one.df, one.loc, one.scale))
    return StudentTMixture(df, loc, scale, one.weights)


def linear(rows: int) -> LinearPool:
    return LinearPool((stretched(alike(rows)), grid(rows)), np.array([[0.3], [0.7]]))


@pytest.mark.parametrize(
    "make",
    [
        alike,
        grid,
        linear,
        lambda rows: stretched(alike(rows)),
        lambda rows: stretched(stretched(grid(rows))),
        lambda rows: StatedOnce(alike(rows)),
    ],
)
def test_it_is_the_integral_of_the_distribution_function(
    make: Callable[[int], Distribution],
) -> None:
    y = np.linspace(-0.3, 0.3, 6001)
    values = make(len(y)).cdf(y[:, None])[:, 0]
    area = np.cumsum((values[1:] + values[:-1]) / 2 * np.diff(y))
    some = np.arange(2700, 3300, 11)
    found = make(1).shortfall(y[None, None, [0, *some]])[0, 0]
    np.testing.assert_allclose(found[1:] - found[0], area[some - 1], rtol=0, atol=2e-7)
    far = make(1).shortfall(np.array([[[-1e7, 1e7]]]))[0, 0]
    assert far[0] == pytest.approx(0, abs=1e-5)
    assert 1e7 - far[1] == pytest.approx(float(make(1).mean()[0, 0]), abs=1e-5)


def test_of_a_student_t_it_is_the_expected_excess() -> None:
    alone = StudentTMixture(*(np.full((1, 1, 1), value) for value in (4.0, 0.1, 2.0)))
    frozen = stats.t(4.0, 0.1, 2.0)
    for point in (-3.0, 0.1, 9.0):
        expected = frozen.expect(lambda x, end=point: end - x, ub=point)
        found = alone.shortfall(np.full((1, 1, 1), point))[0, 0, 0]
        assert found == pytest.approx(expected, rel=1e-7)


def test_many_forecasts_have_the_bits_of_each() -> None:
    many = mixture(rows=700, horizons=3)
    points = np.random.default_rng(6).normal(scale=0.03, size=(700, 3, 8))
    together = many.shortfall(points)
    some = slice(300, 302)
    np.testing.assert_array_equal(together[some], many.part(some).shortfall(points[some]))
    np.testing.assert_array_equal(together[..., 2:3], many.shortfall(points[..., 2:3]))


def test_a_point_has_none_and_what_is_evaluated_asks_its_distribution() -> None:
    points = np.zeros((1, 1, 2))
    assert np.isnan(PointForecast(np.zeros((1, 1))).shortfall(points)).all()
    known = EvaluatedDistribution(grid(), (0.5,), np.zeros((1, 1, 1)), np.zeros((1, 1)))
    np.testing.assert_array_equal(known.shortfall(points), grid().shortfall(points))
