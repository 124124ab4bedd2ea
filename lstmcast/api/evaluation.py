"""The test forecasts of a run beside the baselines, as `evaluate` and `Run.evaluate` have them."""

from collections.abc import Sequence

from lstmcast.baselines import BASELINES, FitCache, Refit, baseline_context, get_baseline
from lstmcast.evaluation import Report, evaluate
from lstmcast.features import build_matrices
from lstmcast.prices.closing import market
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run


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
    histories = run.histories(store)
    experiment = run.experiment()
    matrices = build_matrices(histories, experiment.features or ())
    features = {symbol: matrix.table for symbol, matrix in matrices.items()}
    return evaluate(
        run.predictions(),
        {history.symbol: history.adjusted() for history in histories},
        features=features,
        context=baseline_context(experiment, histories, names, features),
        markets={history.symbol: market(history) for history in histories},
        baselines=names,
        refit=refit,
        jobs=jobs,
        cache=cache,
        trials=experiment.tuning.trials,
    )
