"""The fit of a head around a start, against scikit-learn and by what it must not read or move."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import Ridge
from support.experiments import small
from support.histories import simulated

from lstmcast.calibration.series import MapFunction, sequential_map
from lstmcast.nn import Network
from lstmcast.prices.history import PriceHistory
from lstmcast.training import head_fit
from lstmcast.training.device import in_threads
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.group import new_network
from lstmcast.training.head_fit import HeadPrior, fit_head, thinned
from lstmcast.training.prepare import prepare

PRIOR = HeadPrior(units=0.0, features=0.3, bias=10.0, offsets=0.1, location=1.0, rows_exponent=0.0)
LINEAR = ("model.start=pretrained",)


def parts(*overrides: str) -> tuple[Network, DevicePanel]:
    prepared = prepare(small(*LINEAR, *overrides), [simulated(1, symbol="AAA")])
    panel = DevicePanel(prepared)
    return new_network(prepared.experiment, panel.input_size, seed=1), panel


def fit(
    network: Network,
    panel: DevicePanel,
    prior: HeadPrior,
    iterations: int = 60,
    map_function: MapFunction = sequential_map,
) -> None:
    rows, size = panel.origins, network.encoder.output_size
    inputs = torch.cat([torch.zeros(len(rows), size), panel.features[rows]], dim=-1)
    taught = torch.ones(len(network.head.bias), dtype=torch.bool)
    if network.head.long_run_outputs:
        taught = network.head.initial_outputs
    outcomes, every = panel.outcomes_at(rows), torch.arange(len(rows))
    fit_head(
        network.head,
        outcomes,
        every,
        inputs,
        size,
        prior,
        taught,
        iterations=iterations,
        map_function=map_function,
    )


def test_a_point_head_gets_the_ridge_regression_of_the_training_rows() -> None:
    """With one horizon and squared loss the fit is scikit-learn's ridge; agreement to 2e-3."""
    network, panel = parts("model.head=point", "target.horizon=1")
    with torch.no_grad():
        network.head.weight.zero_()
    fit(network, panel, PRIOR, iterations=500)
    rows = panel.origins
    x, y = panel.features[rows].double().numpy(), panel.truth[rows, 0].double().numpy()
    # The loss is the mean of squares, the pull (w / sd)^2 / 2 over the number of rows.
    ridge = Ridge(alpha=0.5 / PRIOR.features**2).fit(x, y)
    fitted = network.head.weight[0, -panel.input_size :].detach().numpy()
    np.testing.assert_allclose(fitted, ridge.coef_, atol=2e-3)
    np.testing.assert_allclose(network.head.bias.item(), ridge.intercept_, atol=2e-3)


def test_what_has_no_deviation_is_held() -> None:
    network, panel = parts()
    with torch.no_grad():
        network.head.weight.normal_(std=0.01, generator=torch.Generator().manual_seed(1))
    before = {name: value.clone() for name, value in network.head.state_dict().items()}
    fit(network, panel, PRIOR)
    after, units, near = (
        network.head.state_dict(),
        network.encoder.output_size,
        network.head.initial_outputs,
    )
    assert torch.equal(after["weight"][:, :units], before["weight"][:, :units])
    assert torch.equal(after["weight"][~near], before["weight"][~near])
    assert torch.equal(after["bias"][~near], before["bias"][~near])
    assert (after["weight"][near, units:] != before["weight"][near, units:]).any()


def test_a_narrow_prior_stays_at_the_start_and_few_rows_move_less_than_many() -> None:
    moved = []
    for share in (1.0, 0.2):
        network, panel = parts()
        start = network.head.weight.detach().clone()
        panel.origins = panel.origins[: int(share * len(panel.origins))]
        fit(network, panel, replace(PRIOR, features=0.02, bias=0.02))
        moved.append(float((network.head.weight - start).abs().max().detach()))
    assert moved[1] < moved[0]
    network, panel = parts()
    start = network.head.weight.detach().clone()
    fit(network, panel, replace(PRIOR, features=1e-6, bias=1e-6))
    torch.testing.assert_close(network.head.weight, start, atol=1e-6, rtol=0)


def test_the_prior_widens_with_the_rows() -> None:
    prior = HeadPrior(units=0.1, features=0.2, bias=0.3, offsets=0.4)
    assert prior.at(1000) == prior
    wide = prior.at(16_000)
    assert (wide.units, wide.offsets) == pytest.approx((0.4, 1.6))
    assert (wide.location, wide.rows) == (prior.location, prior.rows)


def test_the_fit_sees_training_origins_alone() -> None:
    heads = []
    for later in (0.0, 99.0):
        network, panel = parts()
        last = int(panel.origins[-1])
        panel.features[last + 1 :] += later
        panel.truth[last + 1 :] -= later
        fit(network, panel, PRIOR)
        heads.append(network.head.state_dict())
    assert all(torch.equal(heads[0][name], value) for name, value in heads[1].items())


@pytest.mark.parametrize(("rows", "horizons", "most", "step"), [(10, 1, 10, 1), (11, 2, 10, 3)])
def test_large_panels_are_thinned_evenly(rows: int, horizons: int, most: int, step: int) -> None:
    assert torch.equal(thinned(torch.arange(rows), horizons, most), torch.arange(0, rows, step))


def test_a_share_that_is_seldom_traded_does_not_teach_a_range_of_no_width() -> None:
    """Four of five returns are zero in training: the width is that of the moves all the same.

    With the zeros among the targets it fell to a twentieth of the volatility, the least there is.
    """
    moving = simulated(1, 600).bars
    still = np.random.default_rng(2).random(600) < 0.8
    log_return = np.where(still, 0.0, np.diff(np.log(moving["close"]), prepend=np.nan))
    log_return[0] = 0.0
    close = 50 * np.exp(np.cumsum(log_return))
    frame = pd.DataFrame({"close": close}, index=moving.index)
    history = PriceHistory.from_frame(frame, symbol="AAA", source="csv")
    prepared = prepare(small(*LINEAR, "features=[returns]"), [history])
    panel = DevicePanel(prepared)
    network = new_network(prepared.experiment, panel.input_size, seed=1)
    fit(network, panel, PRIOR)
    rows = panel.origins
    units = torch.zeros(len(rows), 1, network.encoder.output_size)
    hidden = torch.cat([units, panel.features[rows, None]], dim=-1)
    with torch.no_grad():
        stated = network.head(hidden, panel.scale[rows, None])
    width = (stated.scale[:, 0, 0] / panel.scale[rows]).median()
    assert 0.4 < float(width) < 1.2


def test_rows_in_portions_give_the_same_fit_whatever_the_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Portions change the order of sums alone, threads nothing at all."""
    heads = []
    for rows, threads in ((10_000, 1), (100, 1), (100, 3)):
        monkeypatch.setattr(head_fit, "ROWS_AT_ONCE", rows)
        network, panel = parts()
        fit(network, panel, PRIOR, 15, map_function=partial(in_threads, wanted=threads))
        heads.append(network.head.state_dict())
    for name, whole in heads[0].items():
        torch.testing.assert_close(heads[1][name], whole, atol=2e-3, rtol=0)
        assert torch.equal(heads[1][name], heads[2][name])
