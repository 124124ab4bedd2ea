"""All baselines over the rows of a prediction table: refits, symbols in parallel, one cache."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

import numpy as np
import pandas as pd

from lstmcast.baselines.base import Baseline, BaselineInputs
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.table import align, inputs_for, tabulate_inputs
from lstmcast.distributions import FloatArray

Refit = Literal["never", "yearly"]

FEWEST_SYMBOLS_FOR_PROCESSES = 8
"""Below this, starting worker processes takes longer than they save."""


T = TypeVar("T")


@dataclass(frozen=True)
class Standard(Generic[T]):
    """What a baseline forecast, and what to know about its fits."""

    table: T
    notes: tuple[str, ...]


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
        The tables by name, and a line for each baseline that was left out.
    """
    rows = predictions.reset_index(drop=True)
    found, left_out = standards_by_symbol(
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
    return tables, left_out


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

    A baseline that cannot forecast one of the symbols is left out for all of them, so that every
    table has the same rows.

    Args:
        baselines: the forecasters.
        predictions: the model's prediction table.
        bars: adjusted bars of each symbol in it.
        then: done with each symbol's table, whose order and index are those of `predictions`, in
            the process that made it: a function that can be named, not a closure.
        fit_end: last session of each symbol that the first fit may use; by default the first
            origin of its rows.
        features: the model's causal features of each symbol, for baselines that use them.
        refit: fit once, or again at the first origin of every year on all rows up to it.
        jobs: worker processes at most; 0 takes one for each core.
        cache: where slow fits are kept.

    Returns:
        What `then` made, by baseline and symbol, and a line for each baseline that was left out.

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
    results = dict(zip(predictions["symbol"].unique(), _run(tasks, jobs), strict=True))
    found: dict[str, dict[str, Standard[T]]] = {}
    left_out = []
    for baseline in baselines:
        parts = {symbol: result[baseline.name] for symbol, result in results.items()}
        reasons = [part for part in parts.values() if isinstance(part, str)]
        if reasons:
            left_out.append(f"{baseline.label} is left out: {reasons[0]}")
            continue
        found[baseline.name] = {
            symbol: part for symbol, part in parts.items() if isinstance(part, Standard)
        }
    return found, tuple(left_out)


def _as_it_is(table: pd.DataFrame) -> pd.DataFrame:
    return table


def _run(tasks: Sequence[_Task[T]], jobs: int) -> "list[dict[str, Standard[T] | str]]":
    if jobs == 1 or len(tasks) < FEWEST_SYMBOLS_FOR_PROCESSES:
        return [_forecast_symbol(task) for task in tasks]
    from joblib import Parallel, cpu_count, delayed, parallel_config

    workers = min(jobs or cpu_count(), len(tasks))
    # One thread in each process: threads times processes must not exceed the cores.
    with parallel_config(backend="loky", inner_max_num_threads=1):
        return list(Parallel(n_jobs=workers)(delayed(_forecast_symbol)(task) for task in tasks))


def _forecast_symbol(task: _Task[T]) -> "dict[str, Standard[T] | str]":
    """Every baseline's rows of one symbol, or the reason why there are none.

    Fits are made of many small steps, on which threads of BLAS only wait for each other: the same
    GARCH took many times longer with two than with one.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return _forecast_in_one_thread(task)


def _forecast_in_one_thread(task: _Task[T]) -> "dict[str, Standard[T] | str]":
    inputs = inputs_for(task.table, task.bars, task.fit_end)
    inputs = replace(inputs, features=_features_of(task), cache=task.cache)
    results: dict[str, Standard[T] | str] = {}
    for baseline in task.baselines:
        reason = baseline.unable(inputs)
        if reason is not None:
            results[baseline.name] = f"{inputs.symbol} {reason}"
            continue
        parts = [tabulate_inputs(baseline, part) for part in refit_periods(inputs, task.refit)]
        whole = pd.concat([table for table, _ in parts], ignore_index=True)
        results[baseline.name] = Standard(
            task.then(align(whole, task.table).set_axis(task.table.index)),
            tuple(note for _, notes in parts for note in notes),
        )
    return results


def _features_of(task: _Task[T]) -> FloatArray | None:
    """Features on the rows of the bars, NaN before they begin."""
    if task.features is None:
        return None
    return task.features.reindex(task.bars.index).to_numpy(dtype=np.float64)


def refit_periods(inputs: BaselineInputs, refit: Refit) -> list[BaselineInputs]:
    """Split the origins into stretches that share a fit.

    With `yearly`, a stretch begins with the first origin whose next session lies in a new year,
    and is fitted on every row up to that origin.
    """
    if refit == "never":
        return [inputs]
    sessions = pd.DatetimeIndex(inputs.bars.index)
    following = np.minimum(inputs.origins + 1, len(sessions) - 1)
    years = sessions.year.to_numpy()[following]
    periods: list[BaselineInputs] = []
    for year in np.unique(years):
        origins = inputs.origins[years == year]
        fit_rows = inputs.fit_rows if not periods else int(origins[0]) + 1
        periods.append(replace(inputs, origins=origins, fit_rows=fit_rows))
    return periods
