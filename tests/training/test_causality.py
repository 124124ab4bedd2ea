"""No forecast knows what comes after its origin: trained networks, from bars to prices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.experiments import LINEAR, PRICE, same_weights, small, train, trained
from support.histories import altered_after, cut_after, simulated

from lstmcast.distributions import Distribution
from lstmcast.prices.history import PriceHistory
from lstmcast.training import Forecaster

HISTORY = simulated()
ALONE = ("model.members=1",)
KINDS = pytest.mark.parametrize(
    "overrides", [ALONE, (*ALONE, *LINEAR), PRICE], ids=["every", "linear", "last"]
)
QUANTILES = ["q025", "q25", "q50", "q75", "q975"]
LEVELS = (0.025, 0.25, 0.5, 0.75, 0.975)
TEST_ROWS = st.integers(0, len(trained(*ALONE).prepared.parts["AAA"].test) - 1)


def forecasts(forecaster: Forecaster, history: PriceHistory, origins: np.ndarray) -> Distribution:
    return forecaster.forecast(forecaster.inputs([history]), {"AAA": origins})["AAA"]


@KINDS
@given(row=TEST_ROWS, seed=st.integers(0, 1000))
@settings(max_examples=6)
def test_altering_later_bars_changes_no_forecast(
    overrides: tuple[str, ...], row: int, seed: int
) -> None:
    run = trained(*overrides)
    origins = run.prepared.parts["AAA"].test
    session = run.prepared.inputs.dates[0][origins[row]]
    ours = forecasts(run.forecaster, HISTORY, origins)
    changed = altered_after(HISTORY, session, seed)
    theirs = forecasts(run.forecaster, changed, origins)
    known = slice(0, row + 1)
    np.testing.assert_array_equal(ours.quantiles(LEVELS)[known], theirs.quantiles(LEVELS)[known])
    np.testing.assert_array_equal(ours.mean()[known], theirs.mean()[known])


@KINDS
@given(row=TEST_ROWS)
@settings(max_examples=6)
def test_a_forecast_is_the_same_when_the_later_bars_are_not_there(
    overrides: tuple[str, ...], row: int
) -> None:
    run = trained(*overrides)
    origins = run.prepared.parts["AAA"].test
    session = run.prepared.inputs.dates[0][origins[row]]
    ours = forecasts(run.forecaster, HISTORY, origins).quantiles(LEVELS)[row]
    theirs = forecasts(run.forecaster, cut_after(HISTORY, session), origins[row : row + 1])
    # Products over another number of rows are summed in another order.
    np.testing.assert_allclose(theirs.quantiles(LEVELS)[0], ours, rtol=1e-4, atol=1e-6)


@KINDS
def test_the_bar_of_the_origin_counts(overrides: tuple[str, ...]) -> None:
    """Forecasts late by a session would pass the tests above."""
    run = trained(*overrides)
    origins = run.prepared.parts["AAA"].test[-1:]
    before = HISTORY.bars.index[-3]
    assert run.prepared.inputs.dates[0][origins[0]] == HISTORY.bars.index[-2]
    ours = forecasts(run.forecaster, HISTORY, origins)
    theirs = forecasts(run.forecaster, altered_after(HISTORY, before, 1), origins)
    assert (ours.mean() != theirs.mean()).any()


@KINDS
def test_the_test_part_has_no_influence_on_training(overrides: tuple[str, ...]) -> None:
    """Other prices in the test part: the same weights, and the same first forecast of it."""
    ours = trained(*overrides)
    changed = altered_after(HISTORY, ours.prepared.boundaries.validation_end, seed=5)
    theirs = train(small(*overrides), changed)
    for one, other in zip(ours.forecaster.networks, theirs.forecaster.networks, strict=True):
        assert same_weights(one, other)
    first = ours.predictions["origin"] == ours.prepared.boundaries.validation_end
    np.testing.assert_array_equal(
        ours.predictions[first][QUANTILES], theirs.predictions[first][QUANTILES]
    )
    assert first.sum() == ours.prepared.experiment.target.horizon


@KINDS
def test_validation_chooses_weights_and_trains_none(overrides: tuple[str, ...]) -> None:
    """Other prices in the validation part: the losses of training are the same to the bit."""
    ours = trained(*overrides)
    changed = altered_after(HISTORY, ours.prepared.boundaries.train_end, seed=5)
    theirs = train(small(*overrides), changed)
    for one, other in zip(ours.ensemble.members, theirs.ensemble.members, strict=True):
        assert [r.train_loss for r in one.records] == [r.train_loss for r in other.records]
        assert one.records[0].validation_loss != other.records[0].validation_loss
