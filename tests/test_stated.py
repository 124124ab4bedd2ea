"""Quantiles that are computed once are those of the distribution, at whatever levels."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from lstmcast.distributions import (
    STATED_LEVELS,
    FloatArray,
    PointForecast,
    StatedOnce,
    StudentTMixture,
)


@dataclass(frozen=True)
class Asked(StudentTMixture):
    """A mixture that notes which quantiles it was asked for."""

    levels: list[tuple[float, ...]] = field(default_factory=list)

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        self.levels.append(tuple(levels))
        return super().quantiles(levels)


def mixture(kind: type[StudentTMixture], components: int = 3) -> StudentTMixture:
    random = np.random.default_rng(1)
    shape = (components, 6, 4)
    return kind(
        df=random.uniform(2.5, 30, shape),
        loc=random.normal(0, 0.002, shape),
        scale=random.uniform(0.005, 0.03, shape),
    )


@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize(
    "levels", [(0.1, 0.5, 0.9), (0.5,), (0.9, 0.025), STATED_LEVELS, (0.01, 0.5), (0.33,), ()]
)
def test_quantiles_are_those_of_the_distribution(
    components: int, levels: tuple[float, ...]
) -> None:
    base = mixture(StudentTMixture, components)
    found = StatedOnce(base).quantiles(levels)
    assert found.shape == (6, 4, len(levels))
    if levels:
        assert found == pytest.approx(base.quantiles(levels), rel=1e-10, abs=1e-13)


def test_stated_levels_are_computed_at_most_once() -> None:
    asked = mixture(Asked)
    assert isinstance(asked, Asked)
    stated = StatedOnce(asked)
    assert asked.levels == []
    for levels in ((0.1, 0.5, 0.9), (0.5,), STATED_LEVELS, (0.025, 0.975)):
        stated.quantiles(levels)
    assert asked.levels == [STATED_LEVELS]
    stated.quantiles((0.5, 0.99))
    assert asked.levels == [STATED_LEVELS, (0.5, 0.99)]


def test_a_point_states_its_median_alone() -> None:
    found = StatedOnce(PointForecast(np.full((2, 1), 0.01))).quantiles((0.1, 0.5))
    assert found[..., 1] == pytest.approx(0.01)
    assert np.isnan(found[..., 0]).all()


def test_everything_else_is_asked_of_the_distribution() -> None:
    base = mixture(StudentTMixture)
    stated, y = StatedOnce(base), np.full((6, 4), 0.004)
    assert stated.shape == base.shape
    np.testing.assert_array_equal(stated.mean(), base.mean())
    np.testing.assert_array_equal(stated.cdf(y), base.cdf(y))
    np.testing.assert_array_equal(stated.log_density(y), base.log_density(y))
    np.testing.assert_array_equal(stated.part(slice(1, 3)).mean(), base.mean()[1:3])
