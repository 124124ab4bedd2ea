"""Quantiles: in order for any weights, widening, and the right ones after training."""

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.descent import descend
from torch import Tensor

from lstmcast import predictions
from lstmcast.nn import QuantileHead, QuantileParams
from lstmcast.nn.heads.quantile import LEVELS, MEDIAN

HIDDEN = 4
FAN = tuple(range(1, 61))


def forecast(seed: int, spread: float, horizons: tuple[int, ...] = FAN) -> Tensor:
    """Quantiles of a head with weights as wild as `spread`, for a few wild hidden units."""
    generator = torch.Generator().manual_seed(seed)
    head = QuantileHead(HIDDEN, horizons)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(spread * torch.empty_like(parameter).normal_(generator=generator))
        hidden = 3 * torch.empty(2, 6, HIDDEN).normal_(generator=generator)
        values: Tensor = head(hidden, torch.full((2, 6), 0.01)).values
    return values


@given(seed=st.integers(0, 2**31), spread=st.floats(0, 50))
@settings(max_examples=40, deadline=None)
def test_quantiles_never_cross(seed: int, spread: float) -> None:
    values = forecast(seed, spread).double()
    # Gaps are positive by construction; single precision may round the smallest of them to zero.
    assert (values.diff(dim=-1) >= 0).all()


@given(seed=st.integers(0, 2**31), spread=st.floats(0, 5))
@settings(max_examples=40, deadline=None)
def test_every_range_widens_with_the_horizon(seed: int, spread: float) -> None:
    values = forecast(seed, spread).double()
    for k in range(MEDIAN):
        width = values[..., -1 - k] - values[..., k]
        # Equal up to the rounding of a location that may be many times the width.
        assert (width.diff(dim=-1) >= -1e-6 * values.abs().amax()).all()


def test_ordinary_weights_give_strictly_ordered_and_widening_quantiles() -> None:
    values = forecast(3, 0.3).double()
    assert (values.diff(dim=-1) > 0).all()
    assert ((values[..., -1] - values[..., 0]).diff(dim=-1) > 0).all()


def test_levels_are_those_of_the_prediction_table() -> None:
    assert LEVELS == predictions.LEVELS
    assert LEVELS[MEDIAN] == 0.5


def test_untrained_quantiles_are_those_of_the_scaled_student_t() -> None:
    values = forecast(0, 0.0, (1, 4)).double().numpy()
    deviation = 0.01 * np.sqrt(4 / 6)
    expected = scipy.stats.t.ppf(LEVELS, 6.0) * deviation
    np.testing.assert_allclose(values[0, 0, 0], expected, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(values[0, 0, 1], 2 * expected, rtol=1e-5, atol=1e-8)


def test_the_loss_is_the_pinball_loss_by_its_definition() -> None:
    head = QuantileHead(HIDDEN, (1, 5))
    values = torch.randn(2, 3, 2, len(LEVELS)).sort(dim=-1).values
    unit = torch.rand(2, 3, 2) + 0.5
    target = torch.randn(2, 3, 2)
    expected = np.zeros((2, 3, 2))
    for index in np.ndindex(2, 3, 2):
        for level, quantile in zip(LEVELS, values[index].tolist(), strict=True):
            error = target[index].item() - quantile
            expected[index] += 2 * (level * error if error > 0 else (level - 1) * error)
    expected /= len(LEVELS) * unit.numpy()
    loss = head.loss(QuantileParams(values, unit), target)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_it_learns_the_quantiles_of_a_skewed_distribution() -> None:
    shares = (np.arange(500) + 0.5) / 500
    y = scipy.stats.skewnorm.ppf(shares, 4.0, loc=-0.008, scale=0.015)
    head = QuantileHead(1, (1,)).double()
    hidden = torch.zeros(1, len(y), 1, dtype=torch.float64)
    scale = torch.full((1, len(y)), 0.01, dtype=torch.float64)
    target = torch.tensor(y)[None, :, None]
    descend(
        [*head.parameters()],
        lambda: head.loss(head(hidden, scale), target).mean(),
        steps=500,
        rate=0.05,
    )
    learned = head(hidden, scale).values[0, 0, 0].detach().numpy()
    # Compared in probability: the share of the sample below each quantile.
    reached = np.searchsorted(y, learned) / len(y)
    assert reached == pytest.approx(LEVELS, abs=0.01)
