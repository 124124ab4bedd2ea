"""Targets against a plain loop, and back again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstmcast.dataset import LogReturnTarget, PriceTarget, Scaler

CLOSES = 20 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, 30)))
SCALER = Scaler(np.array([0.0, 12.0]), np.array([1.0, 5.0]))


@given(horizon=st.integers(1, 40))
def test_log_returns_are_those_of_a_plain_loop(horizon: int) -> None:
    found = LogReturnTarget().encode(CLOSES, horizon)
    assert found.shape == (30, horizon)
    for row in range(30):
        for step in range(1, horizon + 1):
            if row + step < 30:
                expected = 100 * np.log(CLOSES[row + step] / CLOSES[row])
                np.testing.assert_allclose(found[row, step - 1], expected, atol=1e-11)
            else:
                assert np.isnan(found[row, step - 1])


@given(horizon=st.integers(1, 40))
def test_prices_are_those_of_a_plain_loop(horizon: int) -> None:
    found = PriceTarget(SCALER, column=1).encode(CLOSES, horizon)
    for row in range(30):
        for step in range(1, horizon + 1):
            if row + step < 30:
                np.testing.assert_allclose(found[row, step - 1], (CLOSES[row + step] - 12) / 5)
            else:
                assert np.isnan(found[row, step - 1])


def test_both_targets_decode_to_the_log_return_from_the_origin() -> None:
    closes, horizon = CLOSES[:-3], 3
    truth = np.log(CLOSES[1:-2] / closes)
    for target in (LogReturnTarget(), PriceTarget(SCALER, column=1)):
        values = target.encode(CLOSES, horizon)[:-3]
        np.testing.assert_allclose(target.decode(values, closes)[:, 0], truth, atol=1e-12)


def test_a_negative_price_counts_as_a_hundredth_of_the_close() -> None:
    target = PriceTarget(SCALER, column=1)
    decoded = target.decode(np.array([[-10.0]]), np.array([40.0]))
    np.testing.assert_allclose(decoded, np.log(0.01))
