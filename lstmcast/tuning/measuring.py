"""What one trial is worth: measured here or by a worker, and given up where it is hopeless.

A worker knows nothing of the study. It is told beforehand above which loss a trial is given up in
which epoch, so that what becomes of a trial does not depend on who is faster.
"""

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lstmcast.baselines import baseline_members
from lstmcast.config import Experiment, groups_of, with_values
from lstmcast.errors import ConfigError, DataError, DivergedError, LstmcastError
from lstmcast.prices.history import PriceHistory
from lstmcast.tuning.space import Choice

if TYPE_CHECKING:
    from lstmcast.training import EpochRecord

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"


@dataclass(frozen=True)
class Subject:
    """What all trials of a study have in common.

    Args:
        experiment: as it was read, not resolved.
        histories: its prices.
        cores: that a trial gets; where `training.threads` is 0, each network has one thread.
    """

    experiment: Experiment
    histories: Sequence[PriceHistory]
    cores: int


@dataclass(frozen=True)
class Asked:
    """What a trial changes.

    Args:
        values: by the path of a key.
        limits: by epoch, the first member's loss above which the trial is given up.
        course: whether the first member's losses are told.
    """

    values: Mapping[str, Choice]
    limits: Mapping[int, float]
    course: bool


@dataclass(frozen=True)
class Measured:
    """What came of a trial.

    Args:
        state: `complete`, `pruned` or `failed`.
        loss: on validation; None unless it is complete.
        seconds: that it took.
        epochs: of all members.
        fault: why it failed.
        course: by epoch, the first member's lowest validation loss so far.
    """

    state: str
    loss: float | None
    seconds: float
    epochs: int = 0
    fault: str = ""
    course: tuple[tuple[int, float], ...] = ()


class _PrunedError(Exception):
    """A trial is given up."""


class _Watch:
    """Follows the first member's best validation loss by epoch, and gives hopeless trials up.

    Members differ by their seed alone, and in which order they train depends on the cores: what is
    decided by the first one is the same on every machine.

    Args:
        limits: by epoch, the loss above which the trial is given up.
    """

    def __init__(self, limits: Mapping[int, float]) -> None:
        self._limits = limits
        self._low, self._epoch, self.epochs = math.inf, -1, 0
        self.course: list[tuple[int, float]] = []
        self._lock = threading.Lock()

    def on_train_begin(self, member: int) -> None:
        """A member is about to be trained."""

    def on_epoch_end(self, record: "EpochRecord", *, best: bool) -> None:  # noqa: ARG002 - the protocol's
        """Note an epoch of the first member."""
        with self._lock:
            self.epochs += record.epoch > 0
        if record.member or record.epoch <= self._epoch:
            return
        self._low, self._epoch = min(self._low, record.validation_loss), record.epoch
        if not math.isfinite(self._low):
            return
        self.course.append((record.epoch, self._low))
        if self._low > self._limits.get(record.epoch, math.inf):
            raise _PrunedError

    def on_restart(self, member: int, learning_rate: float) -> None:
        """A member begins again: what it has shown stands."""

    def on_train_end(self, member: int, *, kept: bool) -> None:
        """A member is done."""


def loss_as_it_stands(subject: Subject, _: object = None) -> float:
    """The validation loss of the experiment itself.

    Raises:
        ConfigError, DataError, TrainingError: if it cannot be trained.
    """
    return _loss(subject, {}, _Watch({}))


def measure(subject: Subject, asked: Asked) -> Measured:
    """Train a trial, and say what came of it."""
    began = time.monotonic()
    watch = _Watch(asked.limits)
    loss, state, fault = None, COMPLETE, ""
    try:
        loss = _loss(subject, asked.values, watch)
    except _PrunedError:
        state = PRUNED
    except (ConfigError, DataError, DivergedError) as error:
        state, fault = FAILED, _line(error)
    took = round(time.monotonic() - began, 3)
    course = tuple(watch.course) if asked.course else ()
    return Measured(state, loss, took, watch.epochs, fault, course)


def _loss(subject: Subject, values: Mapping[str, Choice], watch: _Watch) -> float:
    from lstmcast.training import resolve_experiment, validation_loss
    from lstmcast.training.device import threads_for_one_of_many

    experiment = with_values(subject.experiment, values) if values else subject.experiment
    members = [group.model.members for group in groups_of(experiment)]
    threads = threads_for_one_of_many(experiment.training.threads, subject.cores, members)
    training = experiment.training.model_copy(update={"threads": threads})
    experiment = experiment.model_copy(update={"training": training})
    resolved = resolve_experiment(experiment, subject.histories)
    external_members = baseline_members(experiment.model.pool.baselines)
    return validation_loss(resolved, subject.histories, watch, external_members)


def _line(error: LstmcastError) -> str:
    return error.message.splitlines()[0][:300]
