"""Targets against a plain loop, and back again."""

import numpy as np
import pytest

from lstmcast.dataset import LogReturnTarget, PriceTarget, Scaler

CLOSES = 20 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, 30)))
SCALER = Scaler(np.array([0.0, 12.0]), np.array([1.0, 5.0]))


@pytest.mark.parametrize("horizon", [1, 2, 7, 29, 30, 40])
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


@pytest.mark.parametrize("horizon", [1, 2, 7, 29, 30, 40])
def test_prices_are_those_of_a_plain_loop(horizon: int) -> None:
    found = PriceTarget(SCALER, column=1).encode(CLOSES, horizon)
    for row in range(30):
        for step in range(1, horizon + 1):
            if row + step < 30:
                np.testing.assert_allclose(found[row, step - 1], (CLOSES[row + step] - 12) / 5)
            else:
                assert np.isnan(found[row, step - 1])


def seldom_traded_closes(rows: int = 400, until: int = 200, seed: int = 4) -> np.ndarray:
    """Four of five closes are those of the day before, up to a row; then each one moves."""
    generator = np.random.default_rng(seed)
    still = (generator.random(rows) < 0.8) & (np.arange(rows) < until)
    returns = np.where(still, 0.0, generator.normal(0, 0.02, rows))
    returns[0] = 0.0
    return np.asarray(20 * np.exp(np.cumsum(returns)))


def test_unchanged_closes_are_no_targets_where_they_are_many() -> None:
    """A density of no width would have the best likelihood there."""
    closes = seldom_traded_closes()
    plain = 100 * np.log(closes[1:] / closes[:-1])
    found = LogReturnTarget().encode(closes, 3)[:-1, 0]
    early = slice(20, 200)
    np.testing.assert_array_equal(np.isnan(found[early]), plain[early] == 0)
    moved = plain != 0
    np.testing.assert_allclose(found[moved], plain[moved], atol=1e-11)


def test_a_close_that_is_unchanged_now_and_then_stays_a_target() -> None:
    closes = CLOSES.copy()
    closes[[11, 20]] = closes[[10, 19]]
    found = LogReturnTarget().encode(closes, 1)[:-1, 0]
    assert found[10] == 0
    assert found[19] == 0
    assert np.isfinite(found).all()


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
