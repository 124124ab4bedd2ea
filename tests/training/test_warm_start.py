"""A warm start: what it takes over, under which scaler, and when it begins anew."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from support.experiments import PRICE, Recorder, same_weights, small, train
from support.histories import simulated

from lstmcast.dataset import build_inputs
from lstmcast.features import build_matrices
from lstmcast.nn import NETWORKS, Network
from lstmcast.training import Trained, resolve_experiment, train_experiment
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.forecaster import Forecaster
from lstmcast.training.group import new_network
from lstmcast.training.loop import run_epoch
from lstmcast.training.prepare import Prepared, prepare
from lstmcast.training.warm_start import copy_weights, rescaled, warm_starts

AAA, BBB = simulated(1, 520), simulated(2, 420, symbol="BBB", first="2001-05-01", price=20.0)
EARLIER = AAA.between(None, AAA.bars.index[379])
FEATURES = "features=[returns, range, volume, pool, pool_range]"
TWO = ("data.symbols=[AAA, BBB]", FEATURES, "training.epochs=1")
ONE = TWO[1:]


@lru_cache(maxsize=8)
def earlier(*overrides: str) -> Trained:
    """Trained on the first sessions of one symbol; shared, so leave it as it is."""
    return train_experiment(
        resolve_experiment(small(*ONE, *overrides), [EARLIER]), [EARLIER], Recorder()
    )


def later(*overrides: str) -> Prepared:
    """More sessions, and a symbol that has joined."""
    return prepare(small(*TWO, *overrides), [AAA, BBB])


def go_on(*overrides: str, start: Forecaster | None = None) -> Trained:
    """The later training."""
    experiment = resolve_experiment(small(*TWO, *overrides), [AAA, BBB])
    return train_experiment(experiment, [AAA, BBB], Recorder(), (), start)


@lru_cache(maxsize=1)
def cold() -> Trained:
    """The later training with no start; shared, so leave it as it is."""
    return go_on()


def stirred(network: Network) -> Network:
    """A network whose head says something of every input."""
    with torch.no_grad():
        network.head.weight.uniform_(-0.3, 0.3, generator=torch.Generator().manual_seed(1))
    return network.eval()


@pytest.mark.parametrize("start", ["random", "pretrained"])
@pytest.mark.parametrize("encoder", list(NETWORKS))
def test_a_translated_network_says_what_it_said_under_its_own_scaler(
    encoder: str, start: str
) -> None:
    overrides = (f"model.network={encoder}", f"model.start={start}")
    before, after = prepare(small(*ONE, *overrides), [EARLIER]), later(*overrides)
    old, new = (part.scaling.scaler("AAA") for part in (before, after))
    assert np.abs(old.offset - new.offset).max() > 0.01
    assert np.abs(np.log(old.factor / new.factor)).max() > 0.01
    matrices = build_matrices([AAA, BBB], after.experiment.features or ())
    columns = len(after.scaling.columns)
    # In float64: what is left is the rounding of the inputs, which a panel keeps as float32.
    network = stirred(new_network(before.experiment, columns, seed=3)).double()
    other = rescaled(network, before.scaling, after.scaling)
    answers = []
    for part, reader in ((before, network), (after, other)):
        inputs = build_inputs(dict(matrices), part.scaling)
        x, scale = (
            torch.from_numpy(values)[None].double() for values in (inputs.features, inputs.scale)
        )
        with torch.no_grad():
            answers.append(reader(x, scale))
    # Convolutions reach 30 sessions back, and before the first session there are zeros.
    known = slice(30 if encoder == "lstm_cnn" else 0, None)
    for one, same in zip(answers[0][0], answers[1][0], strict=True):
        torch.testing.assert_close(one[:, known], same[:, known], atol=1e-5, rtol=1e-5)
    assert not same_weights(network, other)


def test_the_first_validation_loss_is_that_of_the_translated_network() -> None:
    first = earlier()
    part, trained = later(), go_on(start=first.forecaster)
    assert trained.notes == ()
    panel = DevicePanel(part)
    (group,) = first.forecaster.groups
    for member, network in zip(trained.ensemble.members, group.networks, strict=True):
        begin = rescaled(network, group.scaling, part.scaling)
        assert member.records[0].epoch == 0
        assert member.records[0].validation_loss == run_epoch(begin, panel.validation)
    assert [member.records[0].epoch for member in cold().ensemble.members] == [1, 1]


@pytest.mark.parametrize("head", ["student_t", "quantile"])
def test_a_member_goes_on_with_the_body_and_a_head_fitted_around_the_earlier_one(head: str) -> None:
    overrides = (f"model.head={head}",)
    part = later("model.start=pretrained", *overrides)
    panel = DevicePanel(part)
    old = [stirred(new_network(part.experiment, panel.input_size, seed)) for seed in (1, 2)]
    warm, cold = (
        MemberBuilder(part.experiment, panel, 3, old),
        MemberBuilder(part.experiment, panel, 3),
    )
    for k, network in enumerate(old):
        member, fresh = warm.build(3 + k, seed=9), cold.build(3 + k, seed=9)
        near = [
            row for row in range(len(network.head.bias)) if row not in network.head.long_run_outputs
        ]
        kept, units = network.head.weight[near], network.encoder.output_size
        assert torch.equal(member.head.weight[:, :units], kept[:, :units])
        assert not torch.equal(member.head.weight[:, units:], fresh.head.weight[:, units:])
        assert all(
            torch.equal(member.encoder.state_dict()[name], value)
            for name, value in network.encoder.state_dict().items()
        )


def test_what_a_network_says_of_the_next_session_is_handed_on() -> None:
    part = later("model.start=pretrained")
    panel = DevicePanel(part)
    whole = stirred(new_network(part.experiment, panel.input_size, seed=1))
    near = new_network(part.experiment, panel.input_size, seed=2, horizon=1).eval()
    copy_weights(near, whole)
    x, scale = panel.features[None, :50], panel.scale[None, :50]
    for one, other in zip(near(x, scale)[0], whole(x, scale)[0], strict=True):
        torch.testing.assert_close(one[:, :, 0], other[:, :, 0], atol=1e-6, rtol=1e-6)


def test_the_networks_that_validation_stopped_are_gone_on_with() -> None:
    first = earlier()
    (group,) = first.forecaster.groups
    assert group.refitted
    ((one, _),), _ = warm_starts(first.forecaster, [first.prepared])
    assert not same_weights(one, group.refitted[0])
    for name, weight in one.state_dict().items():
        torch.testing.assert_close(weight, group.networks[0].state_dict()[name])


def test_prices_are_read_as_shares_of_their_own_range() -> None:
    before = prepare(small(*PRICE), [EARLIER])
    after = prepare(small(*PRICE), [AAA])
    network = new_network(before.experiment, len(before.scaling.columns), seed=1)
    assert same_weights(rescaled(network, before.scaling, after.scaling), network)


def test_other_columns_begin_anew_and_say_so() -> None:
    first = train(small("features=[returns]", "training.epochs=1"), EARLIER)
    warm = go_on(start=first.forecaster)
    (note,) = warm.notes
    assert note.startswith("the networks begin anew: the features had other columns before (")
    assert "pool_parkinson_5" in note
    for one, other in zip(cold().forecaster.networks, warm.forecaster.networks, strict=True):
        assert same_weights(one, other)


def test_each_variant_goes_on_with_its_own_networks() -> None:
    variant = ("model.members=1", "model.variants=[{hidden_size: 3, features: [returns]}]")
    first = earlier(*variant)
    warm = go_on(*variant, start=first.forecaster)
    assert warm.notes == ()
    assert [member.records[0].epoch for member in warm.ensemble.members] == [0, 0]
    alone = replace(first.forecaster, groups=first.forecaster.groups[:1])
    (note,) = go_on(*variant, start=alone).notes
    assert note == "the networks of variant 1 begin anew: none of them was trained before"


def test_lost_members_and_another_model_begin_anew() -> None:
    first = earlier().forecaster
    (group,) = first.groups
    fewer = replace(first, groups=[replace(group, networks=group.networks[:1])])
    part = later()
    assert warm_starts(fewer, [part]) == (
        [[]], ("the networks begin anew: 1 of 2 were trained before",),
    )  # fmt: skip
    (networks,), (note,) = warm_starts(first, [later("model.hidden_size=5")])
    assert (networks, note) == (
        [], "the networks begin anew: `model` or `target` was another before",
    )  # fmt: skip
    assert warm_starts(None, [part]) == ([[]], ())


@pytest.mark.parametrize("horizon", [1, 3])
def test_offsets_of_symbols_are_those_of_the_new_rows(horizon: int) -> None:
    """A symbol has joined, so the earlier table of offsets would have one row too few."""
    options = ("model.start=pretrained", "model.members=1", f"target.horizon={horizon}")
    three = simulated(3, 420, symbol="CCC", first="2001-05-01", price=7.0)
    before = prepare(small(*TWO, *options), [AAA, BBB])
    after = prepare(small("data.symbols=[AAA, BBB, CCC]", *TWO[1:], *options), [AAA, BBB, three])
    cold = MemberBuilder(before.experiment, DevicePanel(before))
    start = cold.finish(cold.build(0, seed=1), 0)
    warm = MemberBuilder(after.experiment, DevicePanel(after), 0, [start])
    network = warm.build(0, seed=2)
    assert network.head.offsets is not None
    assert network.head.offsets.shape[0] == 4
    assert network.head.offsets[:3].any(dim=1).all()
    assert not network.head.offsets[3].any()
    ours, theirs = network.encoder.state_dict(), start.encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
