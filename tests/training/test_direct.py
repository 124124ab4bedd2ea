"""The direct path's fit against scikit-learn, and that members begin with it."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import Ridge
from support.experiments import small, trained
from support.histories import simulated

from lstmcast.prices.history import PriceHistory
from lstmcast.training import direct
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.direct import PENALTY, fit_direct_path
from lstmcast.training.group import new_network
from lstmcast.training.prepare import prepare


def panel_of(*overrides: str) -> tuple[DevicePanel, torch.nn.Module, dict[str, torch.Tensor]]:
    experiment = small("model.start=linear", *overrides)
    prepared = prepare(experiment, [simulated(1, symbol="AAA")])
    panel = DevicePanel(prepared)
    network = new_network(prepared.experiment, panel.input_size, seed=1)
    return panel, network, fit_direct_path(network, panel)


def test_a_point_head_gets_the_ridge_regression_of_the_training_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one horizon and squared loss the fit is scikit-learn's ridge; agreement to 1e-3.

    The usual number of iterations stops a little short of it where columns nearly repeat others.
    """
    monkeypatch.setattr(direct, "ITERATIONS", 500)
    panel, _, head = panel_of("model.head=point", "target.horizon=1")
    rows = panel.origins
    x, y = panel.features[rows].double().numpy(), panel.targets[rows, 0].double().numpy()
    ridge = Ridge(alpha=PENALTY * len(rows)).fit(x, y)
    fitted = head["weight"][0, -panel.input_size :].numpy()
    np.testing.assert_allclose(fitted, ridge.coef_, atol=1e-3)
    np.testing.assert_allclose(head["bias"][0], ridge.intercept_, atol=1e-3)


def test_only_the_direct_path_is_fitted() -> None:
    panel, network, head = panel_of()
    units = head["weight"].shape[1] - panel.input_size
    assert units > 0
    assert not head["weight"][:, :units].any()
    assert head["weight"][:, units:].any()
    assert network.state_dict()["head.weight"].shape == head["weight"].shape


def test_the_fit_sees_training_origins_alone() -> None:
    panel, _, head = panel_of()
    last = int(panel.origins[-1])
    panel.features[last + 1 :] = 99.0
    panel.targets[last + 1 :] = -99.0
    experiment = small("model.start=linear")
    prepared = prepare(experiment, [simulated(1, symbol="AAA")])
    again = fit_direct_path(new_network(prepared.experiment, panel.input_size, seed=5), panel)
    assert all(torch.equal(again[name], value) for name, value in head.items())


def test_of_mixed_members_every_second_one_begins_fitted() -> None:
    """Epoch 0 is before any step: the fitted members fit there, the others know the constants."""
    run = trained("model.start=mixed", "model.members=4")
    begin = [
        record.validation_loss
        for member in run.ensemble.members
        for record in member.records
        if record.epoch == 0
    ]
    assert len(begin) == 4
    assert begin[0] == begin[2]
    assert begin[1] == begin[3]
    assert begin[0] != begin[1]


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
    prepared = prepare(small("model.start=linear", "features=[returns]"), [history])
    panel = DevicePanel(prepared)
    network = new_network(prepared.experiment, panel.input_size, seed=1)
    network.load_state_dict(
        {f"head.{name}": value for name, value in fit_direct_path(network, panel).items()},
        strict=False,
    )
    rows = panel.origins
    units = torch.zeros(len(rows), 1, network.body.output_size)
    hidden = torch.cat([units, panel.features[rows, None]], dim=-1)
    with torch.no_grad():
        stated = network.head(hidden, panel.scale[rows, None])
    width = (stated.scale[:, 0, 0] / panel.scale[rows]).median()
    assert 0.4 < float(width) < 1.2
