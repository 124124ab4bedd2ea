"""Student-t mixtures against scipy, and the properties that every distribution keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from lstmcast.distributions import PointForecast, StudentTMixture, pool, student_t_log_density

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def mixture(seed: int, components: int = 3, rows: int = 4, horizons: int = 2) -> StudentTMixture:
    generator = np.random.default_rng(seed)
    shape = (components, rows, horizons)
    weights = generator.uniform(0.1, 1, size=components)
    return StudentTMixture(
        df=generator.uniform(2.1, 30, size=shape),
        loc=generator.normal(scale=0.01, size=shape),
        scale=generator.uniform(0.002, 0.05, size=shape),
        weights=weights / weights.sum(),
    )


def test_one_component_is_scipys_student_t() -> None:
    alone = mixture(1, components=1)
    frozen = stats.t(alone.df[0], alone.loc[0], alone.scale[0])
    y = np.random.default_rng(2).normal(scale=0.03, size=alone.shape)
    np.testing.assert_allclose(alone.log_density(y), frozen.logpdf(y), rtol=1e-10)
    np.testing.assert_allclose(alone.cdf(y), frozen.cdf(y), rtol=1e-10)
    np.testing.assert_allclose(alone.mean(), frozen.mean(), rtol=1e-12)
    expected = np.stack([frozen.ppf(level) for level in LEVELS], axis=-1)
    np.testing.assert_allclose(alone.quantiles(LEVELS), expected, rtol=1e-8, atol=1e-12)


def test_log_density_of_a_mixture_is_the_log_of_the_weighted_sum() -> None:
    mixed = mixture(3)
    assert mixed.weights is not None
    y = np.random.default_rng(4).normal(scale=0.03, size=mixed.shape)
    each = stats.t.pdf(y, mixed.df, mixed.loc, mixed.scale)
    expected = np.log(np.tensordot(mixed.weights, each, axes=1))
    np.testing.assert_allclose(mixed.log_density(y), expected, rtol=1e-10)


def test_density_integrates_to_the_distribution_function() -> None:
    mixed = mixture(5, rows=1, horizons=1)

    def density(y: float) -> float:
        return float(np.exp(mixed.log_density(np.array([[y]])))[0, 0])

    area, _ = quad(density, -np.inf, 0.01, points=None, limit=400)
    assert area == pytest.approx(mixed.cdf(np.array([[0.01]]))[0, 0], abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), components=st.integers(1, 6))
def test_quantiles_invert_the_distribution_function_and_never_cross(
    seed: int, components: int
) -> None:
    mixed = mixture(seed, components=components)
    quantiles = mixed.quantiles(LEVELS)
    assert np.all(np.diff(quantiles, axis=-1) > 0)
    for k, level in enumerate(LEVELS):
        np.testing.assert_allclose(mixed.cdf(quantiles[..., k]), level, atol=1e-9)


def test_quantiles_of_far_apart_components_are_found() -> None:
    shape = (2, 1, 1)
    two = StudentTMixture(
        df=np.full(shape, 3.0),
        loc=np.array([-10.0, 10.0]).reshape(shape),
        scale=np.full(shape, 1e-3),
    )
    quantiles = two.quantiles((0.25, 0.75))[0, 0]
    np.testing.assert_allclose(quantiles, [-10, 10], atol=1e-9)


def test_pool_is_the_weighted_mean_of_the_members_densities() -> None:
    members = [mixture(6), mixture(7, components=2)]
    weights = np.array([0.3, 0.7])
    y = np.random.default_rng(8).normal(scale=0.03, size=members[0].shape)
    expected = sum(w * np.exp(m.log_density(y)) for w, m in zip(weights, members, strict=True))
    np.testing.assert_allclose(np.exp(pool(members, weights).log_density(y)), expected, rtol=1e-10)
    equal = pool([members[0], members[0]])
    np.testing.assert_allclose(equal.log_density(y), members[0].log_density(y), rtol=1e-12)


def test_unknown_truth_has_no_density_and_raises_no_warning() -> None:
    y = np.full((4, 2), np.nan)
    assert np.isnan(mixture(9).log_density(y)).all()
    assert np.isnan(mixture(9, components=1).log_density(y)).all()


def test_a_point_states_its_median_and_mean_and_nothing_else() -> None:
    point = PointForecast(np.array([[0.01, 0.02]]))
    quantiles = point.quantiles((0.05, 0.5, 0.95))
    np.testing.assert_array_equal(quantiles[..., 1], point.value)
    assert np.isnan(quantiles[..., [0, 2]]).all()
    assert np.isnan(point.log_density(point.value)).all()
    assert np.isnan(point.cdf(point.value)).all()
    np.testing.assert_array_equal(point.mean(), point.value)
    assert point.shape == (1, 2)


def test_shapes_that_do_not_fit_are_named() -> None:
    good = np.ones((1, 2, 2))
    with pytest.raises(ValueError, match="`df`, `loc` and `scale` must share a shape"):
        StudentTMixture(df=good, loc=good[:, :1], scale=good)
    with pytest.raises(ValueError, match=r"`weights` must have shape \(1,\)"):
        StudentTMixture(df=good, loc=good, scale=good, weights=np.array([0.5, 0.5]))


def test_log_density_broadcasts() -> None:
    values = student_t_log_density([0.0, 1.0], 4.0, 0.0, 2.0)
    np.testing.assert_allclose(values, stats.t.logpdf([0.0, 1.0], 4.0, 0.0, 2.0), rtol=1e-12)
