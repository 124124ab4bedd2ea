"""The scaler: fitted to the rows it is given, and undone exactly enough."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from lstmcast.dataset import Scaler
from lstmcast.dataset.scaler import ScalerKind, fit_standard

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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [2, 3, 100, 4099])
@pytest.mark.parametrize("size", [1e-9, 1.0, 1e7])
def test_the_statistics_are_scikit_learn_s_to_the_bit(
    kind: ScalerKind, rows: int, size: float
) -> None:
    """With columns that are constant, constant but for rounding, and far from zero."""
    numbers = np.random.default_rng(rows)
    table = size * numbers.normal(size=(rows, 6)) * [1, 5, 0, 1e-3, 1, 1] + [0, 3, 7, 1e9, 0.1, -4]
    table[:, 4] = 0.1 + 1e-17 * numbers.normal(size=rows)
    ours = Scaler.fit(table, kind)
    if kind == "standard":
        standard = StandardScaler().fit(table)
        offset, factor = standard.mean_, standard.scale_
    else:
        minmax = MinMaxScaler().fit(table)
        offset, factor = minmax.data_min_, minmax.data_range_
        factor = np.where(minmax.scale_ == 1, 1.0, factor)
    np.testing.assert_array_equal(ours.offset, offset)
    np.testing.assert_array_equal(ours.factor, factor)


def test_fitting_a_scaler_does_not_load_scikit_learn() -> None:
    code = (
        "import sys, numpy; from lstmcast.dataset import Scaler\n"
        "for kind in ('standard', 'minmax'): Scaler.fit(numpy.eye(3), kind)\n"
        "assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_scaler_of_parts_is_that_of_all_rows() -> None:
    """To the bit: the sums are the same."""
    random = np.random.default_rng(5)
    parts = [random.normal(3, [0.1, 5, 40], size=(rows, 3)) for rows in (701, 1, 0, 350)]
    whole, found = Scaler.fit(np.concatenate(parts), "standard"), fit_standard(lambda: parts)
    np.testing.assert_array_equal(found.offset, whole.offset)
    np.testing.assert_array_equal(found.factor, whole.factor)
    with pytest.raises(ValueError, match="have no row"):
        fit_standard(lambda: [parts[2]])
