"""From a head's parameters to returns: against the head's own loss, for every head."""

import numpy as np
import pytest
import torch
from support.experiments import trained
from support.histories import simulated

from lstmcast.dataset import LogReturnTarget
from lstmcast.distributions import QuantileGrid, StudentTMixture
from lstmcast.evaluation import row_losses
from lstmcast.forecasting import forecast_ahead
from lstmcast.nn import HEADS
from lstmcast.predictions import LEVELS, QUANTILES
from lstmcast.training.decode import DECODERS

ROWS, HORIZONS, HIDDEN = 6, 4, 5
CLOSES = np.full(ROWS, 80.0)


def test_every_head_is_decoded() -> None:
    assert DECODERS.keys() == HEADS.keys()


def answers(name: str) -> tuple[dict[str, np.ndarray], torch.Tensor, torch.Tensor]:
    """Parameters of a head with random weights, a truth in percent, and the head's loss."""
    generator = torch.Generator().manual_seed(3)
    head = HEADS[name](HIDDEN, tuple(range(1, HORIZONS + 1)))
    with torch.no_grad():
        head.weight.copy_(0.4 * torch.randn(head.weight.shape, generator=generator))
    hidden = torch.tanh(torch.randn(1, ROWS, HIDDEN, generator=generator))
    scale = 1.0 + torch.rand(1, ROWS, generator=generator)
    truth = 2.0 * torch.randn(1, ROWS, HORIZONS, generator=generator)
    with torch.no_grad():
        params = head(hidden, scale)
        loss = head.loss(params, truth)
    arrays = {k: v[0].double().numpy() for k, v in params._asdict().items()}
    return arrays, truth[0].double(), loss[0].double()


@pytest.mark.parametrize("name", ["student_t"])
def test_the_density_of_a_return_is_the_one_that_was_trained(name: str) -> None:
    arrays, truth, loss = answers(name)
    decoded = DECODERS[name](arrays, LogReturnTarget(), CLOSES)
    assert isinstance(decoded, StudentTMixture)
    # The target speaks percent, the forecast fractions: densities differ by a factor of 100.
    density = decoded.log_density(truth.numpy() / 100) - np.log(100)
    np.testing.assert_allclose(-density, loss, rtol=1e-4, atol=1e-4)


def test_quantiles_are_those_of_the_head() -> None:
    arrays, truth, loss = answers("quantile")
    decoded = DECODERS["quantile"](arrays, LogReturnTarget(), CLOSES)
    assert isinstance(decoded, QuantileGrid)
    quantiles = decoded.quantiles(LEVELS)
    np.testing.assert_allclose(quantiles, arrays["values"] / 100, rtol=1e-12)
    gap = truth.numpy()[..., None] / 100 - quantiles
    pinball = np.maximum(np.array(LEVELS) * gap, (np.array(LEVELS) - 1) * gap).mean(axis=-1)
    np.testing.assert_allclose(200 * pinball / arrays["unit"], loss, rtol=1e-4)


def test_a_point_is_its_value_and_nothing_else() -> None:
    arrays, _, _ = answers("point")
    decoded = DECODERS["point"](arrays, LogReturnTarget(), CLOSES)
    np.testing.assert_allclose(decoded.mean(), arrays["value"] / 100)
    assert np.isnan(decoded.log_density(arrays["value"])).all()


@pytest.mark.parametrize("head", ["quantile"])
def test_a_head_goes_all_the_way_to_prices(head: str) -> None:
    run = trained(f"model.head={head}")
    table = run.predictions
    quantiles = table[list(QUANTILES)].to_numpy()
    assert (np.diff(quantiles, axis=1) > 0).all()
    assert np.isfinite(table[["mean", "log_density"]].to_numpy()).all()
    losses = row_losses(table)
    assert np.isfinite(losses[["crps", "log_score"]].to_numpy()).all()
    # An untrained network states the slow volatility: nothing here is far from that.
    assert losses.loc[losses["horizon"] == 1, "crps"].mean() < 1.0
    (ahead,) = forecast_ahead(run.forecaster, [simulated()])
    assert (np.diff(ahead.table[list(QUANTILES)].to_numpy(), axis=1) > 0).all()
    assert ahead.table["chance_up"].between(0.2, 0.8).all()


def test_ranges_widen_with_the_horizon_for_every_head() -> None:
    for head in ("student_t", "quantile"):
        (ahead,) = forecast_ahead(trained(f"model.head={head}").forecaster, [simulated()])
        width = (ahead.table["q95"] - ahead.table["q05"]).to_numpy()
        assert (np.diff(width) > 0).all(), head
