"""All baselines over the rows of a prediction table: symbols in parallel, then pooled baselines.

What is done for each symbol is in `per_symbol` and `pooled`; here the work is shared out among
processes, and a line says which baselines were left out or replaced. There are three rounds, of
which each needs all of the one before: forecasts of each symbol, while what is fitted to all
symbols at once is fitted; the outcomes of pooled baselines, which calibration learns from; and
their tables.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, Protocol, TypeVar

import pandas as pd

from lstmcast.baselines.base import Baseline, PooledBaseline, Refit
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.context import BaselineContext
from lstmcast.baselines.per_symbol import BaselineResult, SymbolResults, Work, forecast_symbol
from lstmcast.baselines.pooled import (
    PooledFit,
    PooledWork,
    compare,
    fit_at_once,
    fit_prepared,
    tabulate_pooled,
    with_factors,
)
from lstmcast.parallel import as_completed, computed_here, elsewhere, jobs_for_symbols
from lstmcast.shelf import Shelf, Shelves, shelves

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
    tables: dict[str, dict[str, pd.DataFrame]] = {}

    def take(name: str, symbol: str, table: pd.DataFrame) -> None:
        tables.setdefault(name, {})[symbol] = table

    found, notes = baselines_by_symbol(
        baselines,
        by_symbol(rows),
        bars,
        then=_unchanged,
        take=take,
        fit_end=fit_end,
        features=features,
        markets=markets,
        context=context,
        refit=refit,
        jobs=jobs,
        cache=cache,
    )
    return {
        name: BaselineResult(pd.concat(tables[name].values()).loc[rows.index], told)
        for name, told in found.items()
    }, notes


def by_symbol(predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A prediction table's rows by symbol, in the order in which they come."""
    return {str(symbol): rows for symbol, rows in predictions.groupby("symbol", sort=False)}


