"""The Student-t fit against scipy's own maximum likelihood and against known parameters."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import approx_fprime

from lstmcast.baselines.student_t import _mean_loss, fit_student_t
from lstmcast.errors import DataError


def draw(seed: int, size: int, df: float, loc: float, scale: float) -> np.ndarray:
    return loc + scale * np.random.default_rng(seed).standard_t(df, size=size)


@pytest.mark.parametrize(("df", "loc", "scale"), [(3.0, 0.0005, 0.01), (8.0, -0.2, 2.0)])
def test_agrees_with_scipys_maximum_likelihood(df: float, loc: float, scale: float) -> None:
    sample = draw(1, 2000, df, loc, scale)
    fit = fit_student_t(sample, location=True)
    ours = stats.t.logpdf(sample, fit.df, fit.loc, fit.scale).sum()
    scipys = stats.t.logpdf(sample, *stats.t.fit(sample)).sum()
    assert ours >= scipys - 1e-3
    assert fit.df == pytest.approx(df, rel=0.35)
    assert fit.scale == pytest.approx(scale, rel=0.05)
    assert fit.loc == pytest.approx(loc, abs=4 * scale / np.sqrt(2000))


def test_without_location_it_stays_at_zero_and_loses_likelihood() -> None:
    sample = draw(2, 500, 5.0, 0.5, 1.0)
    fixed = fit_student_t(sample, location=False)
    free = fit_student_t(sample, location=True)
    assert fixed.loc == 0
    assert (
        stats.t.logpdf(sample, free.df, free.loc, free.scale).sum()
        > stats.t.logpdf(sample, fixed.df, 0, fixed.scale).sum()
    )


def test_is_equivariant_to_the_unit_of_the_data() -> None:
    sample = draw(3, 400, 4.0, 0.1, 1.0)
    one, hundred = (fit_student_t(sample * unit, location=True) for unit in (1.0, 100.0))
    assert hundred.df == pytest.approx(one.df, rel=1e-9)
    assert hundred.loc == pytest.approx(100 * one.loc, rel=1e-9)
    assert hundred.scale == pytest.approx(100 * one.scale, rel=1e-9)


def test_normal_data_reach_many_degrees_of_freedom() -> None:
    fit = fit_student_t(np.random.default_rng(4).normal(size=4000), location=False)
    assert 30 < fit.df <= 200.1
    assert fit.scale == pytest.approx(1.0, abs=0.05)


def test_gradient_is_the_derivative_of_the_loss() -> None:
    sample = draw(5, 200, 4.0, 0.1, 1.0)
    at = np.array([0.7, 0.2, -0.3])
    numeric = approx_fprime(at, lambda p: _mean_loss(sample, p.tolist())[0], 1e-7)
    assert _mean_loss(sample, at.tolist())[1] == pytest.approx(numeric, abs=1e-5)


def test_values_that_are_not_finite_are_left_out() -> None:
    sample = draw(6, 300, 4.0, 0.0, 1.0)
    with_gaps = np.concatenate([sample, [np.nan, np.inf, -np.inf]])
    assert fit_student_t(with_gaps, location=True) == fit_student_t(sample, location=True)


def test_too_few_returns_are_an_error() -> None:
    with pytest.raises(DataError, match=r"has 29 returns .* it needs 30"):
        fit_student_t(np.arange(29.0), location=True)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_equal_returns_are_an_error(value: float) -> None:
    with pytest.raises(DataError, match="returns to fit a baseline on, and all are equal"):
        fit_student_t(np.full(100, value), location=True)
