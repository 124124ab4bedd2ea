"""A study that several processes share, and that outlives them.

Each process holds a lock for as long as it lives, and marks the trials that it runs. A trial whose
process has gone is told as interrupted, and its values are tried again by whoever comes next: a
study that was cut off tries the same values as one that was not.
"""

import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from lstmcast.errors import RunError
from lstmcast.files import make_folder
from lstmcast.left_overs import sweep
from lstmcast.tuning.plan import Plan, another_study
from lstmcast.tuning.storage import PATIENCE, open_storage, using

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

JOURNAL = "study.journal"
PREFIX = "tune-"

MOST_ATTEMPTS = 3
"""Processes that may end in one trial before it counts as failed: it may be what ends them."""

_ASK, _FIRST = ".ask.lock", ".first.lock"
_IDENTITY, _START = "identity", "start"
_WORKER, _AGAIN, _ATTEMPT, TOLD = "worker", "again", "attempt", "told"
FAULT, SECONDS, EPOCHS, SAME = "fault", "seconds", "epochs", "same"
"""What is told of a trial: each attribute of a study costs a write to the disk, so it is one."""


@dataclass
class KeptStudy:
    """A study that is open.

    Args:
        plan: what it searches.
        folder: its own, with what is written of it.
        where: path of a journal or URL of a database.
        name: in that storage.
    """

    plan: Plan
    folder: Path
    where: str | Path
    name: str
    study: "optuna.Study" = field(init=False)
    worker: str = field(init=False)
    _alive: FileLock = field(init=False)

    @classmethod
    def folder_of(cls, runs_dir: Path, name: str) -> Path:
        """Where a study of that name is kept."""
        return runs_dir / f"{PREFIX}{name}"

    @classmethod
    @contextmanager
    def opened(
        cls,
        plan: Plan,
        runs_dir: Path,
        name: str,
        *,
        storage: str | None = None,
        resume: bool = False,
    ) -> Iterator["KeptStudy"]:
        """Open a study, or make it, and be one of its processes meanwhile.

        Args:
            plan: what it searches.
            runs_dir: where its folder is.
            name: of the study.
            storage: URL of a database or path of a journal; in the folder if None.
            resume: whether it must be there already.

        Raises:
            UsageError: if it searches another space or other prices, or another experiment.
            RunError: if it is to be resumed and not there, or is damaged or locked.
            OutputError: if it cannot be written.
        """
        folder = cls.folder_of(runs_dir, name)
        where: str | Path = folder / JOURNAL if storage is None else storage
        if storage is not None and "://" not in storage:
            where = Path(storage)
        if resume and isinstance(where, Path) and not where.exists():
            raise RunError(f"`{where}` does not exist: there is nothing to resume", _begin())
        make_folder(folder, "choose another folder with `--runs-dir`")
        sweep(folder)
        found = cls(plan, folder, where, f"lstmcast-{name}")
        with found._living():
            found._open(resume=resume)
            yield found

    @contextmanager
    def _living(self) -> Iterator[None]:
        """Hold the lock that tells others that this process lives; sweep those of the dead."""
        for path in self.folder.glob(".worker-*.lock"):
            if _free(path):
                path.unlink(missing_ok=True)
        token = secrets.token_hex(4)
        self.worker = f"{socket.gethostname()}:{token}"
        self._alive = FileLock(self._lock_of(token))
        with using(self.folder):
            self._alive.acquire()
        try:
            yield
        finally:
            self._lock_of(token).unlink(missing_ok=True)
            self._alive.release()

    def _lock_of(self, token: str) -> Path:
        return self.folder / f".worker-{token}.lock"

    def _open(self, *, resume: bool) -> None:
        import optuna

        storage = open_storage(self.where)
        from lstmcast.tuning.sampler import SeededSampler

        with using(self.where), self.asking():
            if resume and self.name not in optuna.get_all_study_names(storage):
                raise RunError(f"`{self.where}` has no study {self.name}", _begin())
            self.study = optuna.create_study(
                storage=storage,
                study_name=self.name,
                direction="minimize",
                sampler=SeededSampler(self.plan.experiment.training.seed),
                pruner=optuna.pruners.NopPruner(),  # see `lstmcast.tuning.pruning`
                load_if_exists=True,
            )
            identity = self.plan.identity()
            kept = self.study.user_attrs.get(_IDENTITY)
            if kept is None:
                self.study.set_user_attr(_IDENTITY, identity)
            elif kept != identity:
                raise another_study(kept, identity, self.folder)
            self.requeue_interrupted()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Be the only process of this machine that counts trials and asks for another."""
        with FileLock(self.folder / _ASK, timeout=PATIENCE):
            yield

    @contextmanager
    def first(self) -> Iterator[bool]:
        """Whether this process is the one that measures the configuration as it stands."""
        lock = FileLock(self.folder / _FIRST, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        with lock:
            yield self.start is None

    @property
    def start(self) -> float | None:
        """The validation loss of the configuration as it stands; None before it is known."""
        with using(self.where):
            kept = self.study.user_attrs.get(_START)
            return None if kept is None else float(kept)

    def set_start(self, loss: float) -> None:
        """Keep the validation loss of the configuration as it stands."""
        with using(self.where):
            self.study.set_user_attr(_START, loss)

    def trials(self) -> list["FrozenTrial"]:
        """Every trial, in the order of their numbers."""
        from optuna.trial import TrialState

        with using(self.where):
            trials = self.study.get_trials(deepcopy=False)
            for trial in trials:
                if not isinstance(trial.value, (float, int, type(None))):
                    raise TypeError(f"the loss of trial {trial.number} is no number")
                if trial.value is None and trial.state == TrialState.COMPLETE:
                    raise TypeError(f"trial {trial.number} is complete without a loss")
                if not isinstance(told(trial), Mapping):
                    raise TypeError(f"what is told of trial {trial.number} is no object")
            return trials

    def ask(self, most: int, batch: int = 1) -> "list[optuna.Trial]":
        """The next trials, marked as this process's: up to the end of a batch, or of the study.

        A batch that was interrupted is filled up before another one begins, which is to know of all
        of its trials.
        """
        with using(self.where), self.asking():
            self.requeue_interrupted()
            taken = self.taken()
            asked = []
            for _ in range(min(most - taken, batch - taken % batch)):
                asked.append(self.study.ask())
                asked[-1].set_user_attr(_WORKER, self.worker)
            return asked

    def taken(self) -> int:
        """Trials that are done or under way; those that were interrupted are neither."""
        from optuna.trial import TrialState

        return sum(
            trial.state != TrialState.WAITING and not is_interrupted(trial)
            for trial in self.study.get_trials(deepcopy=False)
        )

    def interrupt(self, trials: "Sequence[optuna.Trial]", *, blamed: bool) -> None:
        """Tell that trials were cut off, so that their values are tried again.

        Args:
            trials: of this process.
            blamed: whether one of them may be what ended it; Ctrl-C is nobody's fault.
        """
        with using(self.where), self.asking():
            states = [trial.state for trial in self.study.get_trials(deepcopy=False)]
            for trial in trials:
                if states[trial.number].is_finished():
                    continue
                if not blamed:
                    attempt = trial.user_attrs.get(_ATTEMPT, 1)
                    trial.set_user_attr(_ATTEMPT, attempt - 1)
                self._cut(trial.number)
            self._queue_again()

    def requeue_interrupted(self) -> None:
        """Tell of the trials whose process has gone, and queue what they tried."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if not self._lives(trial.user_attrs.get(_WORKER)):
                self._cut(trial.number)
        self._queue_again()

    def _cut(self, number: int) -> None:
        import optuna

        from lstmcast.tuning.sampler import INTERRUPTED

        frozen = self.study.get_trials(deepcopy=False)[number]
        trial = optuna.Trial(self.study, frozen._trial_id)  # noqa: SLF001 - Optuna has no other way
        if frozen.user_attrs.get(_ATTEMPT, 1) >= MOST_ATTEMPTS:
            trial.set_user_attr(TOLD, {FAULT: f"the process ended in it {MOST_ATTEMPTS} times"})
        else:
            trial.set_user_attr(INTERRUPTED, value=True)
        self.study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _queue_again(self) -> None:
        """Queue the values of each interrupted trial once; called as often as one likes."""
        trials = self.study.get_trials(deepcopy=False)
        followed = {trial.user_attrs.get(_AGAIN) for trial in trials}
        for trial in trials:
            if is_interrupted(trial) and trial.number not in followed:
                attempt = trial.user_attrs.get(_ATTEMPT, 1) + 1
                self.study.enqueue_trial(
                    trial.params, user_attrs={_AGAIN: trial.number, _ATTEMPT: attempt}
                )

    def _lives(self, worker: str | None) -> bool:
        """Whether a process lives; of another machine nothing can be told, and it may."""
        host, _, token = (worker or "").rpartition(":")
        if worker == self.worker or (worker and host != socket.gethostname()):
            return True
        path = self._lock_of(token)
        return bool(worker) and path.exists() and not _free(path)


def told(trial: "FrozenTrial") -> Mapping[str, Any]:
    """What was told of a trial beside its loss."""
    found: Mapping[str, Any] = trial.user_attrs.get(TOLD, {})
    return found


def is_interrupted(trial: "FrozenTrial") -> bool:
    """Whether a trial was cut off, and another has its place."""
    from lstmcast.tuning.sampler import INTERRUPTED

    return INTERRUPTED in trial.user_attrs


def _free(path: Path) -> bool:
    """Whether nobody holds a lock."""
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return False
    lock.release()
    return True


def _begin() -> str:
    return "leave out `--resume` to begin it"
