"""One experiment from price histories to a trained forecaster and its test forecasts."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from lstmcast.config import Experiment
from lstmcast.errors import DivergedError
from lstmcast.predictions import read_predictions
from lstmcast.prices.history import PriceHistory
from lstmcast.training.accelerator import choose_device, on_device
from lstmcast.training.device import available_threads, give_back_freed_memory, resolve_device
from lstmcast.training.ensemble import FittedEnsemble
from lstmcast.training.fitting import fit_groups, movements
from lstmcast.training.forecaster import ExternalMember, Forecaster, ForecastInputs
from lstmcast.training.group import Group
from lstmcast.training.kept import Keeper
from lstmcast.training.movement import Movement
from lstmcast.training.observers import Observer, SilentObserver
from lstmcast.training.panel_home import choose_home
from lstmcast.training.pooling import PoolReport
from lstmcast.training.prediction import pool_members, predict_each
from lstmcast.training.prepare import Prepared, prepare_groups
from lstmcast.training.warm_start import warm_starts


@dataclass(frozen=True)
class Trained:
    """Everything that training an experiment produced.

    Args:
        prepared: the data, the resolved experiment, the split.
        histories: the prices that it was trained on.
        ensemble: the networks of all groups with their records.
        forecaster: the members, ready to forecast.
        pool: what each member is worth on validation; None for point forecasts.
        table: the prediction table of the test part, or the Parquet file that holds it.
        device: name of the device that was used.
        panel: where the rows were kept, and why; empty where the device shares the host's memory.
        threads: CPU threads that were used.
        seconds: time spent on `prepare`, `fit`, `pool` and `predict`.
        notes: which networks could not begin with the weights that they were given, and why.
        movements: what each group of networks began as, and how far it went; empty where that was
            not asked for.
    """

    prepared: Prepared
    histories: tuple[PriceHistory, ...]
    ensemble: FittedEnsemble
    forecaster: Forecaster
    pool: PoolReport | None
    table: pd.DataFrame | Path
    device: str
    threads: int
    seconds: dict[str, float]
    panel: str = ""
    notes: tuple[str, ...] = ()
    movements: tuple[Movement, ...] = ()

    @property
    def predictions(self) -> pd.DataFrame:
        """The prediction table of the test part."""
        return read_predictions(self.table) if isinstance(self.table, Path) else self.table

    @property
    def test_days(self) -> int:
        """Sessions at whose close a forecast was made that has come true."""
        if isinstance(self.table, Path):
            origins = pd.read_parquet(self.table, columns=["origin"])
        else:
            origins = self.table
        return int(origins["origin"].nunique())


Store = Callable[[Iterable[pd.DataFrame]], Path]
"""Writes the tables of the symbols to a file, as they are made."""


def train_experiment(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    observer: Observer,
    external_members: Sequence[ExternalMember] = (),
    warm_start: Forecaster | None = None,
    keeper: Keeper | None = None,
    jobs: int = 1,
    store: Store | None = None,
    *,
    moved: bool = True,
) -> Trained:
    """Train the experiment's networks, pool them, and forecast its test part.

    Args:
        experiment: resolved (`lstmcast.training.resolve_experiment`).
        histories: one per symbol, cut to the dates of the configuration.
        observer: told of every epoch.
        external_members: the baselines that `model.pool.baselines` names, in its order.
        warm_start: an earlier training, whose weights the networks begin with; it must not have
            seen sessions after this one's training part.
        keeper: where members are kept on the way, and go on from.
        jobs: worker processes that train members on CPUs; 1 trains them here, in threads, and 0
            takes as many as the cores give each network its threads. The weights are the same.
        store: puts the forecasts into a file, where they would fill the memory.
        moved: whether to measure how far the networks moved, which takes forecasts of them as
            they began.

    Raises:
        ConfigError, DataError: if the data do not fit the configuration.
        DeviceError: if the device is not there, or has too little memory.
        DivergedError: if no member trained.
    """
    clock = _Clock()
    resolve_device(experiment.training.device)  # fails before the data are prepared
    parts = _prepared(experiment, histories, external_members)
    prepared = parts[0]
    device = choose_device(experiment.training, parts)
    home = choose_home(parts, device)
    initial, notes = warm_starts(warm_start, parts)
    give_back_freed_memory()
    clock.lap("prepare")
    with on_device(experiment, device):
        groups, ensemble = fit_groups(parts, initial, home, observer, keeper, jobs)
        give_back_freed_memory()
        clock.lap("fit")
        forecaster = Forecaster(prepared.experiment, groups, external_members)
        inputs = _inputs(parts, groups, histories)
        forecaster, pool = pool_members(forecaster, inputs, prepared)
        went = movements(parts, groups, ensemble, initial) if moved else ()
        clock.lap("pool")
        origins = {symbol: rows.test for symbol, rows in prepared.parts.items()}
        tables = predict_each(forecaster, inputs, origins, prepared.boundaries.test_end)
        table = store(tables) if store else pd.concat(tables, ignore_index=True)
        clock.lap("predict")
    return Trained(
        prepared=prepared,
        histories=tuple(histories),
        ensemble=ensemble,
        forecaster=forecaster,
        pool=pool,
        table=table,
        device=str(device),
        panel=home.line,
        threads=available_threads(experiment.training.threads),
        seconds=clock.seconds,
        notes=notes,
        movements=went,
    )


def follow_training(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    external_members: Sequence[ExternalMember] = (),
) -> bool:
    """Train an experiment's networks together with the process that writes the run.

    Args:
        experiment: resolved (`lstmcast.training.resolve_experiment`).
        histories: one per symbol, cut to the dates of the configuration.
        external_members: the baselines that `model.pool.baselines` names, in its order.

    Returns:
        Whether training was cut short from outside.

    Raises:
        TrainingError: also if one of the other processes ends.
    """
    parts = _prepared(experiment, histories, external_members)
    device = choose_device(experiment.training, parts)
    home = choose_home(parts, device)
    with on_device(experiment, device):
        _, ensemble = fit_groups(parts, [[] for _ in parts], home, SilentObserver())
    return ensemble.interrupted


def validation_loss(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    observer: Observer,
    external_members: Sequence[ExternalMember] = (),
) -> float:
    """What an experiment is worth on its validation part, for choosing between experiments.

    Networks are trained as in `train_experiment`, but not again with the validation part, and
    nothing is forecast of the test part.

    Args:
        experiment: resolved (`lstmcast.training.resolve_experiment`).
        histories: one per symbol, cut to the dates of the configuration.
        observer: told of every epoch; what it raises ends the training and is passed on.
        external_members: the baselines that `model.pool.baselines` names, in its order.

    Returns:
        The pool's mean negative log density of the return in % over validation rows; of a point
        forecast the networks' mean validation loss. Lower is better.

    Raises:
        ConfigError, DataError: if the data do not fit the configuration.
        DeviceError: if the device is not there, or has too little memory.
        DivergedError: if a member did not train, or the loss is not finite: a pool of fewer is
            another experiment.
        KeyboardInterrupt: on Ctrl-C, also where networks were trained for some epochs.
    """
    once = experiment.training.model_copy(update={"refit": "none"})
    experiment = experiment.model_copy(update={"training": once})
    resolve_device(experiment.training.device)  # fails before the data are prepared
    parts = _prepared(experiment, histories, external_members)
    device = choose_device(experiment.training, parts)
    home = choose_home(parts, device)
    with on_device(experiment, device):
        groups, ensemble = fit_groups(parts, [[] for _ in parts], home, observer)
    if ensemble.interrupted:
        raise KeyboardInterrupt
    if ensemble.diverged:
        who = ", ".join(map(str, ensemble.diverged))
        raise DivergedError(f"the loss of member {who} stopped being finite")
    forecaster = Forecaster(parts[0].experiment, groups, external_members)
    with on_device(experiment, device):
        pool = pool_members(forecaster, _inputs(parts, groups, histories), parts[0])[1]
    kept = [r.validation_loss for member in ensemble.members for r in member.records if r.kept]
    loss = sum(kept) / len(kept) if pool is None else pool.log_score
    if not math.isfinite(loss):
        raise DivergedError("the validation loss is not finite")
    return loss


def _prepared(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    external_members: Sequence[ExternalMember],
) -> list[Prepared]:
    """The data of each group, after a check that the external members can forecast them."""
    parts = prepare_groups(experiment, histories)
    prepared = parts[0]
    for member in external_members:
        for history in histories:
            member.check(history, prepared.experiment.target.horizon, prepared.boundaries.train_end)
    return parts


def _inputs(
    parts: Sequence[Prepared], groups: Sequence[Group], histories: Sequence[PriceHistory]
) -> ForecastInputs:
    return ForecastInputs(
        tuple(parts[group.number].inputs for group in groups),
        {history.symbol: history for history in histories},
    )


@dataclass
class _Clock:
    """Seconds between laps."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = round(now - self.last, 3)
        self.last = now
