"""One experiment from price histories to a trained forecaster and its test forecasts."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
import torch

from lstmcast.config import Experiment, groups_of
from lstmcast.dataset import Parts
from lstmcast.dataset.panel import Block
from lstmcast.errors import DivergedError
from lstmcast.nn import HEADS, Network
from lstmcast.predictions import Actuals, tabulate
from lstmcast.prices.history import PriceHistory
from lstmcast.training.accelerator import choose_device, on_device
from lstmcast.training.device import in_threads, one_thread_each, resolve_device
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.ensemble import FittedEnsemble, fit_ensemble
from lstmcast.training.forecaster import ExternalMember, Forecaster, ForecastInputs
from lstmcast.training.group import Group, Origins
from lstmcast.training.kept import Keeper
from lstmcast.training.movement import Movement, movement
from lstmcast.training.objective import horizon_weights
from lstmcast.training.observers import Observer
from lstmcast.training.pooling import PoolReport, ValidationForecasts, weigh
from lstmcast.training.prepare import Prepared, prepare
from lstmcast.training.recipe import Recipe
from lstmcast.training.warm_start import warm_starts


@dataclass(frozen=True)
class Trained:
    """Everything that training an experiment produced.

    Args:
        prepared: the data, the resolved experiment, the split.
        ensemble: the networks of all groups with their records.
        forecaster: the members, ready to forecast.
        pool: what each member is worth on validation; None for point forecasts.
        predictions: the prediction table of the test part.
        device: name of the device that was used.
        seconds: time spent on `prepare`, `fit`, `pool` and `predict`.
        notes: which networks could not begin with the weights that they were given, and why.
        movements: what each group of networks began as, and how far it went.
    """

    prepared: Prepared
    ensemble: FittedEnsemble
    forecaster: Forecaster
    pool: PoolReport | None
    predictions: pd.DataFrame
    device: str
    seconds: dict[str, float]
    notes: tuple[str, ...] = ()
    movements: tuple[Movement, ...] = ()


def train_experiment(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    observer: Observer,
    external_members: Sequence[ExternalMember] = (),
    warm_start: Forecaster | None = None,
    keeper: Keeper | None = None,
) -> Trained:
    """Train the experiment's networks, pool them, and forecast its test part.

    Args:
        experiment: the configuration.
        histories: one per symbol, cut to the dates of the configuration.
        observer: told of every epoch.
        external_members: the baselines that `model.pool.baselines` names, in its order.
        warm_start: an earlier training, whose weights the networks begin with; it must not have
            seen sessions after this one's training part.
        keeper: where members are kept on the way, and go on from.

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
    initial, notes = warm_starts(warm_start, parts)
    clock.lap("prepare")
    with on_device(experiment.training, device):
        groups, ensemble = _fit(parts, initial, device, observer, keeper)
        clock.lap("fit")
        forecaster = Forecaster(prepared.experiment, groups, external_members)
        inputs = _inputs(parts, groups, histories)
        forecaster, pool = _pooled(forecaster, inputs, prepared)
        movements = _movements(parts, groups, ensemble, initial)
        clock.lap("pool")
        origins = {symbol: rows.test for symbol, rows in prepared.parts.items()}
        predictions = predict(forecaster, inputs, origins, prepared.boundaries.test_end)
        clock.lap("predict")
    return Trained(
        prepared,
        ensemble,
        forecaster,
        pool,
        predictions,
        str(device),
        clock.seconds,
        notes,
        movements,
    )


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
        experiment: the configuration.
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
    with on_device(experiment.training, device):
        groups, ensemble = _fit(parts, [[] for _ in parts], device, observer)
    if ensemble.interrupted:
        raise KeyboardInterrupt
    if ensemble.diverged:
        who = ", ".join(map(str, ensemble.diverged))
        raise DivergedError(f"the loss of member {who} stopped being finite")
    forecaster = Forecaster(parts[0].experiment, groups, external_members)
    with on_device(experiment.training, device):
        pool = _pooled(forecaster, _inputs(parts, groups, histories), parts[0])[1]
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
    parts = [prepare(part, histories) for part in groups_of(experiment)]
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


def _fit(
    parts: Sequence[Prepared],
    initial: Sequence[Sequence[Network]],
    device: torch.device,
    observer: Observer,
    keeper: Keeper | None = None,
) -> tuple[list[Group], FittedEnsemble]:
    """Train one group after the other; a variant none of whose networks trains is left out."""
    groups: list[Group] = []
    fitted: list[FittedEnsemble] = []
    diverged: list[int] = []
    failure: DivergedError | None = None
    first = 0
    for number, part in enumerate(parts):
        try:
            ensemble = _fit_group(part, initial[number], device, observer, first, keeper)
        except DivergedError as error:
            failure = error
            diverged += range(first, first + part.experiment.model.members)
        except KeyboardInterrupt:
            if not fitted:
                raise
            fitted[-1] = replace(fitted[-1], interrupted=True)
        else:
            groups.append(_group(part, ensemble, number))
            fitted.append(ensemble)
            diverged += ensemble.diverged
        if fitted and fitted[-1].interrupted:
            break
        first += part.experiment.model.members
    if not fitted:
        raise failure or KeyboardInterrupt
    members = [member for ensemble in fitted for member in ensemble.members]
    return groups, FittedEnsemble(members, diverged, fitted[-1].interrupted)


