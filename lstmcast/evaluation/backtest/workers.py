"""Who does the folds of a walk: how many workers, and with how many threads."""

from lstmcast.config import Experiment, groups_of
from lstmcast.evaluation.backtest.settings import Settings
from lstmcast.training import device


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
