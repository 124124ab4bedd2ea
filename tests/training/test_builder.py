"""How members begin and end: the next session first, the further ones after, and once more."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from support.experiments import LAST, small, train, trained
from support.histories import as_history, simulated, simulated_bars

from lstmcast.config import Training
from lstmcast.dataset import PanelTargets
from lstmcast.nn import Network
from lstmcast.training import builder as builder_module
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.device import thread_pool
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.group import new_network
from lstmcast.training.head_fit import fit_head
from lstmcast.training.loop import refit_member
from lstmcast.training.prepare import Prepared, prepare
from lstmcast.training.turns import to_the_end
from lstmcast.training.units import units_at

HISTORIES = (simulated(1, symbol="AAA"), simulated(2, 300, symbol="BBB", first="2001-05-01"))
POOL = "data.symbols=[AAA, BBB]"


def prepared(*overrides: str, features: str = "[returns]") -> Prepared:
    return prepare(small(POOL, f"features={features}", *overrides), HISTORIES)


def panel_of(part: Prepared, *, everything: bool = False) -> DevicePanel:
    parts = {s: p.with_validation() for s, p in part.parts.items()} if everything else part.parts
    return DevicePanel(part, parts=parts)


def trained_again(
    network: Network,
    panel: DevicePanel,
    settings: Training,
    epochs: int = 1,
    seed: int = 4,
    stop: threading.Event | None = None,
) -> bool:
    training = refit_member(
        network,
        panel,
        settings,
        epochs=epochs,
        seed=seed,
        learning_rate=settings.learning_rate or 1e-3,
        stop=stop or threading.Event(),
    )
    return to_the_end(training)


@pytest.mark.parametrize("head", ["student_t", "quantile"])
def test_a_finished_member_says_the_same_of_the_next_session(head: str) -> None:
    part = prepared("model.start=pretrained", f"model.head={head}")
    builder = MemberBuilder(part.experiment, panel_of(part))
    member = builder.build(0, seed=3)
    with torch.no_grad():
        member.head.weight[:, : member.encoder.output_size].uniform_(-0.3, 0.3)
    whole = builder.finish(member, 0)
    x, scale = builder.panel.features[None, :50], builder.panel.scale[None, :50]
    near, far = (network.eval()(x, scale)[0] for network in (member, whole))
    for one, other in zip(near, far, strict=True):
        torch.testing.assert_close(one[:, :, 0], other[:, :, 0], atol=1e-5, rtol=1e-5)


def test_finishing_teaches_the_further_sessions() -> None:
    part = prepared("model.start=pretrained")
    builder = MemberBuilder(part.experiment, panel_of(part))
    member = builder.build(0, seed=3)
    whole, panel = builder.finish(member, 0), builder.whole
    fresh = new_network(part.experiment, panel.input_size, seed=0)
    fresh.load_state_dict(whole.state_dict())
    far = list(fresh.head.long_run_outputs)
    with torch.no_grad():
        fresh.head.weight[far] = 0.0
        fresh.head.bias[far] = torch.tensor(fresh.head.first_raw())[far]
    rows = panel.origins[None]
    losses = []
    for network in (whole, fresh.eval()):
        params, _ = network(panel.features[rows], panel.scale[rows])
        losses.append(network.head.loss(params, panel.truth[rows]).mean(dim=(0, 1)))
    assert (losses[0][1:] < losses[1][1:]).all()


def test_members_go_some_way_far_and_nowhere() -> None:
    part = prepared(
        "model.start=pretrained", "model.hidden_size=64", "model.members=4", features="null"
    )
    builder = MemberBuilder(part.experiment, panel_of(part), pretrained=part.pretrained)
    assert [builder.trains(member) for member in range(4)] == [True, True, False, True]

    def moved(member: int) -> float:
        start = builder._new(0, member, whole=False).head.weight
        return float((builder.build(member, seed=1).head.weight - start).norm().detach())

    some, far, nowhere, again = map(moved, range(4))
    assert nowhere == 0 < some < far
    # The fourth begins as the first, and has its reach.
    assert again == some


def test_a_member_that_goes_nowhere_is_not_trained() -> None:
    experiment = small(
        "model.start=pretrained",
        "model.hidden_size=64",
        "model.members=3",
        "target.horizon=1",
        "training.epochs=1",
        "training.refit=none",
    )
    found = train(experiment).ensemble.members[2].records
    assert [(r.epoch, r.kept) for r in found] == [(0, True)]


def test_training_moves_the_width_and_leaves_the_location() -> None:
    part = prepared("model.start=pretrained")
    builder = MemberBuilder(part.experiment, panel_of(part))
    for number in (0, 1):
        member = builder.build(number, seed=5)
        before = member.head.weight.detach().clone()
        settings = part.experiment.training
        assert trained_again(member, builder.panel, settings, epochs=2)
        moved = (member.head.weight - before).abs().amax(dim=1)
        assert moved[0] < 1e-3 * before[0].abs().max()  # weight decay alone
        assert (moved[1:] > 1e-3).all()
        assert not member.head.weight[0, : member.encoder.output_size].any()


def test_the_next_session_is_trained_without_the_others() -> None:
    """The first horizon's loss and weights are those of an experiment with one horizon."""
    fitted = []
    for horizon in (1, 3):
        part = prepared("model.start=pretrained")
        near = PanelTargets(np.ascontiguousarray(part.targets.values[:, :horizon]))
        panel = DevicePanel(replace(part, targets=near))
        target = part.experiment.target.model_copy(update={"horizon": horizon})
        builder = MemberBuilder(part.experiment.model_copy(update={"target": target}), panel)
        member = builder.build(0, seed=2)
        settings = part.experiment.training
        assert trained_again(member, builder.panel, settings)
        fitted.append(member.encoder.state_dict())
    for name, weight in fitted[0].items():
        torch.testing.assert_close(weight, fitted[1][name], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])