def _fit_group(
    part: Prepared,
    initial: Sequence[Network],
    device: torch.device,
    observer: Observer,
    first: int,
    keeper: Keeper | None,
) -> FittedEnsemble:
    experiment = part.experiment

    def recipe(parts: Mapping[str, Parts]) -> Recipe:
        return Recipe(
            experiment,
            DevicePanel(part, device, parts),
            first,
            initial,
            part.pretrained,
        )

    rows = [part.parts]
    if experiment.training.refit == "validation" and experiment.training.epochs:
        rows.append({symbol: parts.with_validation() for symbol, parts in part.parts.items()})
    threads = experiment.training.threads if device.type == "cpu" else 1
    recipe_once, *refit = in_threads(recipe, rows, threads)
    recipe_again = refit[0] if refit else None
    return fit_ensemble(recipe_once, experiment, observer, first, recipe_again, keeper)


def _group(part: Prepared, ensemble: FittedEnsemble, number: int) -> Group:
    refitted = [member.refitted for member in ensemble.members if member.refitted is not None]
    return Group(
        part.experiment,
        part.scaling,
        [member.network for member in ensemble.members],
        # Some members without, after Ctrl-C, and none is used: a pool is of one kind.
        refitted if len(refitted) == len(ensemble.members) else (),
        number,
    )


def _movements(
    parts: Sequence[Prepared],
    groups: Sequence[Group],
    ensemble: FittedEnsemble,
    initial: Sequence[Sequence[Network]],
) -> tuple[Movement, ...]:
    """What training made of each group."""
    firsts, first = [], 0
    for part in parts:
        firsts.append(first)
        first += part.experiment.model.members
    numbers = [member.records[0].member for member in ensemble.members]
    found = []
    with one_thread_each():
        for group in groups:
            own = numbers[: len(group.networks)]
            numbers = numbers[len(own) :]
            k = group.number
            found.append(movement(parts[k], group, own, initial[k], firsts[k]))
    return tuple(found)


def _pooled(
    forecaster: Forecaster, inputs: ForecastInputs, prepared: Prepared
) -> tuple[Forecaster, PoolReport | None]:
    """Give the forecaster its weights, and find what each member is worth on validation."""
    experiment = prepared.experiment
    if not HEADS[experiment.model.head].is_distribution:
        return forecaster, None
    # Where the loss is on the last step alone, a forecast needs a whole window before it.
    settings = experiment.training
    needed = 0 if settings.supervision == "every" else settings.lookback - 1
    origins = {
        symbol: rows.validation[rows.validation >= needed]
        for symbol, rows in prepared.parts.items()
    }
    origins = {symbol: rows for symbol, rows in origins.items() if len(rows)}
    if not origins:  # a short history, and nothing is trained
        return forecaster, None
    horizon = experiment.target.horizon
    members = forecaster.members(inputs, origins)
    actual = {
        block.symbol: Actuals(block.symbol, dates, inputs.closes[block.rows]).cumulative_returns(
            origins[block.symbol], horizon
        )
        for block, dates in zip(inputs.blocks, inputs.dates, strict=True)
        if block.symbol in origins
    }
    forecasts = ValidationForecasts(
        [members[symbol] for symbol in actual],
        list(actual.values()),
        horizon_weights(horizon).double().numpy(),
    )
    pool = experiment.model.pool
    weights, report = weigh(forecasts, forecaster.member_names(), pool.method, pool.floor)
    return replace(forecaster, weights=weights), report


def predict(
    forecaster: Forecaster, inputs: ForecastInputs, origins: Origins, last: pd.Timestamp
) -> pd.DataFrame:
    """The prediction table of the given origins, for outcomes up to the session `last`."""
    forecasts = forecaster.forecast(inputs, origins)

    def table(symbol: tuple[Block, pd.DatetimeIndex]) -> pd.DataFrame:
        block, dates = symbol
        rows = int(dates.searchsorted(last, side="right"))
        actuals = Actuals(block.symbol, dates[:rows], inputs.closes[block.rows][:rows])
        return tabulate(actuals, origins[block.symbol], forecasts[block.symbol])

    pairs = zip(inputs.blocks, inputs.dates, strict=True)
    symbols = [(block, dates) for block, dates in pairs if block.symbol in forecasts]
    tables = in_threads(table, symbols, forecaster.experiment.training.threads)
    return pd.concat(tables, ignore_index=True)
