"""All baselines over the rows of a prediction table: refits, symbols in parallel, one cache."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from lstmcast.baselines.base import (
    Alone,
    Baseline,
    BaselineForecast,
    BaselineInputs,
    Brought,
    Columns,
    PooledBaseline,
    Refit,
)
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.constant import Constant
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.given import Given
from lstmcast.baselines.guard import attempt, check_bounds, checked_forecast
from lstmcast.baselines.random_walk import RandomWalk
from lstmcast.baselines.refit import refit_periods
from lstmcast.baselines.table import align, inputs_for, tabulate_forecast
from lstmcast.distributions import Distribution, FloatArray
from lstmcast.prices.closing import market_of

FEWEST_SYMBOLS_FOR_PROCESSES = 8
"""Below this, starting worker processes takes longer than they save."""

_STAND_INS: tuple[Baseline, ...] = (Ewma(), Constant(), RandomWalk())
"""Who forecasts where a baseline cannot, in this order."""

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Standard(Generic[T]):
    """What a baseline forecast, and what to know about its fits."""

    table: T
    notes: tuple[str, ...]
    lacking: str = ""
    """Why another stands in for it; empty where it forecast itself."""
    stand_in: str = ""
    """How tables call the one that stands in."""


@dataclass(frozen=True)
class _Task(Generic[T]):
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
class _Forecasts(Generic[T]):
    """What came of one symbol: done, and of pooled baselines what each symbol brings.

    `absent` tells why a baseline has no forecast at all, not even another's.
    """

    standards: dict[str, Standard[T]]
    alone: dict[str, Alone | Brought]
    absent: dict[str, str]


def standard_tables(
    baselines: Sequence[Baseline],
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    *,
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    markets: Mapping[str, str] | None = None,
    given: Given | None = None,
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
) -> tuple[dict[str, Standard[pd.DataFrame]], tuple[str, ...]]:
    """Forecast with every baseline on the very rows of `predictions`.

    Arguments and errors are those of `standards_by_symbol`.

    Returns:
        The tables by name, and a line for each baseline that was left out or replaced.
    """
    rows = predictions.reset_index(drop=True)
    found, notes = standards_by_symbol(
        baselines,
        rows,
        bars,
        then=_as_it_is,
        fit_end=fit_end,
        features=features,
        markets=markets,
        given=given,
        refit=refit,
        jobs=jobs,
        cache=cache,
    )
    tables = {
        name: Standard(
            pd.concat([part.table for part in parts.values()]).loc[rows.index],
            tuple(note for part in parts.values() for note in part.notes),
        )
        for name, parts in found.items()
    }
    return tables, notes


def standards_by_symbol(
    baselines: Sequence[Baseline],
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    *,
    then: Callable[[pd.DataFrame], T],
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    markets: Mapping[str, str] | None = None,
    given: Given | None = None,
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
) -> tuple[dict[str, dict[str, Standard[T]]], tuple[str, ...]]:
    """Forecast with every baseline on the very rows of `predictions`, and do something with each.

    Every table has the same rows. Where a baseline cannot forecast a symbol (one listed lately, or
    with closes alone), fails on it or explodes, EWMA stands in, so that one such symbol among a
    hundred does not take the hardest standards from the others; a baseline that can forecast none
    of them is left out, and so is one for which nothing can stand in. A bug in one is told in a
    line and costs that one alone.

    Args:
        baselines: the forecasters.
        predictions: the model's prediction table.
        bars: adjusted bars of each symbol in it.
        then: done with each symbol's table, whose order and index are those of `predictions`, in
            the process that made it: a function that can be named, not a closure.
        fit_end: last session of each symbol that the first fit may use; by default the first
            origin of its rows.
        features: the model's causal features of each symbol, for baselines that use them.
        markets: who closes together, as `lstmcast.prices.closing.market` says of each symbol; by
            its ticker where not given.
        given: what else a run gives, and the baselines that have no place beside it.
        refit: fit once, or again at the first origin of every period on all rows up to it.
        jobs: worker processes at most; 0 takes one for each core.
        cache: where slow fits are kept.

    Returns:
        What `then` made, by baseline and symbol, and a line for each baseline that was left out or
        replaced for some symbols.

    Raises:
        RunError: if the bars do not hold the rows of the table.
        DataError: if `fit_end` comes after the first origin.
    """
    given = given or Given()
    notes = [
        f"{baseline.label} is left out: {given.left_out[baseline.name]}"
        for baseline in baselines
        if baseline.name in given.left_out
    ]
    baselines = [baseline for baseline in baselines if baseline.name not in given.left_out]
    tasks = [
        _Task(
            baselines=tuple(baselines),
            table=table,
            bars=bars[str(symbol)],
            fit_end=None if fit_end is None else fit_end[str(symbol)],
            features=None if features is None else features[str(symbol)],
            market=market_of(str(symbol), None, pd.DatetimeIndex(bars[str(symbol)].index))
            if markets is None
            else markets[str(symbol)],
            defaults=given.defaults.get(str(symbol)),
            groups=given.groups,
            refit=refit,
            cache=cache,
            then=then,
        )
        for symbol, table in predictions.groupby("symbol", sort=False)
    ]
    results = _spread(_forecast_symbol, tasks, jobs)
    for baseline in baselines:
        if isinstance(baseline, PooledBaseline):
            _forecast_together(baseline, tasks, results, jobs)
    done = dict(zip(predictions["symbol"].unique(), results, strict=True))
    found: dict[str, dict[str, Standard[T]]] = {}
    for baseline in baselines:
        absent = [r.absent[baseline.name] for r in results if baseline.name in r.absent]
        if absent:
            notes.append(f"{baseline.label} is left out: {absent[0]}")
            continue
        parts = {symbol: result.standards[baseline.name] for symbol, result in done.items()}
        lacking = [part for part in parts.values() if part.lacking]
        if len(lacking) == len(parts):
            notes.append(f"{baseline.label} is left out: {lacking[0].lacking}")
            continue
        for label in dict.fromkeys(part.stand_in for part in lacking):
            replaced = [part.lacking for part in lacking if part.stand_in == label]
            notes.append(
                f"{baseline.label}: {label} stands in for {len(replaced)} of {len(parts)} symbols "
                f"({replaced[0]})"
            )
        found[baseline.name] = parts
    return found, tuple(notes)


def _as_it_is(table: pd.DataFrame) -> pd.DataFrame:
    return table


def _spread(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> list[Result]:
    """The function's results, in worker processes where there are many items."""
    if jobs == 1 or len(items) < FEWEST_SYMBOLS_FOR_PROCESSES:
        return [_in_one_thread(function, item) for item in items]
    from joblib import Parallel, cpu_count, delayed, parallel_config

    workers = min(jobs or cpu_count(), len(items))
    # One thread in each process: threads times processes must not exceed the cores.
    with parallel_config(backend="loky", inner_max_num_threads=1):
        return list(
            Parallel(n_jobs=workers)(delayed(_in_one_thread)(function, item) for item in items)
        )


