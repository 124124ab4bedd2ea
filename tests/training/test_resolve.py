"""Choices that an experiment leaves open: made once, and written out for every group."""

import pytest
from support.experiments import small
from support.histories import simulated

from lstmcast.config import groups_of
from lstmcast.errors import ConfigError
from lstmcast.training import resolve_experiment
from lstmcast.training.prepare import prepare_groups


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


def test_what_is_not_resolved_is_not_prepared() -> None:
    with pytest.raises(TypeError, match="must be resolved first"):
        prepare_groups(small("model.head=auto"), [simulated()])
