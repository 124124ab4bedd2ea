"""Training on one fold, which sees nothing later than it may: histories are cut beforehand."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast.baselines import (
    baseline_members,
)
from lstmcast.config import Experiment, SplitDates
from lstmcast.errors import DataError
from lstmcast.evaluation.backtest.folds import (
    MIN_SESSIONS,
    MIN_UNTRAINED,
    Fold,
)
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Forecaster, Trained


def train_fold(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    fold: Fold,
    threads: int,
    start: "Forecaster | None" = None,
) -> "Trained":
    """Train an experiment on one fold and forecast what comes after.

    Args:
        experiment: what is trained; its split is not used.
        histories: the prices, longer than the fold may see.
        fold: which sessions are for what.
        threads: CPU threads in all.
        start: what the networks begin as; None for new weights.

    Raises:
        DataError: if no symbol has enough sessions before the first forecast.
        KeyboardInterrupt: on Ctrl-C, also where networks were trained for some epochs.
    """
    from lstmcast.training import SilentObserver, resolve_experiment, train_experiment

    fewest = MIN_SESSIONS if experiment.training.epochs else MIN_UNTRAINED
    given = [cut for history in histories if (cut := _cut(history, fold, fewest)) is not None]
    if not given:
        raise DataError(
            f"fold {fold.number} has no symbol with {fewest} sessions from "
            f"{fold.start:%Y-%m-%d} to {fold.validation_end:%Y-%m-%d} and others after them",
            "start the backtest later with `--from`, or use an expanding window",
        )
    split = SplitDates(
        train_end=fold.train_end.date(),
        validation_end=fold.validation_end.date(),
        test_end=fold.last_outcome.date(),
    )
    symbols = tuple(history.symbol for history in given)
    chosen = experiment.model_copy(
        update={
            "split": split,
            "data": experiment.data.model_copy(update={"symbols": symbols}),
            "training": experiment.training.model_copy(update={"threads": threads}),
        }
    )
    chosen = resolve_experiment(chosen, given)
    external_members = baseline_members(chosen.model.pool.baselines)
    trained = train_experiment(
        chosen, given, SilentObserver(), external_members, start, moved=False
    )
    if trained.ensemble.interrupted:
        raise KeyboardInterrupt  # networks that were cut short are no fold: it is done again
    return trained


def rows_of_fold(table: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """The rows of a prediction table that the fold is to forecast."""
    origins = table["origin"]
    inside = (origins >= fold.first_origin) & (origins <= fold.last_origin)
    return table[inside].reset_index(drop=True)


def _cut(history: PriceHistory, fold: Fold, fewest: int) -> PriceHistory | None:
    """The sessions that a fold may see and be judged by; None where there are too few."""
    sessions = pd.DatetimeIndex(history.bars.index)
    seen = np.sum((sessions >= fold.start) & (sessions <= fold.validation_end))
    coming = np.sum((sessions > fold.first_origin) & (sessions <= fold.last_outcome))
    if seen < fewest or coming == 0:
        return None
    return history.between(fold.start, fold.last_outcome)