def _in_one_thread(function: Callable[[Item], Result], item: Item) -> Result:
    """The function's result.

    Fits are made of many small steps, on which threads of BLAS only wait for each other: the same
    GARCH took many times longer with two than with one.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return function(item)


def _forecast_symbol(task: _Task[T]) -> _Forecasts[T]:
    """Every baseline's rows of one symbol; of pooled ones, what they say before they are pooled."""
    inputs = inputs_for(task.table, task.bars, task.fit_end)
    inputs = replace(
        inputs,
        features=_features_of(task),
        defaults=_defaults_of(task),
        cache=task.cache,
        market=task.market,
    )
    forecasts: _Forecasts[T] = _Forecasts({}, {}, {})
    stand_in: Standard[T] | None = None
    for baseline in task.baselines:
        reason = _forecast_with(baseline, inputs, task, forecasts)
        if not reason:
            continue
        lacking = f"{inputs.symbol} {reason}"
        stand_in = stand_in or _stand_in(inputs, task)
        _replace(baseline, stand_in, lacking, forecasts)
    return forecasts


def _replace(
    baseline: Baseline, stand_in: Standard[T] | None, lacking: str, forecasts: _Forecasts[T]
) -> None:
    """Put another's forecasts in a baseline's place; without any, say that it is absent."""
    if stand_in is None:
        forecasts.absent[baseline.name] = lacking
    else:
        forecasts.standards[baseline.name] = replace(stand_in, lacking=lacking)


