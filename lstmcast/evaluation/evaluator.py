"""Evaluation as a pure function: prediction table and bars in, report out.

The baselines forecast the very rows that the model forecast, and one piece of code scores them all.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from lstmcast.baselines import (
    BASELINES,
    BaselineContext,
    FitCache,
    Refit,
    baselines_by_symbol,
    get_baseline,
)
from lstmcast.baselines.runner import ITSELF, by_symbol
from lstmcast.baselines.table import align
from lstmcast.errors import DataError
from lstmcast.evaluation.assembly import build_report
from lstmcast.evaluation.model_rows import ModelRows
from lstmcast.evaluation.report import MODEL, Report
from lstmcast.evaluation.row_scores import ScorePool, SymbolScores, pool_symbols, score_symbol
from lstmcast.parallel import elsewhere, jobs_for_symbols
from lstmcast.shelf import Chosen, Shelf, shelves
from lstmcast.training.device import give_back_freed_memory


def evaluate(
    predictions: pd.DataFrame | Mapping[str, pd.DataFrame],
    bars: Mapping[str, pd.DataFrame],
    *,
    fit_end: Mapping[str, pd.Timestamp] | None = None,
    features: Mapping[str, pd.DataFrame] | None = None,
    markets: Mapping[str, str] | None = None,
    context: BaselineContext | None = None,
    baselines: Sequence[str] = tuple(BASELINES),
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
    label: str = "LSTM",
    trials: int = 1,
) -> Report:
    """Score a model beside the baselines on the same rows.

    Args:
        predictions: the model's prediction table, or its rows by symbol, their index running on
            from one to the next; a mapping may read them, the bars and the features from a disk.
        bars: adjusted bars of each symbol in it (`PriceHistory.adjusted()`).
        fit_end: last session of each symbol that a baseline may be fitted on; by default the
            first origin of the table.
        features: the model's causal features of each symbol, for baselines that use them.
        markets: who closes together (`lstmcast.prices.closing.market`); by ticker if not given.
        context: what else the run gives to baselines (`lstmcast.baselines.baseline_context`).
        baselines: names out of `BASELINES`; those that can forecast none of the symbols are left
            out with a note.
        refit: fit the baselines once, or again in each period on all rows before.
        jobs: worker processes at most; 0 takes one for each core.
        cache: where slow fits are kept.
        label: how tables call the model.
        trials: configurations that the model was chosen from, for which the verdict allows.

    Raises:
        DataError: if there are no predictions, or `fit_end` comes after the first origin.
        RunError: if the bars do not hold the rows that were forecast.
    """
    tables = predictions
    if isinstance(tables, pd.DataFrame):
        tables = by_symbol(tables.reset_index(drop=True))
    rows, still = _that_moved(tables)
    with shelves(len(rows.symbols)) as room:
        parts: Shelf[pd.DataFrame] = room.make()
        pools = {name: ScorePool(rows, parts) for name in (ITSELF, *baselines)}
        # Another machine cannot write to this one's disk.
        keep = None if parts.folder is None or elsewhere() else parts
        score = partial(score_symbol, keep=keep)
        found, notes = baselines_by_symbol(
            [get_baseline(name) for name in baselines],
            Chosen(tables, tuple(rows.symbols)),
            bars,
            then=score,
            take=lambda name, symbol, scores: pools[name].add(symbol, scores),
            itself=score,
            means=False,
            fit_end=fit_end,
            features=features,
            markets=markets,
            context=context,
            refit=refit,
            jobs=jobs,
            cache=cache,
        )
        give_back_freed_memory()
        forecasters = {MODEL: pools[ITSELF].scores()}
        forecasters |= {name: pools[name].scores() for name in found}
        told = [*still, *notes, *(note for own in found.values() for note in own)]
        labels = {MODEL: label, **{name: get_baseline(name).label for name in found}}
        shared = jobs_for_symbols(len(rows.symbols), jobs)
        return build_report(rows, forecasters, labels, bars, tuple(told), trials, shared)


def assemble(
    tables: Mapping[str, pd.DataFrame],
    labels: Mapping[str, str],
    bars: Mapping[str, pd.DataFrame],
    notes: tuple[str, ...] = (),
    trials: int = 1,
) -> Report:
    """Score tables that have the same rows, `model` first, and draw the verdict.

    Args:
        tables: prediction tables by name, in any order of rows.
        labels: how to call each.
        bars: adjusted bars of each symbol.
        notes: what the reader should know besides.
        trials: configurations that the model was chosen from, for which the verdict allows.

    Raises:
        RunError: if a table lacks a row that the model has.
    """
    model = tables[MODEL].reset_index(drop=True)
    rows, still = _that_moved(by_symbol(model))
    model = model[model["symbol"].isin(list(rows.symbols))].reset_index(drop=True)
    forecasters = {
        name: pool_symbols(_by_symbol(model if name == MODEL else align(table, model)), rows)
        for name, table in tables.items()
    }
    return build_report(rows, forecasters, labels, bars, (*still, *notes), trials)


def _that_moved(tables: Mapping[str, pd.DataFrame]) -> tuple[ModelRows, list[str]]:
    """The rows of the symbols that moved, and a note on each of the others; all if none did.

    Against a price that stands still every error is infinitely large, or none, and one such symbol
    would have the word over all.

    Raises:
        DataError: if there are no rows.
    """
    model = ModelRows.of(tables)
    if not model.symbols:
        raise DataError(
            "there are no forecasts to evaluate: no test session has a known outcome",
            "end the split earlier, or fetch newer prices",
        )
    still = [symbol for symbol, rows in model.symbols.items() if not rows.moved]
    if len(still) == len(model.symbols):
        return model, []
    return model.without(still), [
        f"{symbol} is left out: its close never moved in the test period" for symbol in still
    ]


def _by_symbol(table: pd.DataFrame) -> dict[str, SymbolScores]:
    return {symbol: score_symbol(part) for symbol, part in by_symbol(table).items()}
