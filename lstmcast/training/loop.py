"""Training one network: the loop, early stopping, and nothing else.

A training is a generator (`turns`): on a GPU one thread trains several networks in turn. Validation
decides when to stop and which weights to keep. The test part is not passed to this module, so it
cannot.
"""

import math
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lstmcast.config import Training
from lstmcast.errors import DivergedError
from lstmcast.nn import Network
from lstmcast.training.batch import Batch, GatheredBatch
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.distributed import current_team, mask_generator
from lstmcast.training.kept import AGAIN, FIT, NOWHERE, MemberKeeper
from lstmcast.training.objective import total_loss
from lstmcast.training.observers import EpochRecord, Observer
from lstmcast.training.progress import Progress
from lstmcast.training.steps import Steps
from lstmcast.training.stopping import EarlyStopping
from lstmcast.training.turns import Turns, to_the_end

BATCHES_OF_A_TURN = 16
"""Batches after which others have their turn: fewer than a GPU's queue of commands holds."""


def fit_member(
    network: Network,
    panel: DevicePanel,
    settings: Training,
    *,
    member: int,
    seed: int,
    learning_rate: float,
    observer: Observer,
    stop: threading.Event,
    warm_start: bool = False,
    min_gain: float = 0.0,
    keeper: MemberKeeper = NOWHERE,
) -> Turns[tuple[list[EpochRecord], int]]:
    """Train `network` in place until validation stops improving; keep its best weights.

    Args:
        network: on the panel's device.
        panel: training windows and validation sequences.
        settings: epochs, patience, weight decay, gradient clipping.
        member: the member's number, for the records.
        seed: of the order of windows and the dropout masks.
        learning_rate: the optimiser's step size.
        observer: told of every epoch.
        stop: when set, training ends after the running epoch and keeps the best weights so far.
        warm_start: whether the network begins with trained weights.
        min_gain: log-likelihood, in nats over the whole validation part, that must be gained to
            leave them.
        keeper: where the loop's progress is kept, to go on from.

    Returns:
        A record of every epoch, and the number of the best one.

    Raises:
        DivergedError: if the loss is no longer finite.
    """
    order, masks = _generators(seed, panel)
    observer.on_train_begin(member)
    if not settings.epochs:
        record = yield from _measured(network, panel, order, member)
        observer.on_epoch_end(record, best=True)
        return [record], 0
    steps = Steps(network, settings, learning_rate)
    rows = sum(float(batch.total) for batch in panel.validation)
    stopping = EarlyStopping(settings.patience, margin=min_gain / max(rows, 1))
    progress = Progress(steps, order, masks, stopping)
    records = progress.records
    # Epoch 0 measures a network that begins as a linear model or as one that was trained before: it
    # may be the best there is.
    first = 0 if network.skip_connection or warm_start else 1
    if keeper.restore(FIT, progress, learning_rate):
        first = records[-1].epoch + 1
        retell(records, observer)
    for epoch in range(first, settings.epochs + 1):
        began = time.perf_counter()
        train_loss, validation_loss = yield from _losses(
            epoch_loss(network, panel.training_batches(order), steps if epoch else None, masks),
            epoch_loss(steps.ema, panel.validation),
        )
        if not math.isfinite(train_loss + validation_loss):
            raise DivergedError(
                f"the loss of member {member} is no longer finite in epoch {epoch} "
                f"(`training.learning_rate` {learning_rate:g})",
                "lower `training.learning_rate` or `training.clip_norm`",
            )
        seconds = time.perf_counter() - began
        record = EpochRecord(
            member, epoch, train_loss, validation_loss, steps.learning_rate, round(seconds, 4)
        )
        records.append(record)
        best = stopping.update(epoch, validation_loss, steps.ema)
        observer.on_epoch_end(record, best=best)
        if stopping.exhausted(epoch) or stop.is_set():
            break
        keeper.offer(FIT, progress.keep)
    stopping.restore_start()
    network.load_state_dict(stopping.weights)
    network.eval()
    marked = [replace(r, kept=r.epoch == stopping.best_epoch) for r in records]
    return marked, stopping.best_epoch


