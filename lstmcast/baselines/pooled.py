"""Baselines that learn from all symbols together: fitted, compared, calibrated, tabulated.

What concerns a symbol by itself is done by workers, one symbol at a time, and what they make of
many is kept on disk: it would fill a memory. Only the fit and the recursion of the calibration see
all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from lstmcast.baselines.base import PerSymbolForecast, PooledBaseline
from lstmcast.baselines.calibrated import series_of
from lstmcast.baselines.divergence import attempt, check_bounds
from lstmcast.baselines.per_symbol import (
    SymbolResults,
    Work,
    fallback_result,
    inputs_of,
    put_in_place,
    result_of,
)
from lstmcast.baselines.table import tabulate_forecast
from lstmcast.calibration import ForecastOutcomes, HalfWidths, IntervalFactors, recalibrated
from lstmcast.distributions import Distribution, FloatArray, StatedOnce
from lstmcast.shelf import Shelf

T = TypeVar("T")

Result = TypeVar("Result")


class InOrder(Protocol):
    """Shares out symbols."""

    def __call__(
        self, function: Callable[[Any, str], Result], common: object, symbols: Sequence[str], /
    ) -> Iterator[tuple[str, Result]]:
        """Each symbol and the function's result, in the order of the symbols."""
        ...


@dataclass(frozen=True)
class PooledWork(Generic[T]):
    """What the symbols' shares of a pooled baseline have in common.

    Args:
        work: on all baselines.
        baseline: the baseline.
        newest: the last session of any symbol's last forecast.
        forecasts: before calibration, by symbol.
        fitted: of `PooledBaseline.fitted`; None before that.
        factors: of the intervals, by market; None before that, and where there can be none.
        failure: why there are none.
    """

    work: Work[T]
    baseline: PooledBaseline[Any]
    newest: pd.Timestamp
    forecasts: Shelf[PerSymbolForecast]
    fitted: Any = None
    factors: Mapping[str, IntervalFactors] | None = None
    failure: str = ""

    def prepared(self, symbol: str) -> Any:
        """What a symbol contributes."""
        if not self.baseline.prepares_quickly:
            return self.work.prepared[f"{self.baseline.name}/{symbol}"]
        inputs = replace(inputs_of(self.work.task(symbol)), cache=None)
        return self.baseline.prepare(inputs, self.work.refit)

    def forecast(self, symbol: str) -> PerSymbolForecast:
        """A symbol's forecasts before calibration."""
        if symbol in self.forecasts:
            return self.forecasts[symbol]
        return self.baseline.before_calibration(self.fitted, self.prepared(symbol))


@dataclass(frozen=True)
class _Symbols:
    """What the symbols contribute, read when it is asked for; see `SymbolSource`."""

    pooled: PooledWork[Any]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Any:
        return self.pooled.prepared(self.names[number])

    def features(self, number: int) -> FloatArray:
        return self.pooled.work.features_of(self.names[number])


def learned(pooled: PooledWork[T], names: Sequence[str], in_order: InOrder) -> PooledWork[T]:
    """The same after what a baseline learns from all symbols, or with the reason why it cannot.

    Args:
        pooled: with nothing learned.
        names: of the symbols.
        in_order: shares out the symbols; within this process where the shelf is in its memory.
    """
    found, failure = attempt(lambda: _learned(pooled, names, in_order))
    return replace(pooled, failure=failure) if found is None else found


def _learned(pooled: PooledWork[T], names: Sequence[str], in_order: InOrder) -> PooledWork[T]:
    pooled = replace(pooled, fitted=pooled.baseline.fitted(_Symbols(pooled, names)))
    compared: list[ForecastOutcomes] = []
    markets: dict[str, None] = {}
    horizons = 0
    for name, one in in_order(_compare, pooled, names):
        pooled.forecasts.note(name)
        horizons = one.horizons
        markets[one.series.market] = None
        if len(one.dates):
            compared.append(one)
    factors = {market: IntervalFactors.learned(compared, horizons, market) for market in markets}
    return replace(pooled, factors=factors)


def _compare(pooled: PooledWork[T], symbol: str) -> ForecastOutcomes:
    """A symbol's forecasts beside what came true."""
    each = pooled.forecast(symbol)
    pooled.forecasts.put(symbol, each)
    series = series_of(each)
    rows = np.arange(each.first, int(series.dates.searchsorted(pooled.newest, side="right")))
    return ForecastOutcomes.of(series, rows, HalfWidths.of(each.at(rows)))


def tabulate_pooled(pooled: PooledWork[T], symbol: str) -> SymbolResults[T]:
    """The rows of a pooled baseline; a fallback's where it failed or diverged."""
    found: SymbolResults[T] = SymbolResults({}, {}, {})
    forecast, failure = None, pooled.failure
    if pooled.factors is not None:
        forecast, failure = attempt(lambda: _calibrated(pooled, symbol))
    task = pooled.work.task(symbol, columns=False)
    inputs = inputs_of(task)
    if forecast is not None and not failure:
        _, failure = attempt(lambda: check_bounds(forecast, inputs))
    if forecast is None or failure:
        inputs = replace(inputs, cache=None)
        put_in_place(pooled.baseline, fallback_result(inputs, task), f"{symbol} {failure}", found)
        return found
    table = tabulate_forecast(inputs, forecast, means=task.means)
    found.results[pooled.baseline.name] = result_of(table, task, ())
    return found


def _calibrated(pooled: PooledWork[T], symbol: str) -> Distribution:
    each = pooled.forecast(symbol)
    series, origins = series_of(each), each.inputs.origins
    factors = (pooled.factors or {})[series.market]
    return StatedOnce(recalibrated(StatedOnce(each.at(origins)), series, origins, factors))
