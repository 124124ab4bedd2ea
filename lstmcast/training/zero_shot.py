"""Zero-shot forecasts: the pretrained networks on prices that nothing was fitted to.

They have learned from simulated markets and know nothing of a symbol but the bars that they read,
so three months of prices are enough. `zero_shot_forecaster` is for one symbol, forecast by itself:
what is said of one does not depend on which others are asked for. Calibration tracks its ranges
through the history, as it does for a run's forecasts through validation and test.
`zero_shot_forecasts` is for many symbols at once, for the baseline `pretrained`; it alone loads
PyTorch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast.config import Data, Experiment, Model, SplitDates, Target, Training
from lstmcast.dataset import LogReturnTarget, Scaler, Scaling
from lstmcast.distributions import Distribution, StudentTMixture
from lstmcast.errors import DataError
from lstmcast.features import build_features, default_groups
from lstmcast.predictions import Actuals, tabulate
from lstmcast.pretraining.files import HEAD
from lstmcast.prices.findings import count
from lstmcast.prices.history import PriceHistory
from lstmcast.training.forecaster import Forecaster, tracked_from
from lstmcast.training.group import Graphs, Group

if TYPE_CHECKING:
    from lstmcast.nn import Network
    from lstmcast.pretraining.graph import PretrainedGraph
    from lstmcast.pretraining.weights import Pretrained
    from lstmcast.training.symbol_inputs import SymbolInputs

MIN_SESSIONS = 60
"""Sessions that a history needs."""

RECENT = 500
"""Newest sessions whose forecasts are looked at to tell how the ranges held."""


def zero_shot_forecaster(
    history: PriceHistory, horizon: int, pretrained: "Pretrained | PretrainedGraph | None" = None
) -> Forecaster:
    """The pretrained networks for one symbol, ready to forecast.

    Ranges are tracked as `forecaster.tracked_from` says.

    Args:
        history: at least `MIN_SESSIONS` sessions.
        horizon: sessions ahead, from 1 to 60.
        pretrained: the networks, or their graph; those that come with lstmcast, run by PyTorch, if
            None.

    Raises:
        DataError: if the history is shorter.
    """
    from lstmcast.pretraining.graph import PretrainedGraph

    if len(history) < MIN_SESSIONS:
        raise DataError(
            f"{history.symbol} has {count(len(history), 'session')}, and a forecast needs"
            f" {MIN_SESSIONS}",
            "fetch a longer history, or wait until there is one",
        )
    if pretrained is None:
        from lstmcast.pretraining.weights import shipped

        pretrained = shipped()
    features = default_groups([history])
    table = build_features(history, features).table
    columns = tuple(str(name) for name in table.columns)
    sessions = pd.DatetimeIndex(table.index)
    end = history.last + pd.Timedelta(days=1)
    tracked = sessions[min(tracked_from(sessions, end), len(sessions) - 1)]
    experiment = Experiment(
        name="zero-shot",
        data=Data(symbols=(history.symbol,), source=history.source),
        features=features,
        target=Target(horizon=horizon),
        split=SplitDates(train_end=tracked.date(), validation_end=end.date()),
        model=Model(head=HEAD),
        training=Training(epochs=0),
    )
    scaling = Scaling(columns, {history.symbol: Scaler(*pretrained.scaling(columns))}, "log_return")
    if isinstance(pretrained, PretrainedGraph):
        graphs = Graphs(len(pretrained.networks), pretrained.runner(columns, features), None)
        return Forecaster(experiment, [Group(experiment, scaling, [], graphs=graphs)])
    networks = [
        pretrained.network(number, columns, features, horizon)
        for number in range(len(pretrained.states))
    ]
    return Forecaster(experiment, [Group(experiment, scaling, networks)])


def tracked_forecasts(forecaster: Forecaster, history: PriceHistory) -> pd.DataFrame:
    """What a zero-shot forecaster said from the symbol's newest sessions, and what came true.

    Nothing was fitted to any of them, and each forecast knows what came before it alone.

    Args:
        forecaster: of `zero_shot_forecaster`.
        history: the same symbol's.

    Returns:
        The ranges of up to `RECENT` tracked sessions as a prediction table whose `mean` and
        `log_density` are null; empty where there are none.
    """
    return ahead_and_tracked(forecaster, history)[1]


def ahead_and_tracked(
    forecaster: Forecaster, history: PriceHistory
) -> tuple[Distribution, pd.DataFrame]:
    """The forecast from the newest session, `(1, horizons)`, and `tracked_forecasts`, in one pass.

    Args:
        forecaster: of `zero_shot_forecaster`.
        history: the same symbol's.
    """
    inputs = forecaster.inputs([history])
    (dates,) = inputs.dates
    first = int(dates.searchsorted(pd.Timestamp(forecaster.experiment.dates.train_end)))
    last = len(dates) - 1
    rows = np.arange(min(max(first, last - RECENT), last), last + 1)
    forecast = forecaster.forecast(inputs, {history.symbol: rows})[history.symbol]
    ahead = forecast.part(slice(-1, None))
    if len(rows) == 1:
        return ahead, pd.DataFrame()
    actuals = Actuals(history.symbol, dates, inputs.closes)
    before = forecast.part(slice(None, -1))
    return ahead, tabulate(actuals, rows[:-1], before, scored=False)


def zero_shot_forecasts(
    readings: "Sequence[SymbolInputs]",
    columns: Sequence[str],
    groups: Sequence[str],
    horizon: int,
    firsts: Sequence[int],
    pretrained: "Pretrained | None" = None,
) -> list[StudentTMixture]:
    """Forecast every symbol from a row on, one component for each network.

    The state begins with zeros where a symbol's features begin, as it does in a run.

    Args:
        readings: one per symbol, all with the same columns.
        columns: their names; those that the networks do not read are passed over.
        groups: feature groups that the columns belong to.
        horizon: sessions ahead.
        firsts: for each symbol, the row of its first forecast; it must not lie before its features.
        pretrained: the networks; those that come with lstmcast if None.
    """
    import torch

    from lstmcast.pretraining.weights import shipped
    from lstmcast.training.device import one_thread_each

    pretrained = pretrained or shipped()
    offset, factor = pretrained.scaling(columns)
    read = np.flatnonzero(np.isfinite(offset))
    names = [str(columns[int(k)]) for k in read]
    scaler = Scaler(offset[read], factor[read])
    networks = [
        pretrained.network(number, names, groups, horizon)
        for number in range(len(pretrained.states))
    ]
    with torch.inference_mode(), one_thread_each():
        return [
            _forecast(networks, reading, scaler.transform(reading.features[:, read]), first)
            for reading, first in zip(readings, firsts, strict=True)
        ]


def _forecast(
    networks: "Sequence[Network]", reading: "SymbolInputs", inputs: np.ndarray, first: int
) -> StudentTMixture:
    import torch

    from lstmcast.training.symbol_inputs import as_returns

    begins = reading.begins
    features = torch.from_numpy(inputs[begins:])
    scale = torch.from_numpy((LogReturnTarget().unit * reading.scale[begins:]).astype(np.float32))
    parts = [
        as_returns(network(features[None], scale[None])[0], first - begins) for network in networks
    ]
    return StudentTMixture(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("df", "loc", "scale")
        )
    )
