"""One experiment from price histories to a trained forecaster and its test forecasts."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.config import Experiment
from lstmcast.dataset import PanelInputs
from lstmcast.predictions import Actuals, tabulate
from lstmcast.prices.history import PriceHistory
from lstmcast.training.batches import DevicePanel
from lstmcast.training.device import resolve_device
from lstmcast.training.ensemble import FittedEnsemble, fit_ensemble
from lstmcast.training.forecaster import Forecaster, new_network
from lstmcast.training.loop import Observer
from lstmcast.training.objective import horizon_weights
from lstmcast.training.prepare import Prepared, prepare


@dataclass(frozen=True)
class Trained:
    """Everything that training an experiment produced.

    Args:
        prepared: the data, the settled experiment, the split.
        ensemble: the members with their records.
        forecaster: the members, ready to forecast.
        predictions: the prediction table of the test part.
        device: name of the device that was used.
        seconds: time spent on `prepare`, `fit` and `predict`.
    """

    prepared: Prepared
    ensemble: FittedEnsemble
    forecaster: Forecaster
    predictions: pd.DataFrame
    device: str
    seconds: dict[str, float]


def train_experiment(
    experiment: Experiment, histories: Sequence[PriceHistory], observer: Observer
) -> Trained:
    """Train the experiment's members and forecast its test part.

    Args:
        experiment: the configuration.
        histories: one per symbol, cut to the dates of the configuration.
        observer: told of every epoch.

    Raises:
        ConfigError, DataError: if the data do not fit the configuration.
        DeviceError: if the device is not there.
        DivergedError: if no member trained.
    """
    clock = [time.perf_counter()]
    device = resolve_device(experiment.training.device)
    prepared = prepare(experiment, histories)
    experiment = prepared.experiment
    panel = DevicePanel(
        prepared.inputs,
        prepared.targets,
        prepared.parts,
        settings=experiment.training,
        horizon_weights=horizon_weights(experiment.target.horizon),
        device=device,
    )
    clock.append(time.perf_counter())
    ensemble = fit_ensemble(
        lambda seed: new_network(experiment, panel.input_size, seed), panel, experiment, observer
    )
    clock.append(time.perf_counter())
    forecaster = Forecaster(
        experiment, prepared.scaling, [member.network for member in ensemble.members]
    )
    origins = {symbol: parts.test for symbol, parts in prepared.parts.items()}
    predictions = predict(forecaster, prepared.inputs, origins, prepared.boundaries.test_end)
    clock.append(time.perf_counter())
    spans = np.diff(clock)
    seconds = {
        name: round(float(span), 3)
        for name, span in zip(("prepare", "fit", "predict"), spans, strict=True)
    }
    return Trained(prepared, ensemble, forecaster, predictions, str(device), seconds)


def predict(
    forecaster: Forecaster,
    inputs: PanelInputs,
    origins: Mapping[str, NDArray[np.intp]],
    last: pd.Timestamp,
) -> pd.DataFrame:
    """The prediction table of the given origins, for outcomes up to the session `last`."""
    forecasts = forecaster.forecast(inputs, origins)
    tables = []
    for block, dates in zip(inputs.blocks, inputs.dates, strict=True):
        rows = int(dates.searchsorted(last, side="right"))
        actuals = Actuals(block.symbol, dates[:rows], inputs.closes[block.rows][:rows])
        tables.append(tabulate(actuals, origins[block.symbol], forecasts[block.symbol]))
    return pd.concat(tables, ignore_index=True)
