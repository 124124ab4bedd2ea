"""A baseline's prediction table over exactly the rows of a given prediction table."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from lstmcast.baselines.base import Baseline, BaselineInputs
from lstmcast.distributions import Distribution, FloatArray
from lstmcast.errors import DataError, RunError
from lstmcast.predictions import COLUMNS, Actuals, tabulate

_KEY = ["symbol", "origin", "horizon"]
_TRUTH = ["date", "close_origin", "close_actual", "return_actual"]

RETURN_TOLERANCE = 1e-6
"""Largest difference of a log return between a run's table and today's prices."""


def inputs_for(
    table: pd.DataFrame, bars: pd.DataFrame, fit_end: pd.Timestamp | None = None
) -> BaselineInputs:
    """What a baseline may see to forecast the rows of one symbol.

    Args:
        table: prediction rows of one symbol.
        bars: its adjusted bars, which must hold every origin and date of the table.
        fit_end: last session that a fit may use; by default the first origin, so that a
            baseline knows exactly what was known when the first forecast was made.

    Raises:
        RunError: if the bars lack a session of the table, or no longer show its returns.
        DataError: if `fit_end` comes after the first origin.
    """
    symbol = str(table["symbol"].iloc[0])
    sessions = pd.DatetimeIndex(bars.index)
    origins = np.unique(_rows_of(sessions, table["origin"], symbol))
    check_truth(table, bars, symbol)
    fit_rows = int(origins[0]) + 1
    if fit_end is not None:
        last = int(sessions.searchsorted(fit_end, side="right"))
        if last > fit_rows:
            raise DataError(
                f"`fit_end` {fit_end:%Y-%m-%d} of {symbol} comes after the first origin "
                f"{sessions[origins[0]]:%Y-%m-%d}",
                "a baseline may only be fitted on rows before the test period",
            )
        fit_rows = last
    return BaselineInputs(
        symbol=symbol,
        bars=bars,
        fit_rows=fit_rows,
        origins=origins.astype(np.intp),
        horizons=int(table["horizon"].max()),
    )


def baseline_table(
    baseline: Baseline,
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    fit_end: Mapping[str, pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """Forecast with a baseline on the very rows of `predictions`, in the same order.

    Args:
        baseline: the forecaster.
        predictions: prediction table of the model, of any number of symbols.
        bars: adjusted bars of each symbol.
        fit_end: last session of each symbol that a fit may use; see `inputs_for`.

    Raises:
        RunError: if the bars do not hold the rows of the table.
    """
    parts = []
    for symbol, table in predictions.groupby("symbol", sort=False):
        name = str(symbol)
        inputs = inputs_for(table, bars[name], None if fit_end is None else fit_end[name])
        parts.append(tabulate_inputs(baseline, inputs)[0])
    return align(pd.concat(parts, ignore_index=True), predictions)


def tabulate_inputs(
    baseline: Baseline, inputs: BaselineInputs
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Prediction rows of one symbol by one baseline, and the notes on its fit."""
    forecast = baseline.forecast(inputs)
    return tabulate_forecast(inputs, forecast.distribution), forecast.notes


def tabulate_forecast(
    inputs: BaselineInputs, distribution: Distribution, *, means: bool = True
) -> pd.DataFrame:
    """Prediction rows of one symbol from the forecasts of its origins, with or without means."""
    closes: FloatArray = inputs.bars["close"].to_numpy(dtype=np.float64)
    actuals = Actuals(inputs.symbol, pd.DatetimeIndex(inputs.bars.index), closes)
    return tabulate(actuals, inputs.origins, distribution, means=means)


def align(table: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Bring a baseline's rows into the order of the model's, with the model's truth columns.

    Closes may have been re-based by a dividend since the run; its own are kept, so that every
    forecaster is scored against the same numbers.

    Raises:
        RunError: if a row is missing or repeated.
    """
    aligned = table if _same_rows(table, predictions) else _in_order(table, predictions)
    truth = {name: predictions[name].to_numpy() for name in _TRUTH}
    return aligned.assign(**truth)[list(COLUMNS)]


def _same_rows(table: pd.DataFrame, predictions: pd.DataFrame) -> bool:
    """Whether two tables name the same rows in the same order, as they mostly do."""
    return len(table) == len(predictions) and all(
        np.array_equal(table[name].to_numpy(), predictions[name].to_numpy()) for name in _KEY
    )


def _in_order(table: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table in the order of another."""
    wanted = pd.MultiIndex.from_frame(predictions[_KEY])
    found = table.set_index(_KEY)
    if wanted.has_duplicates:
        raise RunError(
            "the run's predictions repeat a row (symbol, origin, horizon)",
            "train the run again with `lstmcast train --config`",
        )
    missing = wanted[~wanted.isin(found.index)]
    if len(missing):
        raise RunError(
            f"{len(missing)} of {len(wanted)} predictions have no row in the stored prices, "
            f"first {missing[0][0]} {missing[0][1]:%Y-%m-%d}",
            "fetch the symbols again with `lstmcast fetch --full`",
        )
    return found.loc[wanted].reset_index()


def _rows_of(
    sessions: pd.DatetimeIndex, dates: "pd.Series[pd.Timestamp]", symbol: str
) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    rows = sessions.get_indexer(pd.DatetimeIndex(dates))
    absent = rows < 0
    if absent.any():
        first = pd.DatetimeIndex(dates)[absent][0]
        raise RunError(
            f"the stored prices of {symbol} have no session on {first:%Y-%m-%d}, the run has",
            f"fetch them again with `lstmcast fetch {symbol}`, or train the run again",
        )
    return rows


def check_truth(table: pd.DataFrame, bars: pd.DataFrame, symbol: str) -> None:
    """Compare the run's returns with today's bars: a revision would score unequal truths.

    Args:
        table: prediction rows of one symbol.
        bars: its adjusted bars as they are stored now.
        symbol: its name, for the message.

    Raises:
        RunError: if the bars lack a session or give another return.
    """
    sessions = pd.DatetimeIndex(bars.index)
    log_close = np.log(bars["close"].to_numpy(dtype=np.float64))
    ahead = log_close[_rows_of(sessions, table["date"], symbol)]
    here = log_close[_rows_of(sessions, table["origin"], symbol)]
    gap = np.abs(ahead - here - table["return_actual"].to_numpy(dtype=np.float64))
    if np.nanmax(gap, initial=0.0) > RETURN_TOLERANCE:
        worst = table.iloc[int(np.nanargmax(gap))]
        raise RunError(
            f"the stored prices of {symbol} have changed since the run: the return to "
            f"{worst['date']:%Y-%m-%d} differs by {np.nanmax(gap):.2g}",
            "train the run again with `lstmcast train --config` on the prices as they are now",
        )
