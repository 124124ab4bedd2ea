"""The network without its LSTM, under the calibration that the networks have.

It reads the model's own columns with the model's own kind of head, is fitted to all symbols
together, and is followed as the calibrated HAR is (`calibrated`): fitted on the rows before the
last two years, its ranges are followed through those years and then through the test. What the
networks say better than it, their LSTM says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.baselines.base import (
    BaselineForecast,
    BaselineInputs,
    PerSymbolForecast,
    PooledInputs,
    Refit,
    SymbolSource,
)
from lstmcast.baselines.calibrated import CALIBRATION_SESSIONS, alone
from lstmcast.baselines.network_inputs import feature_gap, network_inputs
from lstmcast.baselines.refit import pooled_fit_dates
from lstmcast.baselines.student_t import MIN_ROWS
from lstmcast.distributions import StudentTMixture
from lstmcast.errors import DataError

if TYPE_CHECKING:
    from lstmcast.training.linear import LinearModel
    from lstmcast.training.symbol_inputs import Reading, SymbolInputs


@dataclass(frozen=True)
class Linear:
    """A linear model of the network's inputs with the network's head, pooled and calibrated."""

    name: str = "linear"
    label: str = "linear, calibrated"
    prepares_quickly: bool = True

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs the model's features, and some rows before those that are followed."""
        if inputs.features is None or not inputs.features.shape[1]:
            return "has no features here"
        if gap := feature_gap(inputs, inputs.features):
            return gap
        begins = int(np.isfinite(inputs.features).all(axis=1).argmax())
        known = max(inputs.fit_rows - begins, 0)
        found = known - min(CALIBRATION_SESSIONS, known // 2) - 1
        if found >= MIN_ROWS:
            return None
        return (
            f"has {max(found, 0)} rows with features to fit before the test period; the linear "
            f"model needs {MIN_ROWS}"
        )

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin, of one symbol by itself."""
        return alone(self, inputs)

    def prepare(self, inputs: BaselineInputs, refit: Refit) -> PooledInputs:
        """What it reads of one symbol: it is fitted to all of them together."""
        return PooledInputs(replace(inputs, defaults=None), refit)

    def fitted(self, symbols: SymbolSource) -> "Fits":
        """Fit to all symbols, again as often as is asked for."""
        parts, readings = [], []
        refit: Refit = "never"
        for prepared, features in symbols:
            inputs, refit = prepared.inputs, prepared.refit
            bars = _closes(inputs.bars)
            reading = replace(
                network_inputs(inputs, inputs.features),
                dates=pd.DatetimeIndex(bars.index),
                closes=bars["close"].to_numpy(),
            )
            readings.append(reading.kept(features))
            parts.append(replace(inputs, features=None, bars=bars))
        return _fits(parts, readings, pooled_fit_dates(parts, refit))

    def before_calibration(self, fitted: "Fits", prepared: PooledInputs) -> PerSymbolForecast:
        """The forecasts of one symbol, each by the last fit that its origin may know."""
        inputs = prepared.inputs
        return _forecast(inputs, network_inputs(inputs, inputs.features), *fitted)


Fits = tuple[pd.DatetimeIndex, "list[LinearModel]"]
"""Models, and the session up to which each was fitted."""


def _closes(bars: pd.DataFrame) -> pd.DataFrame:
    """A copy of the closes alone.

    A view would keep the other columns in memory, and the index what it was searched by: together
    half a megabyte of each symbol, while all are fitted.
    """
    index = pd.DatetimeIndex(bars.index.to_numpy().copy(), name=bars.index.name)
    return pd.DataFrame({"close": bars["close"].to_numpy(np.float64).copy()}, index)


def _fits(
    inputs: Sequence[BaselineInputs],
    readings: Sequence["Reading"],
    cuts: Sequence[pd.Timestamp],
) -> Fits:
    """The models that are fitted in turn."""
    from lstmcast.training.device import give_back_freed_memory
    from lstmcast.training.linear import fit_linear, fitted_rows

    early = _calibration_start(readings, cuts[0])
    fits: list[pd.Timestamp] = []
    models: list[LinearModel] = []
    for cut in (early, *cuts):
        stops = _stops(inputs, cut, cuts[0])
        found = fitted_rows(readings, stops)
        if found < MIN_ROWS:
            if cut == early:
                continue
            raise DataError(
                f"has {found} rows to fit together with the other symbols, the linear model needs "
                f"{MIN_ROWS}",
                "use a longer history, or start the test period later",
            )
        fits.append(cut)
        begin = models[-1] if models else None
        models.append(fit_linear(readings, stops, inputs[0].horizons, begin))
        give_back_freed_memory()
    return pd.DatetimeIndex(fits), models


def _calibration_start(readings: Sequence["Reading"], first: pd.Timestamp) -> pd.Timestamp:
    """The session up to which the fit is made whose ranges are followed up to the first fit."""
    dates = pd.DatetimeIndex([])
    for reading in readings:
        dates = dates.union(reading.dates[reading.begins :])
    dates = dates[dates <= first]
    return pd.Timestamp(dates[len(dates) - min(CALIBRATION_SESSIONS, len(dates) // 2) - 1])


def _stops(inputs: Sequence[BaselineInputs], cut: pd.Timestamp, first: pd.Timestamp) -> list[int]:
    """For each symbol, where the rows end that a fit for origins from the session `cut` on may see.

    Of several symbols the day itself is left out: one may close after the other's origin.
    """
    side: Literal["left", "right"] = "right" if len(inputs) == 1 else "left"
    stops = [int(pd.DatetimeIndex(p.bars.index).searchsorted(cut, side=side)) for p in inputs]
    if cut > first:
        return stops
    return [min(stop, part.fit_rows) for stop, part in zip(stops, inputs, strict=True)]


def _forecast(
    inputs: BaselineInputs,
    reading: "SymbolInputs",
    fits: pd.DatetimeIndex,
    models: Sequence["LinearModel"],
) -> PerSymbolForecast:
    first = max(reading.begins, int(reading.dates.searchsorted(fits[0])))
    number: NDArray[np.intp] = fits.searchsorted(reading.dates[first:], side="right") - 1
    parts = []
    for k in np.unique(number):
        rows = first + np.flatnonzero(number == k)
        parts.append(models[k].forecast(reading, int(rows[0]), int(rows[-1]) + 1))
    return PerSymbolForecast(replace(inputs, features=None), first, StudentTMixture.stacked(parts))
