"""What training made of networks: what they began as, how far they went, whose LSTM is idle."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.experiments import Recorder, small, train, trained

from lstmcast.nn import Network
from lstmcast.training import Trained, train_experiment
from lstmcast.training.builder import initial_network
from lstmcast.training.movement import Movement, movement

PRETRAINED = ("model.start=pretrained", "model.hidden_size=64", "training.epochs=1")


def again(result: Trained, networks: Sequence[Network], **changes: object) -> Movement:
    """The movement of other networks in the place of the trained ones."""
    (group,) = result.forecaster.groups
    return movement(
        replace(result.prepared, **changes),  # type: ignore[arg-type]  # fields by name
        replace(group, networks=networks),
        [0, 1],
        (),
        0,
    )


def test_pretrained_networks_tell_how_far_they_moved() -> None:
    result = trained(*PRETRAINED)
    (found,) = result.movements
    assert found.start == "pretrained"
    assert found.width_change is not None
    assert found.log_scores is not None
    assert 0.001 < found.width_change < 1.0
    # That of the end is the pool's on validation, which was computed another way.
    assert result.pool is not None
    assert found.log_scores[1] == pytest.approx(result.pool.log_score, abs=1e-4)
    (line,) = found.lines()
    start, end = found.log_scores
    assert line == (
        f"training changed the width of the pretrained networks' forecasts by "
        f"{100 * found.width_change:.1f} %; validation log score {start:.3f} -> {end:.3f}"
    )


def test_networks_that_stayed_where_they_began_moved_by_nothing_and_wider_ones_by_as_much() -> None:
    result = trained(*PRETRAINED)
    part = result.prepared
    networks = [
        initial_network(part.experiment, part.scaling.columns, k, part.pretrained).eval()
        for k in range(2)
    ]
    still = again(result, networks)
    assert still.width_change == 0.0
    assert still.log_scores is not None
    assert still.log_scores[0] == still.log_scores[1]
    with torch.no_grad():
        for network in networks:
            # The second raw output is the log of the width, bent where it is far from zero.
            network.head.bias[1] += 0.1
    wider = again(result, networks)
    assert wider.width_change == pytest.approx(0.1, rel=0.1)


def test_an_lstm_that_contributes_nothing_is_named() -> None:
    result = trained(*PRETRAINED)
    assert result.movements[0].idle == ()
    whole, idle = (
        initial_network(
            result.prepared.experiment,
            result.prepared.scaling.columns,
            k,
            result.prepared.pretrained,
        ).eval()
        for k in range(2)
    )
    with torch.no_grad():
        idle.head.weight[:, : idle.encoder.output_size] *= 1e-6
    found = again(result, [whole, idle])
    assert found.idle == (1,)
    assert found.lines()[-1] == (
        "the LSTM of member 1 contributes nothing: without it the validation forecasts are the same"
    )


def test_new_networks_say_why_they_are_new() -> None:
    (movement,) = trained().movements
    assert (movement.start, movement.fallback_reason, movement.width_change) == ("random", "", None)
    assert movement.lines()[0] == "the networks began with random weights"
    other = train(small("model.start=pretrained", "training.epochs=1", "model.members=1"))
    (found,) = other.movements
    assert (found.start, found.fallback_reason) == (
        "random",
        "`model.hidden_size` is 4, theirs is 64",
    )
    assert found.lines()[0] == (
        "the networks began with random weights: `model.hidden_size` is 4, theirs is 64"
    )


def test_a_warm_start_is_told_as_one() -> None:
    result = trained(*PRETRAINED)
    later = train_experiment(
        result.prepared.experiment, result.histories, Recorder(), warm_start=result.forecaster
    )
    (found,) = later.movements
    assert found.start == "warm"
    assert found.log_scores is not None
    assert found.log_scores[0] == pytest.approx(result.movements[0].log_scores[1], abs=1e-4)  # type: ignore[index]  # it is known
    assert "the width of the previous networks' forecasts by" in found.lines()[0]


def test_no_movement_is_measured_on_what_came_after_validation() -> None:
    result = trained(*PRETRAINED)
    end = result.prepared.boundaries.validation_end
    closes = result.prepared.inputs.closes.copy()
    closes[np.asarray(result.prepared.inputs.dates[0] > end)] *= 3.0
    inputs = replace(result.prepared.inputs, closes=closes)
    (group,) = result.forecaster.groups
    assert again(result, list(group.networks), inputs=inputs) == result.movements[0]