def test_units_are_those_of_a_forecast(overrides: tuple[str, ...]) -> None:
    part = prepared(*overrides)
    panel = panel_of(part)
    network = new_network(part.experiment, panel.input_size, seed=1).eval()
    block = panel.blocks[1]
    # Every other one, as of a panel with too many rows: PyTorch must not warn of the layout.
    rows = torch.tensor([block.start + 40, 0, block.start + 90])[::2]
    found = units_at(network, panel, rows)
    for k, row in enumerate(rows.tolist()):
        first = row - 23 if overrides else block.start
        x = panel.features[None, first : row + 1]
        with torch.no_grad():
            units, _ = network.units(x)
        torch.testing.assert_close(found[k], units[0, -1], atol=1e-6, rtol=1e-5)


def test_the_last_training_has_every_origin_before_the_test() -> None:
    part = prepared()
    for symbol, rows in part.parts.items():
        last = rows.with_validation()
        assert not len(last.validation)
        np.testing.assert_array_equal(last.train, np.arange(rows.validation[-1] + 1))
        np.testing.assert_array_equal(last.test, rows.test)
        # Its last target is known on the last session of validation.
        dates = dict(zip(("AAA", "BBB"), part.inputs.dates, strict=True))[symbol]
        horizon = part.experiment.target.horizon
        assert dates[last.train[-1] + horizon] <= part.boundaries.validation_end


def test_a_member_is_trained_again_for_its_best_epochs_from_its_own_seed() -> None:
    """By hand: the same network as `train` kept, to the bit."""
    run = trained("training.epochs=3", "model.members=1")
    part, (member,) = run.prepared, run.ensemble.members
    builder = MemberBuilder(part.experiment, panel_of(part, everything=True))
    best = min(member.records, key=lambda record: record.validation_loss).epoch
    network = builder.build(0, member.seed)
    assert trained_again(network, builder.panel, part.experiment.training, best, member.seed)
    (group,) = run.forecaster.groups
    for name, weight in group.refitted[0].state_dict().items():
        torch.testing.assert_close(weight, network.state_dict()[name], atol=0, rtol=0)


def test_validation_is_forecast_by_networks_that_did_not_see_it() -> None:
    plain, again = trained("training.refit=none"), trained()
    rows = again.prepared.parts["AAA"]
    inputs = again.forecaster.inputs([simulated()])
    for origins, same in ((rows.validation, True), (rows.test, False)):
        ours, theirs = (
            run.forecaster.pooled(inputs, {"AAA": origins})["AAA"].quantiles((0.1,))
            for run in (plain, again)
        )
        assert np.array_equal(ours, theirs) is same


def test_training_again_stops_when_told_to() -> None:
    part = prepared()
    builder = MemberBuilder(part.experiment, panel_of(part))
    stop = threading.Event()
    stop.set()
    settings = part.experiment.training
    assert not trained_again(builder.build(0, 1), builder.panel, settings, epochs=3, stop=stop)


def test_a_network_that_is_no_number_is_not_kept() -> None:
    part = prepared()
    builder = MemberBuilder(part.experiment, panel_of(part))
    network = builder.build(0, 1)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    assert not trained_again(network, builder.panel, part.experiment.training)