def retell(records: Sequence[EpochRecord], observer: Observer) -> None:
    """Tell an observer of epochs that another process went through."""
    lowest = math.inf
    for record in records:
        observer.on_epoch_end(record, best=record.validation_loss < lowest)
        lowest = min(lowest, record.validation_loss)


def _losses(*passes: Turns[Tensor]) -> Turns[list[float]]:
    """The losses of passes one after the other, waited for together."""
    found = []
    for each in passes:
        found.append((yield from each))
        yield
    return [float(loss) for loss in found]


def _measured(
    network: Network, panel: DevicePanel, order: torch.Generator, member: int
) -> Turns[EpochRecord]:
    """The only record of a network that is not trained; NaN where a part has no rows."""
    began = time.perf_counter()
    train_loss = validation_loss = math.nan
    if len(panel.starts):
        [train_loss] = yield from _losses(epoch_loss(network, panel.training_batches(order)))
    if panel.validation:
        [validation_loss] = yield from _losses(epoch_loss(network, panel.validation))
    network.eval()
    seconds = round(time.perf_counter() - began, 4)
    return EpochRecord(member, 0, train_loss, validation_loss, 0.0, seconds, kept=True)


def refit_member(
    network: Network,
    panel: DevicePanel,
    settings: Training,
    *,
    epochs: int,
    seed: int,
    learning_rate: float,
    stop: threading.Event,
    keeper: MemberKeeper = NOWHERE,
) -> Turns[bool]:
    """Train `network` in place for a number of epochs that is known already.

    Args:
        network: on the panel's device.
        panel: training windows; a validation part is not looked at.
        settings: weight decay, gradient clipping.
        epochs: how many.
        seed: of the order of windows and the dropout masks.
        learning_rate: the optimiser's step size.
        stop: when set, training ends after the running epoch.
        keeper: where the loop's progress is kept, to go on from.

    Returns:
        Whether it got to the end with a finite loss.
    """
    order, masks = _generators(seed, panel)
    steps = Steps(network, settings, learning_rate)
    progress = Progress(steps, order, masks)
    keeper.restore(AGAIN, progress, learning_rate)
    while progress.epochs < epochs:
        [loss] = yield from _losses(
            epoch_loss(network, panel.training_batches(order), steps, masks)
        )
        if stop.is_set() or not math.isfinite(loss):
            return False
        progress.epochs += 1
        keeper.offer(AGAIN, progress.keep)
    network.load_state_dict(steps.ema.state_dict())
    network.eval()
    return True


def _generators(seed: int, panel: DevicePanel) -> tuple[torch.Generator, torch.Generator]:
    """Of the order of windows, and of the dropout masks."""
    return torch.Generator().manual_seed(seed), mask_generator(panel.device).manual_seed(seed)


def run_epoch(
    network: Network,
    batches: Iterable[Batch | GatheredBatch],
    steps: Steps | None = None,
    masks: torch.Generator | None = None,
) -> float:
    """One pass over `batches`: training with `steps`, measuring without.

    Returns:
        The weighted mean loss over the batches.
    """
    return float(to_the_end(epoch_loss(network, batches, steps, masks)))


def epoch_loss(
    network: Network,
    batches: Iterable[Batch | GatheredBatch],
    steps: Steps | None = None,
    masks: torch.Generator | None = None,
) -> Turns[Tensor]:
    """Like `run_epoch`, with turns for others; the loss stays on the device."""
    network.train(steps is not None)
    # Kept where they are and added up at the end: to fetch a number from a GPU is to wait for it.
    losses, totals = [], []
    team = current_team()
    for number, whole in enumerate(batches, 1):
        batch = team.share(whole, masks) if team else whole
        # Entered for each batch: others have a mode of their own in between.
        with torch.set_grad_enabled(steps is not None):
            losses.append(steps.take(batch.whole(), masks) if steps else total_loss(network, batch))
        totals.append(batch.total)
        if number % BATCHES_OF_A_TURN == 0:
            yield
    loss = torch.stack(losses).sum()
    return (team.total(loss) if team else loss) / torch.stack(totals).sum()
