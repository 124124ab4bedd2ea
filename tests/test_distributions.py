"""Distributions against scipy and against one another, and the properties that all keep."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from lstmcast.distributions import (
    Distribution,
    LinearPool,
    PointForecast,
    QuantileGrid,
    StudentTMixture,
    average_quantiles,
    pool,
    student_t_log_density,
)
from lstmcast.distributions.grid import TAIL_DF
from lstmcast.distributions.mixture_quantiles import (
    MixtureArrays,
    _Components,
    _step,
    quick_quantiles,
)
from lstmcast.distributions.roots import invert
from lstmcast.distributions.student_t import _bracketed
from lstmcast.predictions import LEVELS as STATED

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
    with pytest.raises(ValueError, match=r"`weights` must have shape \(1,\) or \(1, 2, 2\)"):
        StudentTMixture(df=good, loc=good, scale=good, weights=np.array([0.5, 0.5]))


def test_log_density_broadcasts() -> None:
    values = student_t_log_density([0.0, 1.0], 4.0, 0.0, 2.0)
    np.testing.assert_allclose(values, stats.t.logpdf([0.0, 1.0], 4.0, 0.0, 2.0), rtol=1e-12)


# --- many mixtures at many levels ----------------------------------------------------------------


def pooled(rows: int = 40, horizons: int = 3, components: int = 5) -> StudentTMixture:
    """What five networks that agree roughly would state."""
    generator = np.random.default_rng(11)
    width = 0.01 * np.exp(0.3 * generator.normal(size=(rows, 1))) * np.sqrt(range(1, horizons + 1))
    shape = (components, rows, horizons)
    return StudentTMixture(
        df=generator.uniform(2.6, 40, size=shape),
        loc=0.1 * width * generator.normal(size=shape),
        scale=width * np.exp(0.15 * generator.normal(size=shape)),
    )


def test_quick_quantiles_are_those_of_the_bracketed_search() -> None:
    mixed = pooled()
    arrays = MixtureArrays(mixed.df, mixed.loc, mixed.scale, mixed.shares)
    found, settled = quick_quantiles(arrays, np.array(STATED))
    assert settled.all()  # none was left to the slower method
    exact = _bracketed(arrays.of(settled), np.array(STATED)).reshape(found.shape)
    np.testing.assert_allclose(found, exact, atol=1e-11 * float(mixed.scale.max()))


def test_a_step_of_the_search_is_of_the_fourth_order() -> None:
    """Half the distance from the root, a sixteenth of the error after the step."""
    mixed = pooled(rows=10, horizons=1)
    arrays = MixtureArrays(mixed.df, mixed.loc, mixed.scale, mixed.shares).flat()
    components = _Components.of(arrays)
    level = np.array(STATED)
    root = _bracketed(arrays, level).T
    errors = []
    for away in (0.08, 0.04):
        x = root + away * mixed.scale.mean()
        errors.append(np.abs(x + _step(components, x, level)[0] - root).mean())
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.25)


def unlike(seed: int, components: int, decades: float, rows: int = 250) -> StudentTMixture:
    """Components whose widths are up to so many powers of ten apart, some about one centre."""
    generator = np.random.default_rng(seed)
    shape = (components, rows, 1)
    scale = 10 ** generator.uniform(-decades / 2, decades / 2, size=shape)
    apart = generator.integers(0, 2, size=(1, rows, 1)) * scale.mean(axis=0)
    weights = generator.dirichlet(np.ones(components), size=(rows, 1)).transpose(2, 0, 1) + 1e-6
    return StudentTMixture(
        df=generator.uniform(2.05, 50, size=shape),
        loc=generator.normal(size=shape) * scale + generator.normal(size=shape) * apart,
        scale=scale,
        weights=weights / weights.sum(axis=0),
    )


def assert_inverse_and_in_order(distribution: Distribution, atol: float) -> None:
    quantiles = distribution.quantiles(STATED)
    assert np.all(np.diff(quantiles, axis=-1) > 0)
    for k, level in enumerate(STATED):
        np.testing.assert_allclose(distribution.cdf(quantiles[..., k]), level, atol=atol)


@pytest.mark.parametrize("components", [2, 3, 5])
@pytest.mark.parametrize("decades", [1, 2, 4, 8])
def test_quantiles_of_components_of_any_width_are_exact_and_in_order(
    components: int, decades: float
) -> None:
    """From 1e-4 to 1e4: small steps at a wrong place once counted as the end of the search."""
    for seed in (0, 1):
        assert_inverse_and_in_order(unlike(seed, components, decades), atol=5e-9)


def test_a_linear_pool_of_unlike_widths_is_inverted_as_well() -> None:
    parts = unlike(3, 3, 6, rows=60)
    members = tuple(
        StudentTMixture(parts.df[k : k + 1], parts.loc[k : k + 1], parts.scale[k : k + 1])
        for k in range(3)
    )
    assert_inverse_and_in_order(LinearPool(members, np.array([0.1, 0.6, 0.3])), atol=5e-9)


def test_the_search_halves_a_bracket_that_newtons_steps_do_not() -> None:
    """A steep step on a gentle slope: from above, each step of Newton's goes a little way only."""

    def cdf_and_density(x: np.ndarray, _: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        narrow, wide = stats.norm(0.0, 1e-7), stats.expon(0.0, 1e3)
        return 0.5 * (narrow.cdf(x) + wide.cdf(x)), 0.5 * (narrow.pdf(x) + wide.pdf(x))

    level = np.array([0.1, 0.3, 0.45, 0.6, 0.9])
    root = invert(cdf_and_density, level, np.full(5, -1.0), np.full(5, 1e5))
    np.testing.assert_allclose(cdf_and_density(root, level)[0], level, atol=1e-9)


def test_no_bit_of_a_quantile_depends_on_which_others_are_searched() -> None:
    """Nor on how many forecasts: some take more steps than others."""
    mixed = unlike(5, 3, 1.5, rows=900)
    together = mixed.quantiles(STATED)
    arrays = MixtureArrays(mixed.df, mixed.loc, mixed.scale, mixed.shares)
    settled = quick_quantiles(arrays, np.array(STATED))[1][:, 0]
    assert 0.3 < settled.mean() < 1
    alone = mixed.quantiles(STATED[3:9])
    np.testing.assert_array_equal(together[settled][..., 3:9], alone[settled])
    rows = slice(410, 417)
    np.testing.assert_array_equal(together[rows], mixed.part(rows).quantiles(STATED))


def test_quantiles_do_not_depend_on_the_order_of_the_levels() -> None:
    mixed = pooled(rows=5)
    shuffled = [0.9, 0.1, 0.5, 0.975]
    np.testing.assert_allclose(
        mixed.quantiles(shuffled), mixed.quantiles(sorted(shuffled))[..., [2, 0, 1, 3]], rtol=1e-9
    )


def test_weights_may_differ_from_forecast_to_forecast() -> None:
    plain = mixture(21, components=2, rows=3, horizons=2)
    share = np.random.default_rng(22).uniform(0.1, 0.9, size=(3, 2))
    mixed = StudentTMixture(plain.df, plain.loc, plain.scale, np.stack([share, 1 - share]))
    quantiles = mixed.quantiles(STATED)
    for row, column in np.ndindex(3, 2):
        here = (slice(None), slice(row, row + 1), slice(column, column + 1))
        weights = np.array([share[row, column], 1 - share[row, column]])
        alone = StudentTMixture(plain.df[here], plain.loc[here], plain.scale[here], weights)
        np.testing.assert_allclose(quantiles[row, column], alone.quantiles(STATED)[0, 0], rtol=1e-8)
        y = np.full((1, 1), 0.013)
        np.testing.assert_allclose(
            mixed.log_density(np.full((3, 2), 0.013))[row, column], alone.log_density(y)[0, 0]
        )


# --- quantile grids ------------------------------------------------------------------------------


def grid(seed: int = 31, rows: int = 3, horizons: int = 2) -> QuantileGrid:
    generator = np.random.default_rng(seed)
    gaps = generator.uniform(0.001, 0.01, size=(rows, horizons, len(STATED)))
    return QuantileGrid(STATED, np.cumsum(gaps, axis=-1) - 0.05)


def test_a_grid_of_its_reference_distribution_is_that_distribution() -> None:
    reference = stats.t(TAIL_DF, 0.002, 0.013)
    stated = QuantileGrid(STATED, np.asarray(reference.ppf(STATED))[None, None])
    y = np.array([[-0.3]]), np.array([[0.004]]), np.array([[0.2]])
    for point in y:
        np.testing.assert_allclose(stated.log_density(point), reference.logpdf(point), rtol=1e-9)
        np.testing.assert_allclose(stated.cdf(point), reference.cdf(point), rtol=1e-9)
    levels = (0.001, 0.33, 0.999)
    np.testing.assert_allclose(stated.quantiles(levels)[0, 0], reference.ppf(levels), rtol=1e-9)
    np.testing.assert_allclose(stated.mean(), reference.mean(), rtol=1e-9)


def test_a_grid_keeps_what_was_stated_and_inverts_its_distribution_function() -> None:
    stated = grid()
    np.testing.assert_allclose(stated.quantiles(STATED), stated.values, rtol=1e-12)
    for level in (0.001, 0.03, 0.31, 0.5, 0.99):
        np.testing.assert_allclose(stated.cdf(stated.quantiles([level])[..., 0]), level, rtol=1e-9)


def test_the_density_of_a_grid_integrates_to_one_and_has_its_mean() -> None:
    stated = grid(rows=1, horizons=1)
    knots = stated.values[0, 0]
    edges = np.concatenate([[-20.0, -1.0], knots, [1.0, 20.0]])
    nodes, weights = np.polynomial.legendre.leggauss(60)
    area = first = 0.0
    for low, high in pairwise(edges):
        y = (low + high) / 2 + (high - low) / 2 * nodes
        density = np.array([np.exp(stated.log_density(np.array([[v]])))[0, 0] for v in y])
        area += float((weights * density).sum() * (high - low) / 2)
        first += float((weights * density * y).sum() * (high - low) / 2)
    assert area == pytest.approx(1, abs=1e-6)
    assert first == pytest.approx(float(stated.mean()[0, 0]), abs=1e-6)


def test_a_grid_refuses_quantiles_that_cross() -> None:
    with pytest.raises(ValueError, match="must increase from each level to the next"):
        QuantileGrid((0.1, 0.5, 0.9), np.array([[[0.0, 0.2, 0.1]]]))
    with pytest.raises(ValueError, match=r"shape \(rows, horizons, 2\)"):
        QuantileGrid((0.1, 0.9), np.zeros((1, 1, 3)))


def test_a_grid_knows_nothing_of_an_unknown_truth() -> None:
    y = np.full((3, 2), np.nan)
    assert np.isnan(grid().log_density(y)).all()
    assert np.isnan(grid().cdf(y)).all()


# --- pools ---------------------------------------------------------------------------------------


def test_a_linear_pool_of_unlike_members_is_the_mean_of_their_distribution_functions() -> None:
    members: list[Distribution] = [mixture(41, components=2, rows=3), grid()]
    weights = np.array([0.4, 0.6])
    mixed = pool(members, weights)
    assert isinstance(mixed, LinearPool)
    y = np.full((3, 2), 0.01)
    np.testing.assert_allclose(
        mixed.cdf(y), 0.4 * members[0].cdf(y) + 0.6 * members[1].cdf(y), rtol=1e-12
    )
    quantiles = mixed.quantiles(STATED)
    for k, level in enumerate(STATED):
        np.testing.assert_allclose(mixed.cdf(quantiles[..., k]), level, atol=1e-9)
    np.testing.assert_allclose(mixed.mean(), 0.4 * members[0].mean() + 0.6 * members[1].mean())
    np.testing.assert_allclose(
        np.exp(mixed.log_density(y)),
        0.4 * np.exp(members[0].log_density(y)) + 0.6 * np.exp(members[1].log_density(y)),
    )


def test_a_mixture_pools_to_the_same_as_its_parts_one_by_one() -> None:
    mixed = pool([mixture(6), mixture(7)], np.array([0.3, 0.7]))
    slow = LinearPool((mixture(6), mixture(7)), np.array([0.3, 0.7]))
    assert isinstance(mixed, StudentTMixture)
    np.testing.assert_allclose(mixed.quantiles(STATED), slow.quantiles(STATED), atol=1e-11)


def test_a_pool_may_weigh_each_horizon_by_itself() -> None:
    weights = np.array([[0.9, 0.2], [0.1, 0.8]])
    both: list[list[Distribution]] = [
        [mixture(6, rows=3), mixture(7, rows=3)],
        [mixture(6, components=1, rows=3), mixture(7, components=1, rows=3)],
        [mixture(6, rows=3), grid()],
    ]
    for members in both:
        mixed = pool(members, weights)
        for h in (0, 1):
            alone = pool(members, weights[:, h])
            y = np.full((3, 2), 0.01)
            for ours, theirs in (
                (mixed.log_density(y), alone.log_density(y)),
                (mixed.cdf(y), alone.cdf(y)),
                (mixed.mean(), alone.mean()),
                (mixed.quantiles(STATED), alone.quantiles(STATED)),
            ):
                np.testing.assert_allclose(ours[:, h], theirs[:, h], rtol=1e-9)


def test_averaged_quantiles_are_the_mean_of_the_members_quantiles() -> None:
    members = [mixture(51, components=1), mixture(52, components=1)]
    averaged = average_quantiles(members, np.array([0.25, 0.75]))
    expected = 0.25 * members[0].quantiles(STATED) + 0.75 * members[1].quantiles(STATED)
    np.testing.assert_allclose(averaged.quantiles(STATED), expected, rtol=1e-12)


def test_averaging_a_student_t_with_itself_hardly_moves_its_log_score() -> None:
    alone = StudentTMixture(*(np.full((2000, 1), v)[None] for v in (8.0, 0.0, 0.01)))
    averaged = average_quantiles([alone, alone])
    drawn = 0.01 * np.random.default_rng(53).standard_t(8, size=(2000, 1))
    ours, exact = averaged.log_density(drawn), alone.log_density(drawn)
    assert abs(float((ours - exact).mean())) < 1e-3
    np.testing.assert_allclose(ours, exact, atol=0.15)  # far out it is the tails that differ


def test_points_pool_to_their_mean_and_not_with_distributions() -> None:
    points = [PointForecast(np.array([[0.0]])), PointForecast(np.array([[0.04]]))]
    np.testing.assert_allclose(pool(points).mean(), [[0.02]])
    np.testing.assert_allclose(pool(points, np.array([0.75, 0.25])).mean(), [[0.01]])
    with pytest.raises(ValueError, match="all points or all distributions"):
        pool([points[0], mixture(61, rows=1, horizons=1)])
    with pytest.raises(ValueError, match="at least one forecast"):
        pool([])
