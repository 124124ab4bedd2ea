"""The loop: what an epoch measures, when it stops, and which weights it keeps."""

import math
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from support.experiments import LAST, Recorder, random_member, same_weights, weights

from lstmcast.config import Training
from lstmcast.errors import DivergedError
from lstmcast.nn import Network
from lstmcast.training import objective
from lstmcast.training.device import one_thread_each
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.loop import fit_member, run_epoch
from lstmcast.training.observers import EpochRecord
from lstmcast.training.steps import Steps
from lstmcast.training.stopping import EarlyStopping
from lstmcast.training.turns import to_the_end

SUPERVISION = pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the ensemble runs it."""
    with one_thread_each():
        yield


def fit(
    network: Network,
    panel: DevicePanel,
    settings: Training,
    observer: Recorder | None = None,
    stop: threading.Event | None = None,
) -> list[EpochRecord]:
    training = fit_member(
        network,
        panel,
        settings,
        member=0,
        seed=11,
        learning_rate=settings.learning_rate or 1e-3,
        observer=observer or Recorder(),
        stop=stop or threading.Event(),
    )
    return to_the_end(training)[0]


@SUPERVISION
def test_early_stopping_keeps_the_weights_of_the_best_epoch(overrides: tuple[str, ...]) -> None:
    """Training again, up to the best epoch and no further, gives the same weights to the bit."""
    options = (
        *overrides,
        "model.start=random",
        "training.learning_rate=0.1",
        "training.patience=2",
    )
    network, panel, settings = random_member(*options, "training.epochs=40")
    records = fit(network, panel, settings)
    best = min(records, key=lambda record: record.validation_loss)
    assert best.epoch < records[-1].epoch < 40
    again, panel, settings = random_member(*options, f"training.epochs={best.epoch}")
    repeated = fit(again, panel, settings)
    assert [r.validation_loss for r in repeated] == [
        r.validation_loss for r in records[: best.epoch]
    ]
    assert same_weights(network, again)
    assert not network.training
    assert run_epoch(network, panel.validation) == best.validation_loss


def test_patience_counts_epochs_without_a_better_loss() -> None:
    network, _, _ = random_member()
    stopping = EarlyStopping(patience=2)
    losses = [3.0, 2.0, 2.0, 1.5, 1.6, 1.5]
    bests, ends = [], []
    for epoch, loss in enumerate(losses, start=1):
        bests.append(stopping.update(epoch, loss, network))
        ends.append(stopping.exhausted(epoch))
    assert bests == [True, True, False, True, False, False]
    assert ends == [False, False, False, False, False, True]
    assert (stopping.best_epoch, stopping.best_loss) == (4, 1.5)


def test_the_weights_kept_are_a_copy() -> None:
    network, _, _ = random_member()
    stopping = EarlyStopping(patience=1)
    before = weights(network)
    stopping.update(1, 1.0, network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(stopping.weights[name], before[name]) for name in before)


def test_a_start_that_is_hardly_beaten_is_gone_back_to_after_a_break_as_well() -> None:
    network, _, _ = random_member()
    begun, start = EarlyStopping(patience=2, margin=0.5), weights(network)
    begun.update(0, 1.0, network)
    with torch.no_grad():
        next(network.parameters()).add_(1.0)
    assert begun.update(1, 0.9, network)
    gone_on = EarlyStopping(patience=2, margin=0.5)
    gone_on.restore(*begun.keep())
    gone_on.restore_start()
    assert (gone_on.best_epoch, gone_on.best_loss) == (0, 1.0)
    assert all(torch.equal(gone_on.weights[name], start[name]) for name in start)


@SUPERVISION
def test_an_epoch_s_loss_is_the_weighted_mean_of_a_plain_loop(overrides: tuple[str, ...]) -> None:
    network, panel, _ = random_member(*overrides, "training.batch_size=13")
    batches = [*panel.training_batches(torch.Generator().manual_seed(1))]
    assert len(batches[-1].features) < 13 or not overrides
    measured = run_epoch(network, batches)
    total = count = 0.0
    network.eval()
    for batch in batches:
        for k in range(len(batch.features)):
            params, _ = network(batch.features[k : k + 1], batch.scale[k : k + 1])
            losses = network.head.loss(params, batch.targets[k : k + 1])[0].detach().double()
            for step, weight in enumerate(batch.weight[0]):
                total += float((losses[step] * weight).sum())
                count += float(weight.sum())
    assert measured == pytest.approx(total / count, rel=1e-5)


def test_measuring_changes_no_weights_and_draws_no_masks() -> None:
    network, panel, _ = random_member("model.dropout=0.5")
    before = weights(network)
    first, second = run_epoch(network, panel.validation), run_epoch(network, panel.validation)
    assert first == second
    assert all(torch.equal(value, before[name]) for name, value in weights(network).items())


@pytest.mark.parametrize("overrides", [(), LAST], ids=["every", "last"])
def test_measuring_in_parts_gives_the_same_bits(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, panel, _ = random_member(*overrides)
    whole = [run_epoch(network, [batch.whole()]) for batch in panel.validation]
    monkeypatch.setattr(objective, "AT_ONCE", {"cpu": 1})
    assert [run_epoch(network, [batch]) for batch in panel.validation] == whole


def test_bfloat16_rounds_the_body_of_a_training_step_and_nothing_else() -> None:
    measured, taught = {}, {}
    for precision in ("float32", "bfloat16"):
        network, panel, settings = random_member(f"training.precision={precision}")
        with torch.no_grad():
            network.head.weight.uniform_(-0.1, 0.1, generator=torch.Generator().manual_seed(3))
        measured[precision] = run_epoch(network, panel.validation)
        steps = Steps(network, settings, learning_rate=0.01)
        batches = panel.training_batches(torch.Generator().manual_seed(1))
        taught[precision] = run_epoch(network, batches, steps, torch.Generator().manual_seed(2))
        assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert measured["float32"] == measured["bfloat16"]
    assert taught["float32"] != taught["bfloat16"]
    assert taught["float32"] == pytest.approx(taught["bfloat16"], rel=1e-3)


def test_under_autocast_the_head_keeps_its_digits() -> None:
    network, panel, _ = random_member()
    with torch.no_grad():
        network.head.weight.uniform_(-0.1, 0.1)
    network.eval()
    batch = next(panel.training_batches(torch.Generator().manual_seed(1)))
    outputs: list[torch.Tensor] = []
    network.encoder.register_forward_hook(lambda _, __, found: outputs.append(found[0]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        params, _ = network(batch.features, batch.scale)
    (hidden,) = outputs
    assert hidden.dtype == torch.bfloat16
    for found, exact in zip(params, network.head(hidden.float(), batch.scale), strict=True):
        assert torch.equal(found, exact)


def test_training_lowers_the_loss_it_trains_on() -> None:
    network, panel, settings = random_member("training.epochs=12", "training.patience=12")
    records = fit(network, panel, settings)
    assert records[-1].train_loss < records[0].train_loss - 0.02


@pytest.mark.parametrize(("start", "first"), [("random", 1), ("pretrained", 0)])
def test_the_observer_is_told_of_every_epoch_and_of_the_best_so_far(start: str, first: int) -> None:
    """Of one that begins as a linear model, also how good that is: epoch 0."""
    options = (f"model.start={start}", "training.epochs=4", "training.learning_rate=0.1")
    network, panel, settings = random_member(*options)
    recorder = Recorder()
    records = fit(network, panel, settings, recorder)
    assert [record for record, _ in recorder.records] == [replace(r, kept=False) for r in records]
    assert [r.epoch for r in records if r.kept] == [
        max(r.epoch for r, best in recorder.records if best)
    ]
    assert [record.epoch for record in records] == list(range(first, 5))
    lowest = math.inf
    for record, best in recorder.records:
        assert best == (record.validation_loss < lowest)
        lowest = min(lowest, record.validation_loss)


def test_stopping_from_outside_ends_after_the_running_epoch() -> None:
    network, panel, settings = random_member("training.epochs=50")
    stop = threading.Event()
    stop.set()
    records = fit(network, panel, settings, stop=stop)
    assert len(records) == 1
    assert run_epoch(network, panel.validation) == records[0].validation_loss


def test_a_loss_that_is_not_finite_ends_the_member() -> None:
    network, panel, settings = random_member()
    with torch.no_grad():
        next(network.parameters()).fill_(math.nan)
    with pytest.raises(DivergedError, match="loss of member 0 is no longer finite in epoch 1"):
        fit(network, panel, settings)