def baselines_by_symbol(
    baselines: Sequence[Baseline],
    tables: Mapping[str, pd.DataFrame],
    bars: Mapping[str, pd.DataFrame],
    *,
    then: Callable[[pd.DataFrame], T],
    take: Callable[[str, str, T], None],
    itself: Callable[[pd.DataFrame], T] | None = None,
    means: bool = True,
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    markets: Mapping[str, str] | None = None,
    context: BaselineContext | None = None,
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Forecast with every baseline on the model's very rows, and do something with each table.

    Every table has the same rows. Where a baseline cannot forecast a symbol (one listed lately, or
    with closes alone), fails on it or diverges, EWMA is used instead, so that one such symbol among
    a hundred does not cost the others the baselines that are hardest to beat. A baseline that can
    forecast none of the symbols is left out, and so is one for which nothing can be used instead. A
    bug in one is reported in a line and costs that one alone.

    Only a few symbols are in memory at a time, where the mappings read them from disk.

    Args:
        baselines: the forecasters.
        tables: by symbol, the model's prediction rows.
        bars: adjusted bars of each of these symbols.
        then: applied to each symbol's table, whose order and index are those of the model's, in
            the process that made it: a function that can be named, not a closure.
        take: told the baseline, the symbol and what `then` made: of each baseline the symbols in
            their order. It may also be told of baselines that are left out in the end.
        itself: applied to the model's own tables; `take` is told of them by the name `ITSELF`.
        means: whether the tables of baselines state means; those of calibrated ones take long, and
            no score reads them.
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
        Of each baseline the notes on its fits, and a line for each baseline that was left out or
        replaced for some symbols.

    Raises:
        RunError: if the bars do not hold the rows of the table.
        DataError: if `fit_end` comes after the first origin.
    """
    context = context or BaselineContext()
    left_out = [b for b in baselines if b.name in context.left_out]
    applied = [b for b in baselines if b.name not in context.left_out]
    symbols = list(tables)
    # Each in one thread: fits are made of many small steps, on which threads of BLAS only wait for
    # each other. The same GARCH took many times longer with two than with one.
    share_out = partial(as_completed, jobs=jobs_for_symbols(len(symbols), jobs))
    with shelves(0 if elsewhere() else len(symbols)) as room:
        # Another machine cannot read what is kept on this one's disk.
        here = dict if elsewhere() else _unread
        work = Work(
            baselines=tuple(applied),
            tables=here(tables),
            bars=here(bars),
            features=None if features is None else here(features),
            markets=markets,
            fit_end=fit_end,
            defaults=here(context.defaults),
            groups=context.groups,
            refit=refit,
            cache=cache,
            then=then,
            itself=itself,
            means=means,
            prepared=room.make(),
            fits=room.make(),
        )
        results, fits = _first_round(work, take, share_out)
        pooled = _pooled_work(work, results, fits, room)
        # What another machine put into a shelf in memory would stay there.
        calibrated = _second_round(pooled, share_out if room.folder else computed_here)
        _third_round(calibrated, results, take, share_out)
    notes = [f"{b.label} is left out: {context.left_out[b.name]}" for b in left_out]
    found, more = _by_baseline(applied, results)
    told = {
        name: tuple(note for part in parts.values() for note in part.notes)
        for name, parts in found.items()
    }
    return told, (*notes, *more)


ITSELF = ""
"""How `take` is told of the model's own tables."""


def _unread(values: Mapping[str, Item]) -> Mapping[str, Item]:
    return values


def _taken(
    symbol: str,
    found: SymbolResults[T],
    take: Callable[[str, str, T], None],
    work: Work[T] | None = None,
) -> SymbolResults[None]:
    """Hand on what was made of a symbol's tables; the rest of its results stays."""
    if found.itself is not None:
        take(ITSELF, symbol, found.itself)
    for name, part in found.results.items():
        take(name, symbol, part.table)
    kept: dict[str, BaselineResult[None]] = {
        name: BaselineResult(None, part.notes, part.failure, part.fallback)
        for name, part in found.results.items()
    }
    for name, prepared in found.prepared.items():
        if work is not None:
            _keep(work.prepared, f"{name}/{symbol}", prepared)
    names = dict.fromkeys(found.prepared)
    return SymbolResults(kept, {**names}, found.absent, last=found.last)


def _keep(shelf: Shelf[Any], name: str, value: object) -> None:
    """Keep what a worker found, unless it did so itself."""
    if value is None and shelf.folder is not None:
        shelf.note(name)
    else:
        shelf.put(name, value)


def _by_baseline(
    baselines: Sequence[Baseline], results: Mapping[str, SymbolResults[None]]
) -> tuple[dict[str, dict[str, BaselineResult[None]]], list[str]]:
    """Results by baseline and symbol, without those left out, and a line on each that was."""
    found: dict[str, dict[str, BaselineResult[None]]] = {}
    notes: list[str] = []
    for baseline in baselines:
        name, label = baseline.name, baseline.label
        absent = [one.absent[name] for one in results.values() if name in one.absent]
        if absent:
            notes.append(f"{label} is left out: {absent[0]}")
            continue
        parts = {symbol: one.results[name] for symbol, one in results.items()}
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


class _ShareOut(Protocol):
    """Shares out items."""

    def __call__(
        self, function: Callable[[Any, Any], Any], common: object, items: Sequence[Any], /
    ) -> Iterator[tuple[int, Any]]:
        """The number of each item and the function's result, as they are computed."""
        ...


def _first_round(
    work: Work[T], take: Callable[[str, str, T], None], share_out: _ShareOut
) -> tuple[dict[str, SymbolResults[None]], dict[str, str]]:
    """Forecasts of each symbol, and why pooled baselines fitted meanwhile could not be, if so."""
    fitted = [b for b in work.baselines if isinstance(b, PooledBaseline) and b.prepares_quickly]
    # A fit takes as long as many symbols do: begun last, it would end long after them.
    items = [*fitted, *work.tables]
    results: dict[str, SymbolResults[None]] = {}
    fits: dict[str, str] = {}
    for number, found in _ordered(share_out(_fit_or_forecast, work, items), len(fitted)):
        if number < len(fitted):
            fits[fitted[number].name] = found.failure
            _keep(work.fits, fitted[number].name, found.fitted)
        else:
            symbol = str(items[number])
            results[symbol] = _taken(symbol, found, take, work)
    return results, fits


def _fit_or_forecast(
    work: Work[T], item: PooledBaseline[Any] | str
) -> PooledFit | SymbolResults[T]:
    return forecast_symbol(work, item) if isinstance(item, str) else fit_at_once(work, item)


def _pooled_work(
    work: Work[T],
    results: Mapping[str, SymbolResults[None]],
    fits: Mapping[str, str],
    room: Shelves,
) -> list[tuple[PooledWork[T], list[str]]]:
    """Each pooled baseline with its fit, and the symbols that it could be prepared for."""
    found = []
    for baseline in work.baselines:
        able = {s: one for s, one in results.items() if baseline.name in one.prepared}
        if isinstance(baseline, PooledBaseline) and able:
            if (failure := fits.get(baseline.name)) is None:
                fitted, failure = fit_prepared(work, baseline, list(able))
                work.fits.put(baseline.name, fitted)
            newest = max(one.last for one in able.values() if one.last is not None)
            pooled = PooledWork(work, baseline, newest, room.make(), failure=failure)
            found.append((pooled, list(able)))
    return found


def _second_round(
    pooled: Sequence[tuple[PooledWork[T], list[str]]], share_out: _ShareOut
) -> list[tuple[PooledWork[T], list[str]]]:
    """The same with what calibration learns of each, while the next ones are compared."""
    shares = _shares(pooled)
    common = [one for one, _ in pooled]
    learned = []
    ordered = _ordered(share_out(compare, common, shares))
    for number, found in groupby(ordered, lambda result: shares[result[0]][0]):
        compared = {shares[k][1]: outcomes for k, outcomes in found}
        learned.append((with_factors(common[number], compared), list(compared)))
    return learned


def _third_round(
    pooled: Sequence[tuple[PooledWork[T], list[str]]],
    results: Mapping[str, SymbolResults[None]],
    take: Callable[[str, str, T], None],
    share_out: _ShareOut,
) -> None:
    """Add the tables of pooled baselines to the results."""
    common = [one for one, _ in pooled]
    # What is read of a symbol for one baseline is near for the next.
    order = {symbol: number for number, symbol in enumerate(results)}
    shares = sorted(_shares(pooled), key=lambda share: order[share[1]])
    for k, found in _ordered(share_out(tabulate_pooled, common, shares)):
        symbol = shares[k][1]
        kept = _taken(symbol, found, take)
        results[symbol].results.update(kept.results)
        results[symbol].absent.update(kept.absent)


def _shares(pooled: Sequence[tuple[PooledWork[Any], list[str]]]) -> list[tuple[int, str]]:
    return [(number, symbol) for number, (_, symbols) in enumerate(pooled) for symbol in symbols]


def _ordered(
    numbered: Iterator[tuple[int, Result]], first: int = 0
) -> Iterator[tuple[int, Result]]:
    """Numbered results in the order of their numbers from `first` on; those before as they come."""
    waiting: dict[int, Result] = {}
    following = first
    for number, result in numbered:
        if number < first:
            yield number, result
            continue
        waiting[number] = result
        while following in waiting:
            yield following, waiting.pop(following)
            following += 1
