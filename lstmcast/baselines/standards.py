"""All baselines over the rows of a prediction table: refits, symbols in parallel, one cache."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from lstmcast.baselines.base import Alone, Baseline, BaselineInputs, PooledBaseline, Refit
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.refit import refit_periods
from lstmcast.baselines.table import align, inputs_for, tabulate_forecast, tabulate_inputs
from lstmcast.distributions import Distribution, FloatArray

FEWEST_SYMBOLS_FOR_PROCESSES = 8
"""Below this, starting worker processes takes longer than they save."""

_STAND_IN = Ewma()

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Standard(Generic[T]):
    """What a baseline forecast, and what to know about its fits."""

    table: T
    notes: tuple[str, ...]
    lacking: str = ""
    """Why EWMA stands in for it; empty where it forecast itself."""


@dataclass(frozen=True)
class _Task(Generic[T]):
    """One symbol's share of the work; plain data, so that a worker process can take it."""

    baselines: tuple[Baseline, ...]
    table: pd.DataFrame
    bars: pd.DataFrame
    fit_end: pd.Timestamp | None
    features: pd.DataFrame | None
    refit: Refit
    cache: FitCache | None
    then: Callable[[pd.DataFrame], T]


@dataclass(frozen=True)
class _Forecasts(Generic[T]):
    """What came of one symbol: done, and of pooled baselines what each symbol brings."""

    standards: dict[str, Standard[T]]
    alone: dict[str, Alone]


def standard_tables(
    baselines: Sequence[Baseline],
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    *,
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
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
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
) -> tuple[dict[str, dict[str, Standard[T]]], tuple[str, ...]]:
    """Forecast with every baseline on the very rows of `predictions`, and do something with each.

    Every table has the same rows. Where a baseline cannot forecast a symbol (one listed lately, or
    with closes alone), EWMA stands in, so that one such symbol among a hundred does not take the
    hardest standards from the others; a baseline that can forecast none of them is left out.

    Args:
        baselines: the forecasters.
        predictions: the model's prediction table.
        bars: adjusted bars of each symbol in it.
        then: done with each symbol's table, whose order and index are those of `predictions`, in
            the process that made it: a function that can be named, not a closure.
        fit_end: last session of each symbol that the first fit may use; by default the first
            origin of its rows.
        features: the model's causal features of each symbol, for baselines that use them.
        refit: fit once, or again at the first origin of every period on all rows up to it.
        jobs: worker processes at most; 0 takes one for each core.
        cache: where slow fits are kept.

    Returns:
        What `then` made, by baseline and symbol, and a line for each baseline that was left out or
        replaced for some symbols.

    Raises:
        RunError: if the bars do not hold the rows of the table.
        DataError: if there are too few rows to fit.
    """
    tasks = [
        _Task(
            baselines=tuple(baselines),
            table=table,
            bars=bars[str(symbol)],
            fit_end=None if fit_end is None else fit_end[str(symbol)],
            features=None if features is None else features[str(symbol)],
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
    done = dict(zip(predictions["symbol"].unique(), (r.standards for r in results), strict=True))
    found: dict[str, dict[str, Standard[T]]] = {}
    notes = []
    for baseline in baselines:
        parts = {symbol: result[baseline.name] for symbol, result in done.items()}
        lacking = [part.lacking for part in parts.values() if part.lacking]
        if len(lacking) == len(parts):
            notes.append(f"{baseline.label} is left out: {lacking[0]}")
            continue
        if lacking:
            notes.append(
                f"{baseline.label}: {_STAND_IN.label} stands in for {len(lacking)} of {len(parts)} "
                f"symbols ({lacking[0]})"
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
    inputs = replace(inputs, features=_features_of(task), cache=task.cache)
    forecasts: _Forecasts[T] = _Forecasts({}, {})
    stand_in: Standard[T] | None = None
    for baseline in task.baselines:
        reason = baseline.unable(inputs)
        if reason is not None:
            stand_in = stand_in or _forecast_with(_STAND_IN, inputs, task)
            lacking = f"{inputs.symbol} {reason}"
            forecasts.standards[baseline.name] = replace(stand_in, lacking=lacking)
        elif isinstance(baseline, PooledBaseline):
            # Features and the cache are of no more use, and would be sent between processes.
            alone = baseline.alone(replace(inputs, features=None, cache=None), task.refit)
            forecasts.alone[baseline.name] = alone
        else:
            forecasts.standards[baseline.name] = _forecast_with(baseline, inputs, task)
    return forecasts


def _forecast_together(
    baseline: PooledBaseline,
    tasks: Sequence[_Task[T]],
    results: Sequence[_Forecasts[T]],
    jobs: int,
) -> None:
    """Put into the results what a pooled baseline says of the symbols that it can have."""
    able = [k for k, result in enumerate(results) if baseline.name in result.alone]
    if not able:
        return
    pooled = baseline.together([results[k].alone[baseline.name] for k in able])
    told = [(tasks[k], forecast) for k, forecast in zip(able, pooled, strict=True)]
    for k, standard in zip(able, _spread(_tabulated, told, jobs), strict=True):
        results[k].standards[baseline.name] = standard


def _tabulated(told: tuple[_Task[T], Distribution]) -> Standard[T]:
    task, forecast = told
    inputs = inputs_for(task.table, task.bars, task.fit_end)
    table = tabulate_forecast(inputs, forecast)
    return Standard(task.then(align(table, task.table).set_axis(task.table.index)), ())


def _forecast_with(baseline: Baseline, inputs: BaselineInputs, task: _Task[T]) -> Standard[T]:
    parts = [tabulate_inputs(baseline, part) for part in refit_periods(inputs, task.refit)]
    whole = pd.concat([table for table, _ in parts], ignore_index=True)
    return Standard(
        task.then(align(whole, task.table).set_axis(task.table.index)),
        tuple(note for _, notes in parts for note in notes),
    )


def _features_of(task: _Task[T]) -> FloatArray | None:
    """Features on the rows of the bars, NaN before they begin."""
    if task.features is None:
        return None
    return task.features.reindex(task.bars.index).to_numpy(dtype=np.float64)
