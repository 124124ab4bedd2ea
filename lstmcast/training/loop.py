"""Training one network: the loop, early stopping, and nothing else.

Validation decides when to stop and which weights to keep. The test part is not passed to this
module, so it cannot.
"""

import math
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from lstmcast.config import Training
from lstmcast.errors import DivergedError
from lstmcast.nn import Network
from lstmcast.training.batch import Batch
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.objective import total_loss
from lstmcast.training.observers import EpochRecord, Observer
from lstmcast.training.steps import Steps

THRESHOLD = 5e-5
"""Least relative improvement of the validation loss that counts for early stopping: a smaller one
is sampling error, and to chase it is to fit the validation part."""


@dataclass
class EarlyStopping:
    """Remembers the best validation loss and the weights that reached it.

    Args:
        patience: epochs to wait for a better loss.
        threshold: least relative improvement that counts.
        margin: by how much the loss of epoch 0 must be beaten for its weights to be left.
    """

    patience: int
    threshold: float = THRESHOLD
    margin: float = 0.0
    best_loss: float = math.inf
    best_epoch: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    _start: tuple[float, dict[str, Tensor]] | None = None

    def update(self, epoch: int, loss: float, network: Network) -> bool:
        """Note an epoch's validation loss; True if it is the lowest so far."""
        if self.weights and loss >= self.best_loss - self.threshold * abs(self.best_loss):
            return False
        self.best_loss, self.best_epoch = loss, epoch
        self.weights = {name: w.detach().clone() for name, w in network.state_dict().items()}
        if epoch == 0:
            self._start = loss, self.weights
        return True

    def restore_start(self) -> None:
        """Go back to epoch 0 where what came after it is not better by the margin."""
        if self._start is not None and self.best_loss > self._start[0] - self.margin:
            (self.best_loss, self.weights), self.best_epoch = self._start, 0

    def exhausted(self, epoch: int) -> bool:
        """Whether the best epoch lies `patience` epochs back."""
        return epoch - self.best_epoch >= self.patience


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
) -> tuple[list[EpochRecord], int]:
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

    Returns:
        A record of every epoch, and the number of the best one.

    Raises:
        DivergedError: if the loss is no longer finite.
    """
    order, masks = _generators(seed, panel)
    observer.on_train_begin(member)
    if not settings.epochs:
        record = _measured(network, panel, order, member)
        observer.on_epoch_end(record, best=True)
        return [record], 0
    steps = Steps(network, settings, learning_rate)
    rows = sum(float(batch.total) for batch in panel.validation)
    stopping = EarlyStopping(settings.patience, margin=min_gain / max(rows, 1))
    records: list[EpochRecord] = []
    # Epoch 0 measures a network that begins as a linear model or as one that was trained before: it
    # may be the best there is.
    for epoch in range(0 if network.skip_connection or warm_start else 1, settings.epochs + 1):
        began = time.perf_counter()
        train_loss = run_epoch(
            network, panel.training_batches(order), steps if epoch else None, masks
        )
        validation_loss = run_epoch(steps.ema, panel.validation)
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
    stopping.restore_start()
    network.load_state_dict(stopping.weights)
    network.eval()
    marked = [replace(r, kept=r.epoch == stopping.best_epoch) for r in records]
    return marked, stopping.best_epoch


def _measured(
    network: Network, panel: DevicePanel, order: torch.Generator, member: int
) -> EpochRecord:
    """The only record of a network that is not trained; NaN where a part has no rows."""
    began = time.perf_counter()
    train_loss = validation_loss = math.nan
    if len(panel.starts):
        train_loss = run_epoch(network, panel.training_batches(order))
    if panel.validation:
        validation_loss = run_epoch(network, panel.validation)
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
) -> bool:
    """Train `network` in place for a number of epochs that is known already.

    Args:
        network: on the panel's device.
        panel: training windows; a validation part is not looked at.
        settings: weight decay, gradient clipping.
        epochs: how many.
        seed: of the order of windows and the dropout masks.
        learning_rate: the optimiser's step size.
        stop: when set, training ends after the running epoch.

    Returns:
        Whether it got to the end with a finite loss.
    """
    order, masks = _generators(seed, panel)
    steps = Steps(network, settings, learning_rate)
    for _ in range(epochs):
        loss = run_epoch(network, panel.training_batches(order), steps, masks)
        if stop.is_set() or not math.isfinite(loss):
            return False
    network.load_state_dict(steps.ema.state_dict())
    network.eval()
    return True


def _generators(seed: int, panel: DevicePanel) -> tuple[torch.Generator, torch.Generator]:
    """Of the order of windows, and of the dropout masks."""
    return torch.Generator().manual_seed(seed), torch.Generator(panel.device).manual_seed(seed)


def run_epoch(
    network: Network,
    batches: Iterable[Batch],
    steps: Steps | None = None,
    masks: torch.Generator | None = None,
) -> float:
    """One pass over `batches`: training with `steps`, measuring without.

    Returns:
        The weighted mean loss over the batches.
    """
    network.train(steps is not None)
    # Kept where they are and added up at the end: to fetch a number from a GPU is to wait for it.
    losses, totals = [], []
    with torch.set_grad_enabled(steps is not None):
        for batch in batches:
            losses.append(steps.take(batch, masks) if steps else total_loss(network, batch))
            totals.append(batch.total)
    return float(torch.stack(losses).sum() / torch.stack(totals).sum())
