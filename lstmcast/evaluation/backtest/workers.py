"""Who does the folds of a walk: how many workers, with how many threads, and what they load."""

from contextlib import AbstractContextManager

from lstmcast.config import Experiment, groups_of
from lstmcast.evaluation.backtest.settings import Settings
from lstmcast.parallel import loading_ahead
from lstmcast.training import device

LOADED = ("lstmcast.evaluation.backtest.walk", "lstmcast.training.experiment")
"""What a worker needs for its first fold."""


def workers_of_walk(settings: Settings, jobs: int, folds: int) -> int:
    """Worker processes for some folds; 1 where each waits for the one before."""
    if settings.warm_start:
        return 1
    return max(1, min(jobs or device.available_threads(0), folds))


def threads_of_fold(experiment: Experiment, workers: int) -> int:
    """CPU threads that a fold trains with where so many are done at once."""
    members = [group.model.members for group in groups_of(experiment)]
    share = device.available_threads(0) // workers
    return device.threads_for_one_of_many(experiment.training.threads, share, members)


def workers_loading(
    experiment: Experiment, settings: Settings, jobs: int
) -> AbstractContextManager[None]:
    """Let the workers of a walk load PyTorch while the context plans it.

    Args:
        experiment: what each fold trains, as it was written.
        settings: how to walk.
        jobs: worker processes for the folds; 0 takes one for each core.
    """
    workers = workers_of_walk(settings, jobs, settings.folds)
    threads = threads_of_fold(experiment, workers)
    return loading_ahead(LOADED, workers, jobs=workers, threads=threads)
