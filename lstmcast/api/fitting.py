"""Training an experiment: what `lstmcast train` and `fit` do alike."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lstmcast.api.names import require_names
from lstmcast.api.run import Run
from lstmcast.api.settings import Config, Prices, experiment_for, histories_for, own_histories
from lstmcast.baselines import baseline_members
from lstmcast.config import Experiment, require_memory
from lstmcast.prices.history import PriceHistory
from lstmcast.run import FittedRun

if TYPE_CHECKING:
    from lstmcast.training import Keeper, Observer, Trained

COLUMNS = 20
"""Roughly what a network reads, to estimate the memory that it needs."""


def fit(
    prices: Prices | None = None,
    *,
    config: Config | None = None,
    observer: "Observer | None" = None,
    data_dir: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> Run:
    """Train networks on daily prices, and forecast their test part.

    Nothing is written: `Run.save` keeps the run. Ctrl-C keeps the best networks so far, and
    `Run.status` says so.

    Args:
        prices: a stored symbol such as `"AAPL"`, or several, which are pooled: they train one
            network; histories that `load_prices` or `fetch` returned; or own prices as
            `load_prices` takes them. By default the symbols of `config`.
        config: a YAML file or an `Experiment` with the other settings; by default the defaults.
        observer: is told of every epoch (`lstmcast.training.Observer`).
        data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.
        **settings: keys of the configuration (docs/configuration.md): by name where only one
            section has it (`horizon=5`, `members=1`, `epochs=20`, `seed=3`,
            `features=["returns"]`, `start="2010-01-01"`), else with its section
            (`calibration__kind="none"`), or a section as a mapping (`model={"hidden_size": 32}`).

    Returns:
        The run, in memory.

    Raises:
        ConfigError: if a setting is wrong, listing every fault.
        StoreError: if a symbol is not stored; `fetch` stores it.
        DataError: if there are too few sessions.
        TrainingError: if the device is not there, or no network trains.

    Example:
        >>> run = lstmcast.fit("AAPL", start="2009-01-01", epochs=1)
        >>> run
        Run('aapl', symbols=['AAPL'], horizon=10)
        >>> run.predict(horizon=2, levels=[80])[["date", "horizon", "lower_80"]].shape
        (2, 3)
    """
    from lstmcast.training.device import available_threads

    experiment = experiment_for(prices, config, settings)
    histories = histories_for(experiment, prices, data_dir)
    trained = train(experiment, histories, observer)
    threads = available_threads(experiment.training.threads)
    kept = FittedRun.of(trained, histories, threads)
    return Run(kept, prices=own_histories(prices), data_dir=data_dir)


def check_experiment(experiment: Experiment, histories: Sequence[PriceHistory]) -> None:
    """Fail before any training: names that do not exist, memory that there is not.

    Raises:
        ConfigError: for what does not exist; listing all of it where that is more than one.
        ResourcesError: if training cannot fit into memory.
    """
    require_names(experiment)
    require_memory(experiment, sum(map(len, histories)), COLUMNS)


def train(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    observer: "Observer | None" = None,
    keeper: "Keeper | None" = None,
) -> "Trained":
    """Check an experiment, train it on its prices, and forecast its test part.

    Args:
        experiment: the configuration.
        histories: one per symbol, cut to the dates of the configuration.
        observer: told of every epoch.
        keeper: where members are kept on the way, and go on from.

    Raises:
        ConfigError, DataError: if the data do not fit the configuration.
        ResourcesError: if training cannot fit into memory.
        TrainingError: if the device is not there, or no network trains.
    """
    check_experiment(experiment, histories)
    from lstmcast.training import train_experiment
    from lstmcast.training.observers import SilentObserver

    members = baseline_members(experiment.model.pool.baselines)
    told = observer or SilentObserver()
    return train_experiment(experiment, histories, told, members, keeper=keeper)
