"""Student's distribution function by polynomials, against scipy's."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import stdtr

from lstmcast.distributions.t_function import StudentTFunction


def found_at(df: np.ndarray, z: np.ndarray) -> np.ndarray:
    return StudentTFunction.of(df)(z, np.log1p(z * z / df))


def test_it_is_scipys_everywhere() -> None:
    """From fewer degrees of freedom than there are polynomials for to a normal distribution."""
    random = np.random.default_rng(1)
    some = [0.3, 1.0, 1.5, 1.99, 2.0, 2.0001, 2.5, 3.0, 5.0, 30.0, 1e3, 1e8, 1e12]
    df = np.concatenate([some, 1 / random.uniform(1e-6, 0.5, size=1000)])
    score = np.concatenate([np.zeros((1, len(df))), random.uniform(-5, 5, size=(20, len(df)))])
    z = np.sign(score) * np.sqrt(df * np.expm1(score**2 / df))
    np.testing.assert_allclose(found_at(df, z), stdtr(df, z), rtol=0, atol=5e-13)


def test_small_probabilities_are_as_exact_as_scipys() -> None:
    df, z = np.full(3, 4.0), -np.array([[20.0, 200.0, 2e4]])
    np.testing.assert_allclose(found_at(df, z), stats.t.cdf(z, df), rtol=1e-12)


@pytest.mark.parametrize("few", [1, 7])
def test_no_bit_depends_on_how_many_are_asked_for(few: int) -> None:
    random = np.random.default_rng(2)
    df, z = random.uniform(1.8, 60, size=40), random.normal(scale=2, size=(9, 40))
    together = found_at(df, z)
    parts = [found_at(df[k : k + few], z[:, k : k + few]) for k in range(0, 40, few)]
    np.testing.assert_array_equal(together, np.concatenate(parts, axis=1))
    one_point = [found_at(df, z[k : k + 1]) for k in range(9)]
    np.testing.assert_array_equal(together, np.concatenate(one_point))


def test_chosen_degrees_of_freedom_are_those_alone() -> None:
    random = np.random.default_rng(3)
    df, z = random.uniform(2, 60, size=10), random.normal(size=(4, 10))
    some = np.arange(10) % 3 == 0
    part = StudentTFunction.of(df).chosen(some)
    logarithm = np.log1p(z[:, some] ** 2 / df[some])
    np.testing.assert_array_equal(part(z[:, some], logarithm), found_at(df, z)[:, some])