def _forecast_with(
    baseline: Baseline, inputs: BaselineInputs, task: _Task[T], into: _Forecasts[T]
) -> str:
    """Forecast one symbol with one baseline; returns why it cannot, if so, after the symbol."""
    unable, failure = attempt(lambda: baseline.unable(inputs))
    if unable or failure:
        return unable or failure
    if isinstance(baseline, PooledBaseline):
        # The cache is of no more use, and would be sent between processes.
        given = replace(inputs, cache=None)
        alone, failure = attempt(lambda: baseline.alone(given, task.refit))
        if alone is not None:
            into.alone[baseline.name] = alone
        return failure
    parts, notes, failures = [], [], []
    periods = refit_periods(inputs, task.refit)
    for period in periods:
        forecast, failure = attempt(partial(checked_forecast, baseline, period))
        if forecast is None:
            failures.append(failure)
            if len(failures) == len(periods):
                return failures[0]
            forecast, label = _any_stand_in(period)
            if forecast is None:
                return failure
            failure = f"{failure}; {label} stands in"
            since = pd.Timestamp(inputs.bars.index[period.origins[0]])
            notes.append(f"{baseline.label} of {inputs.symbol} {failure} from {since:%Y-%m-%d} on")
        parts.append(tabulate_forecast(period, forecast.distribution))
        notes += forecast.notes
    into.standards[baseline.name] = _standard(pd.concat(parts, ignore_index=True), task, notes)
    return ""


def _any_stand_in(inputs: BaselineInputs) -> tuple[BaselineForecast | None, str]:
    """The forecast of the first baseline that can make one, and how tables call it."""
    for baseline in _STAND_INS:
        forecast, _ = attempt(partial(checked_forecast, baseline, inputs))
        if forecast is not None:
            return forecast, baseline.label
    return None, ""


def _stand_in(inputs: BaselineInputs, task: _Task[T]) -> Standard[T] | None:
    """What stands in for a baseline that cannot forecast a symbol; None where nothing can."""
    parts, labels = [], []
    for period in refit_periods(inputs, task.refit):
        forecast, label = _any_stand_in(period)
        if forecast is None:
            return None
        parts.append(tabulate_forecast(period, forecast.distribution))
        labels.append(label)
    made = _standard(pd.concat(parts, ignore_index=True), task, ())
    return replace(made, stand_in=labels[0])


def _forecast_together(
    baseline: PooledBaseline[Any],
    tasks: Sequence[_Task[T]],
    results: Sequence[_Forecasts[T]],
    jobs: int,
) -> None:
    """Put into the results what a pooled baseline says of the symbols that it can have."""
    able = [k for k, result in enumerate(results) if baseline.name in result.alone]
    if not able:
        return
    brought = [results[k].alone[baseline.name] for k in able]
    pooled, failure = attempt(lambda: baseline.together(brought))
    told = [
        _Told(baseline, tasks[k], alone.inputs, None if pooled is None else pooled[n], failure)
        for n, (k, alone) in enumerate(zip(able, brought, strict=True))
    ]
    for k, forecasts in zip(able, _spread(_tabulated, told, jobs), strict=True):
        results[k].standards.update(forecasts.standards)
        results[k].absent.update(forecasts.absent)


@dataclass(frozen=True)
class _Told(Generic[T]):
    """What a pooled baseline says of one symbol, or why it says nothing."""

    baseline: PooledBaseline[Any]
    task: _Task[T]
    inputs: BaselineInputs
    forecast: Distribution | None
    failure: str


def _tabulated(told: _Told[T]) -> _Forecasts[T]:
    """The rows of a pooled baseline; another's where it failed or explodes."""
    made: _Forecasts[T] = _Forecasts({}, {}, {})
    forecast, failure = told.forecast, told.failure
    if forecast is not None:
        _, failure = attempt(lambda: check_bounds(forecast, told.inputs))
    if forecast is None or failure:
        lacking = f"{told.inputs.symbol} {failure}"
        _replace(told.baseline, _stand_in(told.inputs, told.task), lacking, made)
        return made
    table = tabulate_forecast(told.inputs, forecast)
    made.standards[told.baseline.name] = _standard(table, told.task, ())
    return made


def _standard(table: pd.DataFrame, task: _Task[T], notes: Sequence[str]) -> Standard[T]:
    """A symbol's rows in the order of the model's, after what is to be done with them."""
    return Standard(
        task.then(align(table, task.table).set_axis(task.table.index)),
        tuple(dict.fromkeys(notes)),
    )


def _features_of(task: _Task[T]) -> FloatArray | None:
    """Features on the rows of the bars, NaN before they begin."""
    if task.features is None:
        return None
    return task.features.reindex(task.bars.index).to_numpy(dtype=np.float64)


def _defaults_of(task: _Task[T]) -> Columns | None:
    """Columns of the default groups on the rows of the bars, NaN before they begin."""
    if task.defaults is None:
        return None
    return Columns(
        tuple(str(name) for name in task.defaults.columns),
        task.groups,
        task.defaults.reindex(task.bars.index).to_numpy(dtype=np.float64),
    )
