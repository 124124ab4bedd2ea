"""Training an experiment: what `lstmcast train` and `fit` do alike."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast.api.names import require_names
from lstmcast.api.run import Run
from lstmcast.api.settings import Config, Prices, experiment_for, histories_for, own_histories
from lstmcast.baselines import baseline_members
from lstmcast.config import Experiment, require_memory
from lstmcast.left_overs import temporary_folder
from lstmcast.predictions import write_predictions
from lstmcast.prices.history import PriceHistory
from lstmcast.run import FittedRun, create_run, done, interrupted_training
from lstmcast.run import Run as Kept
from lstmcast.run.creation import cannot_be_written
from lstmcast.run.files import PREDICTIONS

if TYPE_CHECKING:
    from lstmcast.training import Keeper, Observer, Trained
    from lstmcast.training.experiment import Store

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
        >>> run = lstmcast.fit("AAPL", start="2009-01-01", members=1, epochs=1)
        >>> run
        Run('aapl', symbols=['AAPL'], horizon=10)
        >>> run.predict(horizon=2, levels=[80])[["date", "horizon", "lower_80"]].shape
        (2, 3)
    """
    experiment = experiment_for(prices, config, settings)
    histories = histories_for(experiment, prices, data_dir)
    trained = _train(settle(experiment, histories), histories, observer)
    return Run(FittedRun.of(trained), prices=own_histories(prices), data_dir=data_dir)


def fit_into(
    runs_dir: Path,
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    observer: "Observer",
    *,
    resume: bool = False,
    keep_every: float = 30.0,
    jobs: int = 1,
    tell: Callable[[str], object] = str,
) -> "tuple[Kept, Trained]":
    """Train an experiment and write its run; what is kept on the way goes when the run is there.

    Args:
        runs_dir: where runs are kept.
        experiment: settled (`settle`).
        histories: one per symbol, cut to the dates of the configuration.
        observer: told of every epoch.
        resume: go on with what an interrupted training of the same kept.
        keep_every: seconds between two times that the training is kept on the way.
        jobs: worker processes that train the networks; see `train_experiment`.
        tell: takes a line about what is gone on with.

    Returns:
        The run's folder, and what was trained.

    Raises:
        DataError: if there are too few sessions.
        TrainingError: if the device is not there, or no network trains.
        OutputError: if the run cannot be written.
    """
    with interrupted_training(
        runs_dir, experiment, histories, resume=resume, every=keep_every, tell=tell
    ) as keeper:
        with ExitStack() as until_written:

            def store(tables: Iterable[pd.DataFrame]) -> Path:
                try:
                    folder = temporary_folder(runs_dir, experiment.name)
                    path = until_written.enter_context(folder) / PREDICTIONS
                    write_predictions(tables, path)
                except OSError as error:
                    raise cannot_be_written(runs_dir, error) from error
                return path

            trained = _train(experiment, histories, observer, keeper, jobs, store)
            run = create_run(runs_dir, trained)
        trained = replace(trained, table=run.path / PREDICTIONS)
        if not trained.ensemble.interrupted:
            done(keeper)
    return run, trained


def settle(experiment: Experiment, histories: Sequence[PriceHistory]) -> Experiment:
    """Check an experiment before any training, and make the choices that it leaves open.

    Raises:
        ConfigError: for what does not exist or does not fit; listing all of it where that is more
            than one.
        ResourcesError: if training cannot fit into memory.
    """
    require_names(experiment)
    require_memory(experiment, sum(map(len, histories)), COLUMNS)
    from lstmcast.training import resolve_experiment

    return resolve_experiment(experiment, histories)


def _train(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    observer: "Observer | None",
    keeper: "Keeper | None" = None,
    jobs: int = 1,
    store: "Store | None" = None,
) -> "Trained":
    from lstmcast.training import SilentObserver, train_experiment

    members = baseline_members(experiment.model.pool.baselines)
    return train_experiment(
        experiment,
        histories,
        observer or SilentObserver(),
        members,
        keeper=keeper,
        jobs=jobs,
        store=store,
    )
