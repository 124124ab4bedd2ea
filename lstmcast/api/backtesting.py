"""Walking forward: what `lstmcast backtest` and `backtest` do alike."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from lstmcast.api.evaluation import fit_cache
from lstmcast.api.fitting import settle
from lstmcast.api.settings import Config, Prices, experiment_for, histories_for, store_of
from lstmcast.baselines import BASELINES, get_baseline
from lstmcast.config import Experiment
from lstmcast.errors import UsageError
from lstmcast.evaluation.backtest import (
    Backtest,
    BacktestReport,
    Fold,
    Settings,
    Splitter,
    count_trials,
    summarise,
)
from lstmcast.folders import runs_folder
from lstmcast.left_overs import working_folder
from lstmcast.prices.history import PriceHistory

PathLike = str | os.PathLike[str]


def backtest(
    prices: Prices | None = None,
    *,
    config: Config | None = None,
    cv: int | Splitter = 10,
    baselines: str | Sequence[str] | None = None,
    cost_bps: float | None = None,
    warm_start: bool = False,
    n_jobs: int = 1,
    on_fold: Callable[[Fold], object] | None = None,
    runs_dir: PathLike | None = None,
    data_dir: PathLike | None = None,
    **settings: Any,
) -> BacktestReport:
    """Walk forward: train, forecast the next fold, move on, train again.

    Args:
        prices: as in `fit`.
        config: as in `fit`.
        cv: number of folds over the second half of the history, or a splitter: `WalkForward`,
            scikit-learn's `TimeSeriesSplit`, or another that goes forward in time. It splits the
            sessions on which any symbol traded. Within its training rows each fold keeps the last
            15 % for validation, and purges what reaches beyond either part.
        baselines: names of baselines, fitted anew in each fold; all by default.
        cost_bps: trade by two plain rules at this cost, in basis points; by default none.
        warm_start: begin each fold's networks with the weights of the fold before.
        n_jobs: worker processes for the folds; -1 takes every core.
        on_fold: is told of each fold when it is done.
        runs_dir: keep the folds in a folder under this one, where the same call goes on after it
            was broken off; by default nothing is kept.
        data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.
        **settings: keys of the configuration, as in `fit`; `split` is not used.

    Returns:
        The report over all folds: `to_frame()` has the scores, `report.verdict` the answer in
        words, `tables` the forecasts of every forecaster, `years` and `strategies` the rest.

    Raises:
        UsageError: if `cv` does not go forward in time.
        ConfigError: if a setting is wrong, listing every fault.
        StoreError: if a symbol is not stored.
        DataError: if a fold has too few sessions.

    Example:
        >>> from sklearn.model_selection import TimeSeriesSplit
        >>> found = lstmcast.backtest(
        ...     "AAPL",
        ...     cv=TimeSeriesSplit(2, test_size=70),
        ...     baselines=["ewma"],
        ...     start="2010-01-01",
        ...     members=1,
        ...     epochs=0,
        ... )
        >>> found.to_frame().query("horizon == 1")[["forecaster", "rows"]].values.tolist()
        [['model', 140], ['ewma', 140]]
    """
    experiment = experiment_for(prices, config, settings)
    histories = histories_for(experiment, prices, data_dir)
    number, splitter = _plan_of(cv)
    chosen = [baselines] if isinstance(baselines, str) else baselines
    names = tuple(BASELINES) if chosen is None else tuple(chosen)
    with ExitStack() as stack:
        place = stack.enter_context(working_folder()) if runs_dir is None else runs_folder(runs_dir)
        how = Settings(folds=number, baselines=names, warm_start=warm_start)
        jobs = max(n_jobs, 0)
        walk = plan(experiment, histories, how, Path(place), jobs=jobs, splitter=splitter)
        store = store_of((), data_dir)
        for fold in walk.run(cache=fit_cache(store) if store.root.is_dir() else None):
            if on_fold is not None:
                on_fold(fold)
        return report_of(walk, cost_bps)


def plan(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    settings: Settings,
    root: Path,
    *,
    jobs: int = 1,
    splitter: Splitter | None = None,
) -> Backtest:
    """Plan a walk of an experiment as it was written.

    Arguments and errors are those of `settle` and `lstmcast.evaluation.backtest.Backtest`.
    """
    for name in settings.baselines:
        get_baseline(name)
    return Backtest(settle(experiment, histories), histories, settings, root, jobs, splitter)


def report_of(walk: Backtest, cost_bps: float | None = None) -> BacktestReport:
    """Judge the forecasts of a walk whose folds are done.

    Raises:
        RunError: if a fold is missing or its file cannot be read.
    """
    tables, notes = walk.tables()
    bars: dict[str, pd.DataFrame] = {
        history.symbol: history.adjusted() for history in walk.histories
    }
    trials = count_trials(walk)
    return summarise(
        tables,
        bars,
        notes=notes,
        cost_bps=cost_bps,
        trials=trials,
        chosen_from=walk.experiment.tuning.trials,
    )


def _plan_of(cv: object) -> tuple[int, Splitter | None]:
    """The number of folds, or the splitter that plans them."""
    if isinstance(cv, Splitter):
        return 1, cv
    if isinstance(cv, int) and not isinstance(cv, bool) and cv >= 1:
        return cv, None
    raise UsageError(
        f"`cv` is {cv!r}, which is neither a number of folds nor a splitter",
        "give `WalkForward(...)` or scikit-learn's `TimeSeriesSplit(...)`",
    )
