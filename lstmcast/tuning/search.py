"""The search itself: ask for values, train, tell the validation loss, until there are enough.

Trials are asked for in batches, and told before the next batch is asked for. So a study depends on
its seed and on the size of its batches, and not on how many of a batch are measured at once, by
whom, or who is done first.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from lstmcast.parallel import as_completed, elsewhere, in_order, workers_for
from lstmcast.processes import cores
from lstmcast.tuning.measuring import (
    COMPLETE,
    PRUNED,
    Asked,
    Measured,
    Subject,
    loss_as_it_stands,
    measure,
)
from lstmcast.tuning.pruning import limits
from lstmcast.tuning.space import Choice, draw
from lstmcast.tuning.storage import using
from lstmcast.tuning.study import EPOCHS, FAULT, SAME, SECONDS, TOLD, KeptStudy

if TYPE_CHECKING:
    import optuna

INCOMPARABLE = ("model.head", "training.supervision", "target")
"""Keys whose values give losses of training that do not compare; pools' log scores do."""

BATCH = 8
"""Trials that are asked for at once where several are measured at once."""


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


@dataclass(frozen=True)
class _Result:
    """What came of a trial; `same` is the number of another one that it was taken from."""

    measured: Measured
    same: int | None = None


def tune(
    kept: KeptStudy,
    observer: Observer,
    *,
    trials: int,
    seconds: float | None = None,
    batch: int = 1,
    jobs: int = 1,
) -> None:
    """Do trials until the study has enough, by this process or by others.

    Args:
        kept: the study.
        observer: hears of every trial of this process.
        trials: that the study is to have, whoever did them; those that fail count.
        seconds: after which no further batch begins; None for no limit.
        batch: trials that are asked for at once, knowing of those before alone.
        jobs: of a batch, how many are measured at once; 0 for one a core.

    Raises:
        ConfigError, DataError, TrainingError: if the configuration as it stands cannot be trained.
        KeyboardInterrupt: on Ctrl-C; the trials under way are tried again when the study goes on.
    """
    began = time.monotonic()
    experiment, histories = kept.plan.experiment, kept.plan.histories
    threads = experiment.training.threads or 1
    share = 1 if elsewhere() else max(1, cores() // workers_for(jobs, batch, threads=threads))
    subject = Subject(experiment, histories, share)
    with kept.first() as ours:
        if ours:
            (loss,) = in_order(loss_as_it_stands, subject, [None], jobs=jobs, threads=threads)
            kept.set_start(loss)
            observer.on_start(loss)
    while seconds is None or time.monotonic() - began < seconds:
        asked = kept.ask(trials, batch)
        if not asked:
            return
        left = {trial.number: trial for trial in asked}
        try:
            with using(kept.where):
                values = [draw(trial, kept.plan.space) for trial in asked]
            with closing(_results(kept, subject, asked, values, jobs)) as results:
                for place, result in results:
                    trial = asked[place]
                    _tell(kept, trial, result)
                    del left[trial.number]
                    observer.on_trial(_tried(trial, values[place], result.measured))
        except BaseException as error:
            kept.interrupt([*left.values()], blamed=not isinstance(error, KeyboardInterrupt))
            raise


def _results(
    kept: KeptStudy,
    subject: Subject,
    asked: Sequence["optuna.Trial"],
    values: Sequence[Mapping[str, Choice]],
    jobs: int,
) -> Generator[tuple[int, _Result]]:
    """The place of each trial and what came of it; the same training has the same end."""
    from optuna.trial import TrialState

    with using(kept.where):
        done = kept.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    alike: dict[int, list[int]] = {}
    for place, trial in enumerate(asked):
        same = next((other for other in done if other.params == trial.params), None)
        if same is not None:
            yield place, _Result(Measured(COMPLETE, same.value, 0.0), same.number)
            continue
        earlier = (first for first in alike if asked[first].params == trial.params)
        alike.setdefault(next(earlier, place), []).append(place)
    pruning = subject.experiment.tuning.pruning == "median" and not any(
        path in INCOMPARABLE for path in kept.plan.space
    )
    above = limits(done) if pruning else {}
    items = [Asked(values[place], above, pruning) for place in alike]
    places = [*alike]
    threads = subject.experiment.training.threads or 1
    with closing(as_completed(measure, subject, items, jobs=jobs, threads=threads)) as measured:
        for number, found in measured:
            first, *others = alike[places[number]]
            yield first, _Result(found)
            for place in others:
                again = replace(found, seconds=0.0, epochs=0, course=())
                yield place, _Result(again, asked[first].number)


def _tell(kept: KeptStudy, trial: "optuna.Trial", result: _Result) -> None:
    from optuna.trial import TrialState

    found = result.measured
    about: dict[str, float | str] = {SECONDS: found.seconds, EPOCHS: found.epochs}
    if found.fault:
        about[FAULT] = found.fault
    if result.same is not None:
        about[SAME] = result.same
    states = {COMPLETE: TrialState.COMPLETE, PRUNED: TrialState.PRUNED}
    with using(kept.where):
        for epoch, loss in found.course:
            trial.report(loss, epoch)
        trial.set_user_attr(TOLD, about)
        kept.study.tell(trial, found.loss, state=states.get(found.state, TrialState.FAIL))


def _tried(trial: "optuna.Trial", values: Mapping[str, Choice], found: Measured) -> Tried:
    return Tried(trial.number, found.state, found.loss, dict(values), found.seconds, found.fault)
