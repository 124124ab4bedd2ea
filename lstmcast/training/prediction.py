"""Pooling trained members by their validation forecasts, and forecasting a table of origins."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import pandas as pd

from lstmcast.distributions import Distribution
from lstmcast.nn import HEADS
from lstmcast.predictions import Actuals, tabulate
from lstmcast.training.device import available_threads, in_threads
from lstmcast.training.forecaster import Forecaster, ForecastInputs
from lstmcast.training.group import Origins
from lstmcast.training.objective import horizon_weights
from lstmcast.training.pooling import PoolReport, ValidationForecasts, weigh
from lstmcast.training.prepare import Prepared


def pool_members(
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
    actual = {
        block.symbol: Actuals(block.symbol, dates, inputs.closes[block.rows]).cumulative_returns(
            origins[block.symbol], horizon
        )
        for block, dates in zip(inputs.blocks, inputs.dates, strict=True)
        if block.symbol in origins
    }
    forecasts = ValidationForecasts(
        (forecaster.members(inputs, {symbol: origins[symbol]})[symbol] for symbol in actual),
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
    return pd.concat(predict_each(forecaster, inputs, origins, last), ignore_index=True)


def predict_each(
    forecaster: Forecaster, inputs: ForecastInputs, origins: Origins, last: pd.Timestamp
) -> Iterator[pd.DataFrame]:
    """Like `predict`, the table of one symbol after the other: only a few are ever in memory."""
    places = {
        block.symbol: (block, dates)
        for block, dates in zip(inputs.blocks, inputs.dates, strict=True)
    }

    def table(item: tuple[str, Distribution]) -> pd.DataFrame:
        symbol, forecast = item
        block, dates = places[symbol]
        rows = int(dates.searchsorted(last, side="right"))
        actuals = Actuals(symbol, dates[:rows], inputs.closes[block.rows][:rows])
        return tabulate(actuals, origins[symbol], forecast)

    forecasts = forecaster.forecast_each(
        inputs, {symbol: origins[symbol] for symbol in places if symbol in origins}
    )
    threads = available_threads(forecaster.experiment.training.threads)
    while some := list(islice(forecasts, threads)):
        yield from in_threads(table, some, threads)
