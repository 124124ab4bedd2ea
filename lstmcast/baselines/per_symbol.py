"""All baselines on the rows of one symbol: fits, refits, and EWMA where a baseline cannot forecast.

This is the share of the work that a worker process takes (`runner` shares it out). A symbol that
one baseline cannot forecast, because it was listed lately or has closes alone, must not cost the
other symbols that baseline: a simpler one forecasts it instead, and the report says so.
"""

from collections.abc import Callable, Mapping, Sequence
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
from lstmcast.baselines.divergence import attempt, check_bounds
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.random_walk import RandomWalk
from lstmcast.baselines.refit import refit_periods
from lstmcast.baselines.table import align, inputs_for, tabulate_forecast
from lstmcast.distributions import FloatArray, StatedOnce
from lstmcast.prices.closing import market_of
from lstmcast.shelf import Shelf

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
    means: bool


@dataclass(frozen=True)
class Work(Generic[T]):
    """What the work on all symbols has in common; a worker process takes a symbol's share of it.

    Args:
        baselines: the forecasters.
        tables: by symbol, the model's prediction rows.
        bars: by symbol, adjusted bars.
        features: by symbol, the model's causal features; None where there are none.
        markets: by symbol, who closes together; by its ticker where not given.
        fit_end: by symbol, the last session that the first fit may use.
        defaults: by symbol, the columns of the default feature groups.
        groups: which these are.
        refit: when baselines are fitted.
        cache: where slow fits are kept.
        then: applied to each table of a baseline.
        itself: applied to the model's own.
        means: whether tables state means.
        prepared: what is prepared for pooled baselines is kept here.
        fits: of pooled baselines, by name.
    """

    baselines: tuple[Baseline, ...]
    tables: Mapping[str, pd.DataFrame]
    bars: Mapping[str, pd.DataFrame]
    features: Mapping[str, pd.DataFrame] | None
    markets: Mapping[str, str] | None
    fit_end: Mapping[str, pd.Timestamp] | None
    defaults: Mapping[str, pd.DataFrame]
    groups: tuple[str, ...]
    refit: Refit
    cache: FitCache | None
    then: Callable[[pd.DataFrame], T]
    itself: Callable[[pd.DataFrame], T] | None
    means: bool
    prepared: Shelf[Any]
    fits: Shelf[Any]

    def task(self, symbol: str, *, columns: bool = True) -> SymbolTask[T]:
        """One symbol's share, with its features or without."""
        bars = self.bars[symbol]
        market = (
            market_of(symbol, None, pd.DatetimeIndex(bars.index))
            if self.markets is None
            else self.markets[symbol]
        )
        features = defaults = None
        if columns:
            features = None if self.features is None else self.features[symbol]
            same = self.defaults is self.features
            defaults = features if same else self.defaults.get(symbol)
        return SymbolTask(
            baselines=self.baselines,
            table=self.tables[symbol],
            bars=bars,
            fit_end=None if self.fit_end is None else self.fit_end[symbol],
            features=features,
            market=market,
            defaults=defaults,
            groups=self.groups,
            refit=self.refit,
            cache=self.cache,
            then=self.then,
            means=self.means,
        )

    def features_of(self, symbol: str) -> FloatArray:
        """A symbol's features on the rows of its bars, NaN before they begin."""
        if self.features is None:
            raise TypeError("the work has no features")
        return _on_rows(self.features[symbol], self.bars[symbol])


@dataclass(frozen=True)
class SymbolResults(Generic[T]):
    """What came of one symbol.

    Args:
        results: of each baseline that forecast it, or that another was used for.
        prepared: of pooled baselines, what the symbol contributes; None where that is kept
            elsewhere, or soon prepared again.
        absent: why a baseline has no forecast at all, not even a fallback's.
        itself: what was made of the model's own table.
        last: the last session at whose close it was forecast.
    """

    results: dict[str, BaselineResult[T]]
    prepared: dict[str, PerSymbolForecast | PooledInputs | None]
    absent: dict[str, str]
    itself: T | None = None
    last: pd.Timestamp | None = None


def forecast_symbol(work: Work[T], symbol: str) -> SymbolResults[T]:
    """Every baseline's rows of one symbol; pooled baselines are prepared only."""
    task = work.task(symbol)
    inputs = inputs_of(task)
    last = pd.Timestamp(inputs.bars.index[inputs.origins.max()])
    itself = None if work.itself is None else work.itself(task.table)
    found: SymbolResults[T] = SymbolResults({}, {}, {}, itself, last)
    fallback: BaselineResult[T] | None = None
    for baseline in task.baselines:
        failure = _forecast_with(baseline, inputs, task, found)
        if failure:
            fallback = fallback or fallback_result(inputs, task)
            put_in_place(baseline, fallback, f"{inputs.symbol} {failure}", found)
    for name, prepared in found.prepared.items():
        if prepared is not None and work.prepared.folder is not None:
            work.prepared.put(f"{name}/{symbol}", prepared)
            found.prepared[name] = None
    return found


