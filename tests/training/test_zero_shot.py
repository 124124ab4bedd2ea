"""`training.epochs: 0`: a run of the pretrained networks, of histories that could train nothing."""

from collections.abc import Sequence

import numpy as np
import pytest
from support.experiments import small, train
from support.histories import altered_after, as_history, simulated, simulated_bars
from support.unlike import unlike_pool

from lstmcast.errors import ConfigError, DataError
from lstmcast.evaluation.audit import audit
from lstmcast.forecasting import forecast_ahead
from lstmcast.pretraining.weights import shipped
from lstmcast.prices.history import PriceHistory
from lstmcast.training.zero_shot import zero_shot_forecaster

UNTRAINED = (
    "training.epochs=0",
    "model.start=pretrained",
    "model.hidden_size=64",
    "model.members=1",
    "calibration.kind=adaptive",
)


def closes_alone(rows: int) -> PriceHistory:
    return as_history(simulated_bars(4, rows)[["close"]])


@pytest.mark.parametrize(("rows", "horizon"), [(60, 20), (250, 10)])
def test_a_run_says_what_is_said_of_a_symbol_without_one(rows: int, horizon: int) -> None:
    """Sixty sessions leave no row for training and none for validation, and need neither."""
    history = closes_alone(rows)
    trained = train(small(*UNTRAINED, "model.members=3", f"target.horizon={horizon}"), history)
    (ours,) = forecast_ahead(trained.forecaster, [history])
    (theirs,) = forecast_ahead(zero_shot_forecaster(history, horizon), [history])
    for name in ("q025", "q10", "q90"):
        np.testing.assert_allclose(ours.table[name], theirs.table[name], rtol=1e-6)
    assert len(trained.predictions["origin"].unique()) == len(trained.prepared.parts["AAA"].test)
    records = [member.records for member in trained.ensemble.members]
    assert [(r.epoch, r.kept, np.isnan(r.validation_loss)) for (r,) in records] == [
        (0, True, rows == 60)
    ] * 3


def test_nothing_is_fitted_of_unlike_symbols() -> None:
    """Whatever came before the test part: constants, weights and offsets are what they were."""
    histories = unlike_pool(130)
    names = ", ".join(history.symbol for history in histories)
    experiment = small(*UNTRAINED, f"data.symbols=[{names}]")
    trained = train(experiment, *histories)
    assert set(trained.predictions["symbol"]) == {h.symbol for h in histories} - {"ENDED"}
    (group,) = trained.forecaster.groups
    offset, factor = shipped().scaling(group.scaling.columns)
    for scaler in group.scaling.scalers.values():
        np.testing.assert_array_equal(scaler.offset, offset)
        np.testing.assert_array_equal(scaler.factor, factor)
    offsets = group.networks[0].head.offsets
    assert offsets is not None
    assert not offsets.any()
    assert group.refitted == ()
    cut = histories[0].bars.index[60]
    others = [altered_after(history, cut, k) for k, history in enumerate(histories)]
    (other,) = train(experiment, *others).forecaster.groups
    for name, weight in group.networks[0].state_dict().items():
        np.testing.assert_array_equal(weight, other.networks[0].state_dict()[name])


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        (("model.start=random",), "`model.start` is random"),
        (("model.hidden_size=8",), "`model.hidden_size` is 8, theirs is 64"),
        (("model.network=lstm_cnn",), "`model.network` is lstm_cnn, theirs is lstm"),
        (("training.supervision=last",), "`training.supervision` last has no pretrained weights"),
        (("model.variants=[{hidden_size: 8}]",), "`model.hidden_size` is 8, theirs is 64"),
    ],
)
def test_without_pretrained_networks_there_is_nothing_to_forecast_with(
    overrides: Sequence[str], why: str
) -> None:
    with pytest.raises(ConfigError, match=f"`training.epochs` is 0, and .* training: {why}"):
        train(small(*UNTRAINED, *overrides))


def test_a_run_needs_a_test_part() -> None:
    history = simulated(1, 100)
    last = f"{history.last:%Y-%m-%d}"
    split = f"split={{train_end: 2001-02-01, validation_end: {last}}}"
    with pytest.raises(DataError, match="leaves no test sessions for AAA"):
        train(small(*UNTRAINED, split), history)


def test_columns_that_no_pretrained_network_reads_need_no_row() -> None:
    history = closes_alone(60)
    trained = train(small(*UNTRAINED, "features=[returns, calendar]", "target.horizon=20"), history)
    assert not len(trained.prepared.parts["AAA"].train)
    plain = train(small(*UNTRAINED, "features=[returns]", "target.horizon=20"), history)
    for name in ("q10", "q90"):
        np.testing.assert_allclose(
            trained.predictions[name], plain.predictions[name], rtol=1e-4, atol=1e-6
        )


def test_ranges_of_an_early_day_are_the_same_when_the_later_bars_are_not_there() -> None:
    """Also where there are more sessions before the test part than are tracked."""
    history = closes_alone(1500)
    forecaster = train(small(*UNTRAINED), history).forecaster
    dates = forecaster.inputs([history]).dates[0]
    rows = np.arange(800, 830)
    cut = history.between(None, dates[rows[-1]].date())

    def said(known: PriceHistory) -> np.ndarray:
        forecast = forecaster.forecast(forecaster.inputs([known]), {"AAA": rows})["AAA"]
        return forecast.quantiles((0.1, 0.25, 0.9))

    np.testing.assert_allclose(said(cut), said(history), rtol=1e-4, atol=1e-6)


def test_it_passes_an_audit_and_its_networks_know_a_garch() -> None:
    trained = train(small(*UNTRAINED), closes_alone(60))
    report = audit(trained.forecaster, [closes_alone(60)], predictions=trained.predictions)
    found = {check.name: check for check in report.checks}
    assert report.passed, found
    assert found["scaler"].detail == "the pretrained networks' own, fitted to no prices"
    assert found["training"].detail.startswith("no epochs with altered prices")
    assert "after no epochs of one network" in found["volatility"].detail
