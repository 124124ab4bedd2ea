"""Forecasting a symbol at once: the pretrained networks, without any fitting.

They have learned from simulated markets and know nothing of this symbol but the bars that they
read, so three months of prices are enough. Calibration follows their ranges through the history,
as it does for a run's forecasts through validation and test. Each symbol is forecast by itself:
what is said of one does not depend on which others are asked for.
"""

from datetime import timedelta

import numpy as np
import pandas as pd

from lstmcast.config import Data, Experiment, Model, SplitDates, Target, Training
from lstmcast.dataset import Scaler, Scaling
from lstmcast.errors import DataError
from lstmcast.features import default_groups
from lstmcast.features.registry import build_features
from lstmcast.predictions import Actuals, tabulate
from lstmcast.pretraining.weights import HEAD, Pretrained, shipped
from lstmcast.prices.history import PriceHistory
from lstmcast.training.forecaster import Forecaster
from lstmcast.training.group import Group
from lstmcast.training.zero_shot import LONGEST, SETTLED

FEWEST = 60
"""Sessions that a history needs."""

RECENT = 500
"""Newest sessions whose forecasts are looked at to tell how the ranges held."""


def unfitted_forecaster(
    history: PriceHistory, horizon: int, pretrained: Pretrained | None = None
) -> Forecaster:
    """The pretrained networks for one symbol, ready to forecast.

    Ranges are followed from `SETTLED` rows after the features begin, over the last `LONGEST`
    sessions at the most.

    Args:
        history: at least `FEWEST` sessions.
        horizon: sessions ahead, from 1 to 60.
        pretrained: the networks; those that come with lstmcast if None.

    Raises:
        DataError: if the history is shorter.
    """
    if len(history) < FEWEST:
        raise DataError(
            f"{history.symbol} has {len(history)} sessions, and a forecast needs {FEWEST}",
            "fetch a longer history, or wait until there is one",
        )
    pretrained = pretrained or shipped()
    features = default_groups([history])
    table = build_features(history, features).table
    columns = tuple(str(name) for name in table.columns)
    sessions = pd.DatetimeIndex(table.index)
    followed = sessions[min(max(SETTLED, len(sessions) - 1 - LONGEST), len(sessions) - 1)]
    experiment = Experiment(
        name="unfitted",
        data=Data(symbols=(history.symbol,), source=history.source),
        features=features,
        target=Target(horizon=horizon),
        split=SplitDates(
            train_end=followed.date(), validation_end=history.last.date() + timedelta(days=1)
        ),
        model=Model(head=HEAD),
        training=Training(epochs=0),
    )
    networks = [
        pretrained.network(number, columns, features, horizon)
        for number in range(len(pretrained.states))
    ]
    scaling = Scaling(columns, {history.symbol: Scaler(*pretrained.scaling(columns))}, "log_return")
    return Forecaster(experiment, [Group(experiment, scaling, networks)])


def followed_forecasts(forecaster: Forecaster, history: PriceHistory) -> pd.DataFrame:
    """What an unfitted forecaster said from the symbol's newest sessions, and what came true.

    Nothing was fitted to any of them, and each forecast knows what came before it alone.

    Args:
        forecaster: of `unfitted_forecaster`.
        history: the same symbol's.

    Returns:
        The prediction table of up to `RECENT` followed sessions; empty where there are none.
    """
    inputs = forecaster.inputs([history])
    (dates,) = inputs.dates
    first = int(dates.searchsorted(pd.Timestamp(forecaster.experiment.dates.train_end)))
    rows = np.arange(max(first, len(dates) - 1 - RECENT), len(dates) - 1)
    if not len(rows):
        return pd.DataFrame()
    forecast = forecaster.forecast(inputs, {history.symbol: rows})[history.symbol]
    return tabulate(Actuals(history.symbol, dates, inputs.closes), rows, forecast)
