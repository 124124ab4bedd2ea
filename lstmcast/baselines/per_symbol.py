"""All baselines on the rows of one symbol: fits, refits, and EWMA where a baseline cannot forecast.

This is the share of the work that a worker process takes (`runner` shares it out). A symbol that
one baseline cannot forecast, because it was listed lately or has closes alone, must not cost the
other symbols that baseline: a simpler one forecasts it instead, and the report says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from lstmcast.baselines.base import (
    Baseline,
    BaselineForecast,
    BaselineInputs,
    Columns,
    PerSymbolForecast,
    PooledBaseline,
    PooledInputs,
    Refit,
)
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.constant import Constant
from lstmcast.baselines.divergence import attempt, check_bounds, checked_forecast
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.random_walk import RandomWalk
from lstmcast.baselines.refit import refit_periods
from lstmcast.baselines.table import align, inputs_for, tabulate_forecast
from lstmcast.distributions import Distribution, FloatArray

_FALLBACKS: tuple[Baseline, ...] = (Ewma(), Constant(), RandomWalk())
"""Who forecasts where a baseline cannot, in order of preference."""

T = TypeVar("T")


@dataclass(frozen=True)
class BaselineResult(Generic[T]):
    """What a baseline forecast, and what to know about its fits."""

    table: T
    notes: tuple[str, ...]
    failure: str = ""
    """Why another baseline was used instead; empty where this one forecast itself."""
    fallback: str = ""
    """Label of the baseline used instead."""


@dataclass(frozen=True)
class SymbolTask(Generic[T]):
    """One symbol's share of the work; plain data, so that a worker process can take it."""

    baselines: tuple[Baseline, ...]
    table: pd.DataFrame
    bars: pd.DataFrame
    fit_end: pd.Timestamp | None
    features: pd.DataFrame | None
    market: str
    defaults: pd.DataFrame | None
    groups: tuple[str, ...]
    refit: Refit
    cache: FitCache | None
    then: Callable[[pd.DataFrame], T]


@dataclass(frozen=True)
class SymbolResults(Generic[T]):
    """What came of one symbol.

    Args:
        results: of each baseline that forecast it, or that another was used for.
        prepared: of pooled baselines, what the symbol contributes.
        absent: why a baseline has no forecast at all, not even a fallback's.
    """

    results: dict[str, BaselineResult[T]]
    prepared: dict[str, PerSymbolForecast | PooledInputs]
    absent: dict[str, str]


@dataclass(frozen=True)
class PooledForecast(Generic[T]):
    """A pooled baseline's forecast of one symbol, or why it has none."""

    baseline: PooledBaseline[Any]
    task: SymbolTask[T]
    inputs: BaselineInputs
    forecast: Distribution | None
    failure: str


def forecast_symbol(task: SymbolTask[T]) -> SymbolResults[T]:
    """Every baseline's rows of one symbol; pooled baselines are prepared only."""
    inputs = replace(
        inputs_for(task.table, task.bars, task.fit_end),
        features=_features_of(task),
        defaults=_defaults_of(task),
        cache=task.cache,
        market=task.market,
    )
    found: SymbolResults[T] = SymbolResults({}, {}, {})
    fallback: BaselineResult[T] | None = None
    for baseline in task.baselines:
        failure = _forecast_with(baseline, inputs, task, found)
        if failure:
            fallback = fallback or _fallback(inputs, task)
            _replace(baseline, fallback, f"{inputs.symbol} {failure}", found)
    return found


def tabulate_pooled(pooled: PooledForecast[T]) -> SymbolResults[T]:
    """The rows of a pooled baseline; a fallback's where it failed or diverged."""
    found: SymbolResults[T] = SymbolResults({}, {}, {})
    forecast, failure = pooled.forecast, pooled.failure
    if forecast is not None:
        _, failure = attempt(lambda: check_bounds(forecast, pooled.inputs))
    if forecast is None or failure:
        failure = f"{pooled.inputs.symbol} {failure}"
        _replace(pooled.baseline, _fallback(pooled.inputs, pooled.task), failure, found)
        return found
    table = tabulate_forecast(pooled.inputs, forecast)
    found.results[pooled.baseline.name] = _result(table, pooled.task, ())
    return found


