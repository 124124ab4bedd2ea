"""What a command's workers need is loaded while the command itself reads what they will work on.

Both take seconds. So this comes first in a command, before it imports anything of weight.
"""

from collections.abc import Collection

from lstmcast.parallel import jobs_for_symbols, load_ahead

_NETWORKS = {"linear": "lstmcast.training.linear", "pretrained": "lstmcast.training.zero_shot"}


def load_baselines(symbols: int, names: Collection[str] | None, jobs: int) -> None:
    """Load what forecasts some symbols with some baselines, all by default, and scores them."""
    networks = [_NETWORKS[name] for name in _NETWORKS if names is None or name in names]
    worth = jobs_for_symbols(symbols, jobs)
    load_ahead(("lstmcast.baselines.runner", *networks), jobs=worth, items=symbols)


def load_training(jobs: int) -> None:
    """Load what trains networks: those of a run, or of trials."""
    load_ahead(("lstmcast.training.by_workers", "lstmcast.tuning.measuring"), jobs=jobs)


def load_folds(folds: int, jobs: int) -> None:
    """Load what does the folds of a walk."""
    load_ahead(
        ("lstmcast.evaluation.backtest.walk", "lstmcast.training.experiment"),
        jobs=jobs,
        items=folds,
    )
