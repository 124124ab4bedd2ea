"""All baselines over the rows of a prediction table: symbols in parallel, then pooled baselines.

What is done for each symbol is in `symbol`; here the work is shared out among processes, pooled
baselines see all symbols at once, and a line says which baselines were left out or replaced.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pandas as pd

from lstmcast.baselines.base import Baseline, PooledBaseline, Refit
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.context import BaselineContext
from lstmcast.baselines.divergence import attempt
from lstmcast.baselines.per_symbol import (
    BaselineResult,
    PooledForecast,
    SymbolResults,
    SymbolTask,
    forecast_symbol,
    tabulate_pooled,
)
from lstmcast.parallel import in_order
from lstmcast.prices.closing import market_of

MIN_SYMBOLS_FOR_PROCESSES = 8
"""Below this, starting worker processes takes longer than they save."""

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")


def baseline_tables(
    baselines: Sequence[Baseline],
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    *,
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    markets: Mapping[str, str] | None = None,
    context: BaselineContext | None = None,
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
) -> tuple[dict[str, BaselineResult[pd.DataFrame]], tuple[str, ...]]:
    """Forecast with every baseline on the very rows of `predictions`.

    Arguments and errors are those of `baselines_by_symbol`.

    Returns:
        The tables by name, and a line for each baseline that was left out or replaced.
    """
    rows = predictions.reset_index(drop=True)
    found, notes = baselines_by_symbol(
        baselines,
        rows,
        bars,
        then=_unchanged,
        fit_end=fit_end,
        features=features,
        markets=markets,
        context=context,
        refit=refit,
        jobs=jobs,
        cache=cache,
    )
    tables = {
        name: BaselineResult(
            pd.concat([part.table for part in parts.values()]).loc[rows.index],
            tuple(note for part in parts.values() for note in part.notes),
        )
        for name, parts in found.items()
    }
    return tables, notes


def baselines_by_symbol(
    baselines: Sequence[Baseline],
    predictions: pd.DataFrame,
    bars: Mapping[str, pd.DataFrame],
    *,
    then: Callable[[pd.DataFrame], T],
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    markets: Mapping[str, str] | None = None,
    context: BaselineContext | None = None,
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
) -> tuple[dict[str, dict[str, BaselineResult[T]]], tuple[str, ...]]:
    """Forecast with every baseline on the very rows of `predictions`, and do something with each.

    Every table has the same rows. Where a baseline cannot forecast a symbol (one listed lately, or
    with closes alone), fails on it or diverges, EWMA is used instead, so that one such symbol among
    a hundred does not cost the others the baselines that are hardest to beat. A baseline that can
    forecast none of the symbols is left out, and so is one for which nothing can be used instead. A
    bug in one is reported in a line and costs that one alone.

    Args:
        baselines: the forecasters.
        predictions: the model's prediction table.
        bars: adjusted bars of each symbol in it.
        then: applied to each symbol's table, whose order and index are those of `predictions`, in
            the process that made it: a function that can be named, not a closure.
        fit_end: last session of each symbol that the first fit may use; by default the first
            origin of its rows.
        features: the model's causal features of each symbol, for baselines that use them.
        markets: who closes together, as `lstmcast.prices.closing.market` says of each symbol; by
            its ticker where not given.
        context: what else a run provides, and the baselines that do not apply to it.
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
    context = context or BaselineContext()
    left_out = [b for b in baselines if b.name in context.left_out]
    applied = [b for b in baselines if b.name not in context.left_out]
    tasks = [
        SymbolTask(
            baselines=tuple(applied),
            table=table,
            bars=bars[str(symbol)],
            fit_end=None if fit_end is None else fit_end[str(symbol)],
            features=None if features is None else features[str(symbol)],
            market=market_of(str(symbol), None, pd.DatetimeIndex(bars[str(symbol)].index))
            if markets is None
            else markets[str(symbol)],
            defaults=context.defaults.get(str(symbol)),
            groups=context.groups,
            refit=refit,
            cache=cache,
            then=then,
        )
        for symbol, table in predictions.groupby("symbol", sort=False)
    ]
    results = _parallel(forecast_symbol, tasks, jobs)
    for baseline in applied:
        if isinstance(baseline, PooledBaseline):
            _add_pooled(baseline, tasks, results, jobs)
    notes = [f"{b.label} is left out: {context.left_out[b.name]}" for b in left_out]
    found, more = _by_baseline(applied, predictions["symbol"].unique().tolist(), results)
    return found, (*notes, *more)


def _by_baseline(
    baselines: Sequence[Baseline], symbols: Sequence[str], results: Sequence[SymbolResults[T]]
) -> tuple[dict[str, dict[str, BaselineResult[T]]], list[str]]:
    """Results by baseline and symbol, without those left out, and a line on each that was."""
    found: dict[str, dict[str, BaselineResult[T]]] = {}
    notes: list[str] = []
    for baseline in baselines:
        name, label = baseline.name, baseline.label
        absent = [result.absent[name] for result in results if name in result.absent]
        if absent:
            notes.append(f"{label} is left out: {absent[0]}")
            continue
        parts = {s: result.results[name] for s, result in zip(symbols, results, strict=True)}
        failed = [part for part in parts.values() if part.failure]
        if len(failed) == len(parts):
            notes.append(f"{label} is left out: {failed[0].failure}")
            continue
        for fallback in dict.fromkeys(part.fallback for part in failed):
            reasons = [part.failure for part in failed if part.fallback == fallback]
            notes.append(
                f"{label}: replaced by {fallback} for {len(reasons)} of {len(parts)} symbols "
                f"({reasons[0]})"
            )
        found[name] = parts
    return found, notes


def _unchanged(table: pd.DataFrame) -> pd.DataFrame:
    return table


def _add_pooled(
    baseline: PooledBaseline[Any],
    tasks: Sequence[SymbolTask[T]],
    results: Sequence[SymbolResults[T]],
    jobs: int,
) -> None:
    """Add a pooled baseline's forecasts of the symbols that it could be prepared for."""
    able = [k for k, result in enumerate(results) if baseline.name in result.prepared]
    if not able:
        return
    prepared = [results[k].prepared[baseline.name] for k in able]
    forecasts, failure = attempt(lambda: baseline.forecast_pooled(prepared))
    pooled = [
        PooledForecast(
            baseline, tasks[k], part.inputs, None if forecasts is None else forecasts[n], failure
        )
        for n, (k, part) in enumerate(zip(able, prepared, strict=True))
    ]
    for k, found in zip(able, _parallel(tabulate_pooled, pooled, jobs), strict=True):
        results[k].results.update(found.results)
        results[k].absent.update(found.absent)


def _parallel(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> list[Result]:
    """The function's results, in worker processes where there are many items.

    Each in one thread: fits are made of many small steps, on which threads of BLAS only wait for
    each other. The same GARCH took many times longer with two than with one.
    """
    if len(items) < MIN_SYMBOLS_FOR_PROCESSES:
        jobs = 1
    return in_order(_call, function, items, jobs=jobs)


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)