def _replace(
    baseline: Baseline, fallback: BaselineResult[T] | None, failure: str, into: SymbolResults[T]
) -> None:
    """Put a fallback's forecasts in a baseline's place; without any, the baseline is absent."""
    if fallback is None:
        into.absent[baseline.name] = failure
    else:
        into.results[baseline.name] = replace(fallback, failure=failure)


def _forecast_with(
    baseline: Baseline, inputs: BaselineInputs, task: SymbolTask[T], into: SymbolResults[T]
) -> str:
    """Forecast one symbol with one baseline; returns why it cannot, worded to follow the symbol."""
    unable, failure = attempt(lambda: baseline.unable(inputs))
    if unable or failure:
        return unable or failure
    if isinstance(baseline, PooledBaseline):
        # The cache is of no more use, and would be sent between processes.
        uncached = replace(inputs, cache=None)
        prepared, failure = attempt(lambda: baseline.prepare(uncached, task.refit))
        if prepared is not None:
            into.prepared[baseline.name] = prepared
        return failure
    return _forecast_periods(baseline, inputs, task, into)


def _forecast_periods(
    baseline: Baseline, inputs: BaselineInputs, task: SymbolTask[T], into: SymbolResults[T]
) -> str:
    """Forecast each stretch of origins by its own fit; a fallback's where one of the fits fails."""
    parts, notes, failures = [], [], []
    periods = refit_periods(inputs, task.refit)
    for period in periods:
        forecast, failure = attempt(partial(checked_forecast, baseline, period))
        if forecast is None:
            failures.append(failure)
            if len(failures) == len(periods):
                return failures[0]
            forecast, label = _any_fallback(period)
            if forecast is None:
                return failure
            since = pd.Timestamp(inputs.bars.index[period.origins[0]])
            notes.append(
                f"{baseline.label}: {inputs.symbol} {failure}; "
                f"replaced by {label} from {since:%Y-%m-%d}"
            )
        parts.append(tabulate_forecast(period, forecast.distribution))
        notes += forecast.notes
    into.results[baseline.name] = _result(pd.concat(parts, ignore_index=True), task, notes)
    return ""


def _any_fallback(inputs: BaselineInputs) -> tuple[BaselineForecast | None, str]:
    """The forecast of the first fallback that can make one, and its label."""
    for baseline in _FALLBACKS:
        forecast, _ = attempt(partial(checked_forecast, baseline, inputs))
        if forecast is not None:
            return forecast, baseline.label
    return None, ""


def _fallback(inputs: BaselineInputs, task: SymbolTask[T]) -> BaselineResult[T] | None:
    """What replaces a baseline that cannot forecast a symbol; None where nothing can."""
    parts, labels = [], []
    for period in refit_periods(inputs, task.refit):
        forecast, label = _any_fallback(period)
        if forecast is None:
            return None
        parts.append(tabulate_forecast(period, forecast.distribution))
        labels.append(label)
    made = _result(pd.concat(parts, ignore_index=True), task, ())
    return replace(made, fallback=labels[0])


def _result(table: pd.DataFrame, task: SymbolTask[T], notes: Sequence[str]) -> BaselineResult[T]:
    """A symbol's rows in the order of the model's, after what is to be done with them."""
    return BaselineResult(
        task.then(align(table, task.table).set_axis(task.table.index)),
        tuple(dict.fromkeys(notes)),
    )


def _features_of(task: SymbolTask[T]) -> FloatArray | None:
    """Features on the rows of the bars, NaN before they begin."""
    if task.features is None:
        return None
    return task.features.reindex(task.bars.index).to_numpy(dtype=np.float64)


def _defaults_of(task: SymbolTask[T]) -> Columns | None:
    """Columns of the default groups on the rows of the bars, NaN before they begin."""
    if task.defaults is None:
        return None
    return Columns(
        tuple(str(name) for name in task.defaults.columns),
        task.groups,
        task.defaults.reindex(task.bars.index).to_numpy(dtype=np.float64),
    )
