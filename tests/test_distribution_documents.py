"""Distributions written as plain values and read back say the same to the last bit."""

import json

import numpy as np
import pytest

from lstmcast.distributions import (
    Distribution,
    LinearPool,
    PointForecast,
    QuantileGrid,
    RecalibratedDistribution,
    StudentTMixture,
    from_document,
    shape_of,
    to_document,
)

ROWS, HORIZONS, KEPT = 5, 4, 3
RANDOM = np.random.default_rng(1)


def mixture(components: int, weights: np.ndarray | None = None) -> StudentTMixture:
    shape = (components, ROWS, HORIZONS)
    return StudentTMixture(
        RANDOM.uniform(2.1, 30, shape), RANDOM.normal(0, 0.01, shape),
        RANDOM.uniform(0.005, 0.02, shape), weights,
    )  # fmt: skip


GRID = QuantileGrid((0.1, 0.5, 0.9), np.sort(RANDOM.normal(0, 0.02, (ROWS, HORIZONS, 3)), axis=-1))
UNIT = np.full((ROWS, HORIZONS), 0.01)
STEPS = np.cumsum(RANDOM.uniform(0.2, 1, (ROWS, HORIZONS, 4)), axis=-1)
KINDS: dict[str, Distribution] = {
    "one": mixture(1),
    "equal": mixture(3),
    "weighted": mixture(3, np.array([0.2, 0.3, 0.5])),
    "by horizon": mixture(2, np.full((2, ROWS, HORIZONS), 0.5)),
    "grid": GRID,
    "pool": LinearPool((mixture(2), GRID), np.array([0.4, 0.6])),
    "pool by horizon": LinearPool((mixture(1), GRID), np.array([[0.1, 0.2, 0.3, 0.4],
                                                               [0.9, 0.8, 0.7, 0.6]])),
    "recalibrated": RecalibratedDistribution(mixture(3), UNIT, STEPS, 1.2 * STEPS),
    "alike": RecalibratedDistribution(GRID, UNIT, STEPS[:1, :1], STEPS[:1, :1]),
    "point": PointForecast(RANDOM.normal(0, 0.01, (ROWS, HORIZONS))),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_rows_are_read_back_together_as_they_were(name: str) -> None:
    kept = KINDS[name]
    documents = [json.loads(json.dumps(to_document(kept, KEPT, row))) for row in range(ROWS)]
    assert len({shape_of(document) for document in documents}) == 1
    read = from_document(documents)
    assert read.shape == (ROWS, KEPT)
    y = RANDOM.normal(0, 0.03, (ROWS, HORIZONS))
    np.testing.assert_array_equal(read.log_density(y[:, :KEPT]), kept.log_density(y)[:, :KEPT])
    np.testing.assert_array_equal(read.mean(), kept.mean()[:, :KEPT])
    levels = (0.1, 0.5, 0.9)
    np.testing.assert_allclose(
        read.quantiles(levels), kept.quantiles(levels)[:, :KEPT], rtol=0, atol=1e-12
    )


def test_forecasts_of_unlike_kinds_and_sizes_are_told_apart() -> None:
    shapes = [shape_of(to_document(kept, KEPT)) for kept in KINDS.values()]
    shapes += [shape_of(to_document(kept, 2)) for kept in KINDS.values()]
    # `equal` and `weighted` have as many components, and their weights are numbers of the row.
    assert len(set(shapes)) == len(shapes) - 2
    other = LinearPool((mixture(2), GRID), np.array([0.5, 0.5]))
    assert shape_of(to_document(other, KEPT)) not in shapes


@pytest.mark.parametrize(
    "document", [{}, {"kind": "gamma"}, {"kind": "student_t", "df": [[5.0]]}, {"kind": "point"}]
)
def test_what_is_no_distribution_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="it is not a distribution"):
        from_document([document])


def test_a_distribution_that_cannot_be_written_is_refused() -> None:
    class Other:
        shape = (1, 1)

    with pytest.raises(TypeError, match="Other cannot be written as plain values"):
        to_document(Other(), 1)  # type: ignore[arg-type] # what is tested