def inputs_of(task: SymbolTask[T]) -> BaselineInputs:
    """What the baselines may see of a symbol."""
    features = None if task.features is None else _on_rows(task.features, task.bars)
    return replace(
        inputs_for(task.table, task.bars, task.fit_end),
        features=features,
        defaults=_defaults_of(task, features),
        cache=task.cache,
        market=task.market,
    )


def put_in_place(
    baseline: Baseline, fallback: BaselineResult[T] | None, failure: str, into: SymbolResults[T]
) -> None:
    """Put a fallback's forecasts in a baseline's place; without any, the baseline is absent."""
    if fallback is None:
        into.absent[baseline.name] = failure
    else:
        into.results[baseline.name] = replace(fallback, failure=failure)


def prepared_for(baseline: PooledBaseline[Any], inputs: BaselineInputs, refit: Refit) -> Any:
    """What a symbol contributes to a pooled baseline."""
    # The cache is of no more use, and would be sent between processes.
    return baseline.prepare(replace(inputs, cache=None), refit)


def _forecast_with(
    baseline: Baseline, inputs: BaselineInputs, task: SymbolTask[T], into: SymbolResults[T]
) -> str:
    """Forecast one symbol with one baseline; returns why it cannot, worded to follow the symbol."""
    unable, failure = attempt(lambda: baseline.unable(inputs))
    if unable or failure:
        return unable or failure
    if isinstance(baseline, PooledBaseline):
        prepared, failure = attempt(lambda: prepared_for(baseline, inputs, task.refit))
        if prepared is not None:
            into.prepared[baseline.name] = None if baseline.prepares_quickly else prepared
        return failure
    return _forecast_periods(baseline, inputs, task, into)


def _forecast_periods(
    baseline: Baseline, inputs: BaselineInputs, task: SymbolTask[T], into: SymbolResults[T]
) -> str:
    """Forecast each stretch of origins by its own fit; a fallback's where one of the fits fails."""
    parts, notes, failures = [], [], []
    periods = refit_periods(inputs, task.refit)
    for period in periods:
        forecast, failure = attempt(partial(_checked, baseline, period))
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
        parts.append(tabulate_forecast(period, forecast.distribution, means=task.means))
        notes += forecast.notes
    into.results[baseline.name] = result_of(_joined(parts), task, notes)
    return ""


def _checked(baseline: Baseline, inputs: BaselineInputs) -> BaselineForecast:
    """As `checked_forecast`; the quantiles that are checked are those that are tabulated."""
    forecast = baseline.forecast(inputs)
    stated = StatedOnce(forecast.distribution)
    check_bounds(stated, inputs)
    return replace(forecast, distribution=stated)


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def _any_fallback(inputs: BaselineInputs) -> tuple[BaselineForecast | None, str]:
    """The forecast of the first fallback that can make one, and its label."""
    for baseline in _FALLBACKS:
        forecast, _ = attempt(partial(_checked, baseline, inputs))
        if forecast is not None:
            return forecast, baseline.label
    return None, ""


def fallback_result(inputs: BaselineInputs, task: SymbolTask[T]) -> BaselineResult[T] | None:
    """What replaces a baseline that cannot forecast a symbol; None where nothing can."""
    parts, labels = [], []
    for period in refit_periods(inputs, task.refit):
        forecast, label = _any_fallback(period)
        if forecast is None:
            return None
        parts.append(tabulate_forecast(period, forecast.distribution, means=task.means))
        labels.append(label)
    made = result_of(_joined(parts), task, ())
    return replace(made, fallback=labels[0])


def result_of(table: pd.DataFrame, task: SymbolTask[T], notes: Sequence[str]) -> BaselineResult[T]:
    """A symbol's rows in the order of the model's, after what is to be done with them."""
    return BaselineResult(
        task.then(align(table, task.table).set_axis(task.table.index)),
        tuple(dict.fromkeys(notes)),
    )


def _on_rows(table: pd.DataFrame, bars: pd.DataFrame) -> FloatArray:
    """Columns on the rows of the bars, NaN before they begin."""
    return table.reindex(bars.index).to_numpy(dtype=np.float64)


def _defaults_of(task: SymbolTask[T], features: FloatArray | None) -> Columns | None:
    """Columns of the default groups, which are the features where these are the same table."""
    if task.defaults is None:
        return None
    names = tuple(str(name) for name in task.defaults.columns)
    if features is None or task.defaults is not task.features:
        features = _on_rows(task.defaults, task.bars)
    return Columns(names, task.groups, features)
