"""The test forecasts of a run beside the baselines, as `evaluate` and `Run.evaluate` have them."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from lstmcast.baselines import BASELINES, FitCache, Refit, baseline_context, get_baseline
from lstmcast.evaluation import Report, evaluate
from lstmcast.features import build_matrices
from lstmcast.prices.closing import market
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run
from lstmcast.shelf import Shelf, Shelves, shelves
from lstmcast.training.device import give_back_freed_memory


def fit_cache(store: PriceStore) -> FitCache:
    """Where slow fits of baselines are kept: in the folder of the store."""
    return FitCache.open(store.root / "cache" / "fits")


def evaluate_run(
    run: Run,
    store: PriceStore,
    *,
    baselines: Sequence[str] | None = None,
    refit: Refit = "never",
    jobs: int = 0,
    cache: FitCache | None = None,
) -> Report:
    """Evaluate a run's test forecasts; the networks themselves are not needed.

    Args:
        run: the run.
        store: where its prices are.
        baselines: names out of `BASELINES`; all by default.
        refit: fit the baselines once, or again in each period on all rows before.
        jobs: worker processes at most; 0 takes one for each core.
        cache: where slow fits are kept.

    Raises:
        UsageError: if there is no such baseline.
        StoreError: if a symbol of the run is not stored.
        DataError: if no session of the test part has come true.
        RunError: if the run is damaged, or the prices do not hold what it forecast.
    """
    names = tuple(BASELINES) if baselines is None else tuple(baselines)
    for name in names:
        get_baseline(name)
    experiment = run.experiment()
    with shelves(len(run.symbols)) as room:
        tables: Shelf[pd.DataFrame] = room.make()
        run.put_predictions(tables)
        histories = run.histories(store)
        matrices = build_matrices(histories, experiment.features or ())
        features = _kept(room, {s: matrices.pop(s).table for s in [*matrices]})
        context = baseline_context(experiment, histories, names, features)
        if context.defaults and context.defaults is not features:
            context = replace(context, defaults=_kept(room, dict(context.defaults)))
        bars: Shelf[pd.DataFrame] = room.make()
        for history in histories:
            bars.put(history.symbol, history.adjusted())
        markets = {history.symbol: market(history) for history in histories}
        del histories, history
        give_back_freed_memory()
        return evaluate(
            tables,
            bars,
            features=features,
            context=context,
            markets=markets,
            baselines=names,
            refit=refit,
            jobs=jobs,
            cache=cache,
            trials=experiment.tuning.trials,
        )


def _kept(room: Shelves, tables: dict[str, pd.DataFrame]) -> Shelf[pd.DataFrame]:
    """Tables on a shelf, of which they are taken one by one."""
    shelf: Shelf[pd.DataFrame] = room.make()
    for symbol in [*tables]:
        shelf.put(symbol, tables.pop(symbol))
    return shelf