def test_the_panel_of_the_next_session_has_its_losses_alone() -> None:
    part = prepared()
    panel = panel_of(part)
    near = panel.next_session()
    assert near.horizon == 1
    assert near.features is panel.features
    for near_batch, whole_batch in zip(near.validation, panel.validation, strict=True):
        batch, whole = near_batch.whole(), whole_batch.whole()
        torch.testing.assert_close(batch.targets, whole.targets[..., :1])
        assert set(batch.weight.unique().tolist()) == {0.0, 1.0}
        counted = whole.weight[..., :1] > 0
        assert torch.equal(batch.weight > 0, counted)
    builder = MemberBuilder(part.experiment, panel)
    assert builder.panel is panel  # a random start trains all horizons at once


def test_a_symbol_that_is_wilder_gets_an_offset_and_an_unknown_one_does_not() -> None:
    """Two symbols of the same volatility filter, one with returns as of fatter tails."""
    random = np.random.default_rng(4)
    frames = {}
    for name, df in (("AAA", 2.6), ("BBB", 50.0)):
        bars = simulated_bars(9, 420)[["close"]]
        moves = random.standard_t(df, size=len(bars)) * 0.01 * np.sqrt((df - 2) / df)
        frames[name] = bars.assign(close=50 * np.exp(np.cumsum(moves)))
    histories = [as_history(frame, name) for name, frame in frames.items()]
    experiment = small(POOL, "model.start=pretrained", "model.members=1", "target.horizon=3")
    part = prepare(experiment, histories)
    builder = MemberBuilder(part.experiment, panel_of(part))
    whole = builder.finish(builder.build(0, seed=1), 0)
    offsets = whole.head.offsets
    assert offsets is not None
    assert offsets[0, -1] < offsets[1, -1]  # raw degrees of freedom
    assert not offsets[2].any()
    x, scale = builder.whole.features[None, 60:90], builder.whole.scale[None, 60:90]
    answers = [
        whole(x, scale, symbols=None if k is None else torch.tensor([k]))[0].df
        for k in (0, 1, 2, None)
    ]
    assert (answers[0] < answers[1]).all()
    torch.testing.assert_close(answers[2], answers[3])


def test_offsets_are_not_there_for_one_symbol_nor_where_they_are_not_wanted() -> None:
    alone = prepare(small("model.start=pretrained"), HISTORIES[:1])
    without = prepared("model.start=pretrained", "model.symbol_offsets=none")
    for part in (alone, without, prepared()):
        network = new_network(part.experiment, part.inputs.features.shape[1], seed=0)
        assert network.head.offsets is None


def test_the_panel_knows_whose_a_row_is() -> None:
    part = prepared()
    panel = panel_of(part)
    for k, block in enumerate(panel.blocks):
        rows = torch.tensor([block.start, block.stop - 1])
        assert panel.symbols_at(rows).tolist() == [k, k]
    batch = next(panel.training_batches(torch.Generator().manual_seed(0)))
    first = batch.features[:, 0]
    for k, row in zip(batch.symbols.tolist(), first, strict=True):
        block = panel.blocks[k]
        assert (panel.features[block.rows] == row).all(dim=1).any()


@pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])
def test_finishing_reads_no_row_after_training(overrides: tuple[str, ...]) -> None:
    """Of any symbol: a window at another's first sessions must not reach back into the former's."""
    part = prepared("model.start=pretrained", *overrides)
    heads = []
    for later in (0.0, 7.0):
        panel = panel_of(part)
        for block, rows in zip(panel.blocks, part.parts.values(), strict=True):
            panel.features[block.start + int(rows.train[-1]) + 1 : block.stop] += later
        builder = MemberBuilder(part.experiment, panel)
        member = builder.build(0, seed=1)
        with torch.no_grad():
            member.head.weight[1:, : member.encoder.output_size] = 0.3
        heads.append(builder.finish(member, 0).head.state_dict())
    for name, weight in heads[0].items():
        assert torch.equal(weight, heads[1][name])


def test_large_fits_take_turns_and_end_as_small_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two members at once, each shared out over threads: the same bits, never both at once."""
    part = prepared("model.start=pretrained", "training.threads=3", "model.hidden_size=64")
    builder = MemberBuilder(part.experiment, panel_of(part), pretrained=part.pretrained)
    small = [builder.build(k, seed=5).state_dict() for k in (0, 1)]
    running, most = [], []

    def fit(*arguments: Any, **named: Any) -> None:
        running.append(1)
        most.append(len(running))
        fit_head(*arguments, **named)
        running.pop()

    monkeypatch.setattr(builder_module, "fit_head", fit)
    monkeypatch.setattr(builder_module, "LARGE", 0)
    with thread_pool(2) as executor:
        large = [
            one.state_dict() for one in executor.map(lambda k: builder.build(k, seed=5), (0, 1))
        ]
    assert most == [1, 1]
    for ours, theirs in zip(small, large, strict=True):
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
