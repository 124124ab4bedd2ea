"""The scaler: fitted to the rows it is given, and undone exactly enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstmcast.dataset import Scaler
from lstmcast.dataset.scaler import ScalerKind

KINDS: tuple[ScalerKind, ...] = ("standard", "minmax")

tables = arrays(np.float64, (7, 3), elements=st.floats(-1e4, 1e4))


def test_standard_scaling_has_zero_mean_and_unit_variance() -> None:
    rows = np.random.default_rng(1).normal([3, -5], [2, 0.1], (500, 2))
    scaled = Scaler.fit(rows, "standard").transform(rows)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-6)
    assert scaled.dtype == np.float32


def test_minmax_scaling_goes_from_0_to_1() -> None:
    rows = np.random.default_rng(1).normal([3, -5], [2, 0.1], (500, 2))
    scaled = Scaler.fit(rows, "minmax").transform(rows)
    np.testing.assert_allclose(scaled.min(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.max(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(fitted=tables, rows=tables)
def test_the_inverse_restores_every_column(
    kind: ScalerKind, fitted: np.ndarray, rows: np.ndarray
) -> None:
    scaler = Scaler.fit(fitted, kind)
    assert (scaler.factor > 0).all()
    scaled = (rows - scaler.offset) / scaler.factor
    for column in range(3):
        restored = scaler.inverse(scaled[:, column], column)
        # Subtracting and adding the offset loses the digits in which the two differ.
        room = 1e-12 * (np.abs(rows[:, column]) + np.abs(scaler.offset[column]) + 1)
        assert (np.abs(restored - rows[:, column]) <= room).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_column_is_only_moved(kind: ScalerKind) -> None:
    scaler = Scaler.fit(np.full((5, 1), 7.0), kind)
    np.testing.assert_array_equal(scaler.transform(np.array([[7.0], [8.5]])), [[0.0], [1.5]])
