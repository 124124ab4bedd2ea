"""Baselines that learn from all symbols together: fitted, compared, calibrated, tabulated.

What concerns a symbol by itself is done by workers, one symbol at a time, and what they make of
many is kept on disk: it would fill a memory. Only the fit and the recursion of the calibration see
all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

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
    prepared_for,
    put_in_place,
    result_of,
)
from lstmcast.baselines.table import tabulate_forecast
from lstmcast.calibration import ForecastOutcomes, HalfWidths, IntervalFactors, recalibrated
from lstmcast.distributions import Distribution, FloatArray, StatedOnce
from lstmcast.shelf import Shelf

T = TypeVar("T")


class PooledFit(NamedTuple):
    """Whether a pooled baseline could be fitted.

    Args:
        fitted: of `PooledBaseline.fitted`; None where that is kept elsewhere, or the fit failed.
        failure: why it did.
    """

    fitted: Any
    failure: str


@dataclass(frozen=True)
class PooledWork(Generic[T]):
    """What the symbols' shares of a pooled baseline have in common.

    Args:
        work: on all baselines.
        baseline: the baseline.
        newest: the last session of any symbol's last forecast.
        forecasts: before calibration, by symbol.
        factors: of the intervals, by market; None before that, and where there can be none.
        failure: why there are none, or no fit.
    """

    work: Work[T]
    baseline: PooledBaseline[Any]
    newest: pd.Timestamp
    forecasts: Shelf[PerSymbolForecast]
    factors: Mapping[str, IntervalFactors] | None = None
    failure: str = ""

    def prepared(self, symbol: str) -> Any:
        """What a symbol contributes."""
        if not self.baseline.prepares_quickly:
            return self.work.prepared[f"{self.baseline.name}/{symbol}"]
        return prepared_for(self.baseline, inputs_of(self.work.task(symbol)), self.work.refit)

    def forecast(self, symbol: str) -> PerSymbolForecast:
        """A symbol's forecasts before calibration."""
        if symbol in self.forecasts:
            return self.forecasts[symbol]
        return self.baseline.before_calibration(
            self.work.fits[self.baseline.name], self.prepared(symbol)
        )


def fit_at_once(work: Work[Any], baseline: PooledBaseline[Any]) -> PooledFit:
    """Fit a baseline that prepares quickly to all symbols that it can forecast."""
    fitted, failure = attempt(lambda: baseline.fitted(_able(work, baseline)))
    if failure or work.fits.folder is None:
        return PooledFit(fitted, failure)
    # The command's own process need not load what fits are made of: PyTorch takes seconds.
    work.fits.put(baseline.name, fitted)
    return PooledFit(None, "")


def fit_prepared(
    work: Work[Any], baseline: PooledBaseline[Any], symbols: Sequence[str]
) -> PooledFit:
    """Fit a baseline to what was prepared and kept of some symbols."""
    kept = (
        (work.prepared[f"{baseline.name}/{symbol}"], partial(work.features_of, symbol))
        for symbol in symbols
    )
    return PooledFit(*attempt(lambda: baseline.fitted(kept)))


def _able(
    work: Work[Any], baseline: PooledBaseline[Any]
) -> Iterator[tuple[Any, Callable[[], FloatArray]]]:
    """What the symbols contribute that the baseline can forecast; see `SymbolSource`."""
    for symbol in work.tables:
        inputs = inputs_of(work.task(symbol))
        unable, failure = attempt(partial(baseline.unable, inputs))
        if not unable and not failure:
            prepared, failure = attempt(partial(prepared_for, baseline, inputs, work.refit))
            if not failure:
                yield prepared, partial(work.features_of, symbol)


def compare(
    baselines: Sequence[PooledWork[Any]], share: tuple[int, str]
) -> tuple[ForecastOutcomes | None, str]:
    """A symbol's forecasts by one of the baselines beside what came true, or why there are none."""
    number, symbol = share
    pooled = baselines[number]
    if pooled.failure:
        return None, pooled.failure
    return attempt(lambda: _compare(pooled, symbol))


def _compare(pooled: PooledWork[Any], symbol: str) -> ForecastOutcomes:
    each = pooled.forecast(symbol)
    pooled.forecasts.put(symbol, each)
    series = series_of(each)
    rows = np.arange(each.first, int(series.dates.searchsorted(pooled.newest, side="right")))
    return ForecastOutcomes.of(series, rows, HalfWidths.of(each.at(rows)))


def with_factors(
    pooled: PooledWork[T], compared: Mapping[str, tuple[ForecastOutcomes | None, str]]
) -> PooledWork[T]:
    """The same with the factors of its intervals, or with the reason why there are none.

    Args:
        pooled: without factors.
        compared: what `compare` said of each symbol.
    """
    outcomes = [one for one, _ in compared.values() if one is not None]
    failure = next((failure for _, failure in compared.values() if failure), "")
    if not failure:
        factors, failure = attempt(lambda: _factors(outcomes))
    if failure:
        return replace(pooled, failure=failure)
    for symbol in compared:
        pooled.forecasts.note(symbol)
    return replace(pooled, factors=factors)


def _factors(compared: Sequence[ForecastOutcomes]) -> dict[str, IntervalFactors]:
    markets = dict.fromkeys(one.series.market for one in compared)
    horizons = compared[-1].horizons
    followed = [one for one in compared if len(one.dates)]
    return {market: IntervalFactors.learned(followed, horizons, market) for market in markets}


def tabulate_pooled(baselines: Sequence[PooledWork[T]], share: tuple[int, str]) -> SymbolResults[T]:
    """The rows of one of the baselines; a fallback's where it failed or diverged."""
    number, symbol = share
    pooled = baselines[number]
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
