"""The search itself: ask for values, train, tell the validation loss, until there are enough."""

import math
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lstmcast.baselines import baseline_members
from lstmcast.config import Experiment, with_values
from lstmcast.errors import ConfigError, DataError, DivergedError, LstmcastError
from lstmcast.tuning.space import Choice, draw
from lstmcast.tuning.storage import using
from lstmcast.tuning.study import EPOCHS, FAULT, SAME, SECONDS, TOLD, KeptStudy

if TYPE_CHECKING:
    import optuna

    from lstmcast.training import EpochRecord

INCOMPARABLE = ("model.head", "training.supervision", "target")
"""Keys whose values give losses of training that do not compare; pools' log scores do."""


@dataclass(frozen=True)
class Tried:
    """One trial that this process has done.

    Args:
        number: of the trial.
        state: `complete`, `pruned` or `failed`.
        loss: on validation; None unless it is complete.
        values: by the path of a key.
        seconds: that it took.
        fault: why it failed.
    """

    number: int
    state: str
    loss: float | None
    values: dict[str, Choice]
    seconds: float
    fault: str = ""


class Observer(Protocol):
    """Hears how a search goes on."""

    def on_start(self, loss: float) -> None:
        """The configuration as it stands was measured."""

    def on_trial(self, trial: Tried) -> None:
        """A trial is done."""


class _PrunedError(Exception):
    """A trial is given up."""


class _Watch:
    """Reports the first member's best validation loss by epoch, and gives hopeless trials up.

    Members differ by their seed alone, and in which order they train depends on the cores: what is
    decided by the first one is the same on every machine.

    Args:
        trial: told of the losses.
        where: the trial's study is kept.
        pruning: whether it may be given up.
    """

    def __init__(self, trial: "optuna.Trial", where: str | Path, *, pruning: bool) -> None:
        self._trial, self._where, self._pruning = trial, where, pruning
        self._low, self._epoch, self.epochs = math.inf, -1, 0
        self._lock = threading.Lock()

    def on_train_begin(self, member: int) -> None:
        """A member is about to be trained."""

    def on_epoch_end(self, record: "EpochRecord", *, best: bool) -> None:  # noqa: ARG002 - the protocol's
        """Report an epoch of the first member."""
        with self._lock:
            self.epochs += record.epoch > 0
        if record.member or record.epoch <= self._epoch or not self._pruning:
            return
        self._low, self._epoch = min(self._low, record.validation_loss), record.epoch
        if not math.isfinite(self._low):
            return
        with using(self._where):
            self._trial.report(self._low, record.epoch)
            hopeless = self._trial.should_prune()
        if hopeless:
            raise _PrunedError

    def on_restart(self, member: int, learning_rate: float) -> None:
        """A member begins again: what it reported stands."""

    def on_train_end(self, member: int, *, kept: bool) -> None:
        """A member is done."""


def tune(kept: KeptStudy, observer: Observer, *, trials: int, seconds: float | None = None) -> None:
    """Do trials until the study has enough, by this process or by others.

    Args:
        kept: the study.
        observer: hears of every trial of this process.
        trials: that the study is to have, whoever did them; those that fail count.
        seconds: after which no further trial begins; None for no limit.

    Raises:
        ConfigError, DataError, TrainingError: if the configuration as it stands cannot be trained.
        KeyboardInterrupt: on Ctrl-C; the trial under way is tried again when the study goes on.
    """
    began = time.monotonic()
    with kept.first() as ours:
        if ours:
            loss = _loss(kept, kept.plan.experiment)
            kept.set_start(loss)
            observer.on_start(loss)
    while seconds is None or time.monotonic() - began < seconds:
        trial = kept.ask(trials)
        if trial is None:
            return
        try:
            observer.on_trial(_try(kept, trial))
        except BaseException:
            kept.interrupt(trial)
            raise


def _loss(kept: KeptStudy, experiment: Experiment, watch: "_Watch | None" = None) -> float:
    from lstmcast.training import SilentObserver, resolve_experiment, validation_loss

    histories = kept.plan.histories
    resolved = resolve_experiment(experiment, histories)
    external_members = baseline_members(experiment.model.pool.baselines)
    return validation_loss(resolved, histories, watch or SilentObserver(), external_members)


def _try(kept: KeptStudy, trial: "optuna.Trial") -> Tried:
    """Do one trial, and tell the study of it."""
    from optuna.trial import TrialState

    began = time.monotonic()
    with using(kept.where):
        values = draw(trial, kept.plan.space)
    pruning = kept.plan.experiment.tuning.pruning == "median" and not any(
        path in INCOMPARABLE for path in kept.plan.space
    )
    watch = _Watch(trial, kept.where, pruning=pruning)
    loss, state, fault = None, TrialState.COMPLETE, ""
    same = _same(kept, trial)
    try:
        if same is not None:
            loss = same.value
        else:
            loss = _loss(kept, with_values(kept.plan.experiment, values), watch)
    except _PrunedError:
        state = TrialState.PRUNED
    except (ConfigError, DataError, DivergedError) as error:
        state, fault = TrialState.FAIL, _line(error)
    took = round(time.monotonic() - began, 3)
    about: dict[str, float | str] = {SECONDS: took, EPOCHS: watch.epochs}
    if fault:
        about[FAULT] = fault
    if same is not None:
        about[SAME] = same.number
    with using(kept.where):
        trial.set_user_attr(TOLD, about)
        kept.study.tell(trial, loss, state=state)
    name = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[state.name]
    return Tried(trial.number, name, loss, values, took, fault)


def _same(kept: KeptStudy, trial: "optuna.Trial") -> "optuna.trial.FrozenTrial | None":
    """A trial of the same values that is complete: the same training has the same end."""
    from optuna.trial import TrialState

    with using(kept.where):
        done = kept.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return next((other for other in done if other.params == trial.params), None)


def _line(error: LstmcastError) -> str:
    return error.message.splitlines()[0][:300]
