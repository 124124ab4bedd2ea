"""Choices that an experiment leaves open: made once, and written out for every group."""

import pytest
from support.experiments import small
from support.histories import as_history, simulated, simulated_bars

from lstmcast.config import groups_of
from lstmcast.errors import ConfigError, DataError
from lstmcast.training import resolve_experiment
from lstmcast.training.prepare import prepare, prepare_groups


def test_a_resolved_experiment_leaves_nothing_open_and_comes_back_as_it_is() -> None:
    written = small("model.variants=[{head: auto}, {network: lstm_cnn}]", "model.head=auto")
    resolved = resolve_experiment(written, [simulated()])
    assert [group.model.head for group in groups_of(resolved)] == ["student_t"] * 3
    assert resolved.features is not None
    assert resolved.data.source == simulated().source
    assert resolve_experiment(resolved, [simulated()]) == resolved


def test_a_variant_must_fit_the_target_as_well() -> None:
    written = small(
        "target.kind=price", "features=[price]", "model.variants=[{features: [returns]}]"
    )
    with pytest.raises(ConfigError, match="needs the feature group `price`, got returns"):
        resolve_experiment(written, [simulated()])


def test_closes_that_never_move_are_refused_before_training() -> None:
    still = simulated_bars(1, 420)
    still.iloc[:340, :5] = 50.0  # it moves in the test part alone, which nothing may be fitted to
    histories = [as_history(still, "STILL"), as_history(still * [*[2.0] * 5, 1.0], "DEAD")]
    experiment = resolve_experiment(small("data.symbols=[STILL, DEAD]"), histories)
    with pytest.raises(DataError, match="the close of STILL, DEAD never moves up to 2001-12-19"):
        prepare(experiment, histories)
    moving = [histories[0], simulated(2, symbol="DEAD")]
    assert set(prepare(experiment, moving).parts) == {"STILL", "DEAD"}


def test_what_is_not_resolved_is_not_prepared() -> None:
    with pytest.raises(TypeError, match="must be resolved first"):
        prepare_groups(small("model.head=auto"), [simulated()])
