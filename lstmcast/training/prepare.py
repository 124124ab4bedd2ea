"""From a resolved experiment and price histories to everything that training needs, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lstmcast.config import Experiment, groups_of
from lstmcast.dataset import (
    Boundaries,
    PanelInputs,
    PanelTargets,
    Parts,
    Scaling,
    assign_origins,
    build_inputs,
    build_targets,
    check_horizon,
    check_parts,
    check_tested,
    check_windows,
    fit_scaling,
    purged_sessions,
    resolve_split,
)
from lstmcast.errors import ConfigError, DataError
from lstmcast.features import build_matrices
from lstmcast.pretraining.weights import Pretrained, shipped
from lstmcast.prices.history import PriceHistory
from lstmcast.training.device import give_back_freed_memory
from lstmcast.training.resolve import pin_dates, resolve_experiment


@dataclass(frozen=True)
class Prepared:
    """The data of an experiment, ready for training.

    Args:
        experiment: with every open choice made.
        boundaries: the last session of each part.
        parts: the origins of each part, by symbol.
        scaling: fitted on training rows.
        inputs: what may be known at each row.
        targets: what came true after it.
        pretrained: networks that the members begin as; None where they begin with new weights.
        fallback_reason: why they do, where pretrained ones were asked for; else empty.
    """

    experiment: Experiment
    boundaries: Boundaries
    parts: dict[str, Parts]
    scaling: Scaling
    inputs: PanelInputs
    targets: PanelTargets
    pretrained: Pretrained | None = None
    fallback_reason: str = ""


def prepare(experiment: Experiment, histories: Sequence[PriceHistory]) -> Prepared:
    """Resolve an experiment and prepare the data of its first group; arguments as `prepare_groups`.

    Raises:
        ConfigError: for choices that do not exist or do not go together.
        DataError: for missing columns, or too few sessions for the lookback and the split.
    """
    return _prepare_group(resolve_experiment(experiment, histories), histories)


def prepare_groups(experiment: Experiment, histories: Sequence[PriceHistory]) -> list[Prepared]:
    """Compute features, split, scale and lay out the histories for each group of like members.

    Args:
        experiment: resolved (`resolve_experiment`).
        histories: one per symbol, of one source, already cut to `data.start` and `data.end`.

    Raises:
        ConfigError: if nothing is trained and no pretrained networks fit.
        DataError: for missing columns, or too few sessions for the lookback and the split.
    """
    if experiment.features is None or experiment.model.head == "auto":
        raise TypeError("an experiment must be resolved first, by `resolve_experiment`")
    return [_prepare_group(group, histories) for group in groups_of(experiment)]


def _prepare_group(experiment: Experiment, histories: Sequence[PriceHistory]) -> Prepared:
    pretrained, fallback_reason = pretrained_for(experiment)
    if not experiment.training.epochs and pretrained is None:
        raise _nothing_to_forecast_with(fallback_reason)
    matrices = build_matrices(histories, experiment.features or ())
    boundaries = resolve_split(
        experiment.split, [pd.DatetimeIndex(history.bars.index) for history in histories]
    )
    sessions = {symbol: pd.DatetimeIndex(m.table.index) for symbol, m in matrices.items()}
    horizon = experiment.target.horizon
    if experiment.training.epochs:
        check_horizon(list(sessions.values()), boundaries, horizon)
    purged = purged_sessions(histories, horizon)
    parts = {
        symbol: assign_origins(dates, boundaries, purged) for symbol, dates in sessions.items()
    }
    if experiment.training.epochs:
        experiment = _suited_windows(experiment, parts)
    _check_sessions(experiment, parts, boundaries)
    if experiment.training.epochs:
        _check_moves(histories, boundaries)
    known = None if pretrained is None else pretrained.scaling
    scaling = fit_scaling(matrices, parts, experiment.target.kind, known)
    inputs = build_inputs(matrices, scaling, give_back_freed_memory)
    return Prepared(
        pin_dates(experiment, histories, boundaries),
        boundaries,
        parts,
        scaling,
        inputs,
        build_targets(inputs, scaling, horizon),
        pretrained,
        fallback_reason,
    )


def _check_sessions(
    experiment: Experiment, parts: Mapping[str, Parts], boundaries: Boundaries
) -> None:
    """There are enough sessions to train on and to test."""
    # One that ended before the test part still teaches the others; alone there is nothing to test.
    tested = {symbol: part for symbol, part in parts.items() if len(part.test)} or dict(parts)
    settings = experiment.training
    every = settings.supervision == "every"
    if settings.epochs:
        burn_in = settings.burn_in if every else 0
        check_parts(dict(parts), boundaries, settings.lookback, burn_in, tested)
    else:
        check_tested(tested, boundaries)
    if not every:
        check_windows(tested, settings.lookback)


def _check_moves(histories: Sequence[PriceHistory], boundaries: Boundaries) -> None:
    """Some close moves before the test part: where none does, there is nothing to fit.

    Raises:
        DataError: naming the symbols and the last day.
    """
    for history in histories:
        closes = history.adjusted_columns()["close"][history.dates <= boundaries.train_end]
        if len(closes) and closes.min() < closes.max():
            return
    names = ", ".join(history.symbol for history in histories[:5])
    raise DataError(
        f"the close of {names} never moves up to {boundaries.train_end:%Y-%m-%d}, the end of the "
        "training part: there is nothing to fit",
        "check the prices with `lstmcast data check`, or move `split`",
    )


def _nothing_to_forecast_with(fallback_reason: str) -> ConfigError:
    """That an experiment neither trains networks nor begins with trained ones."""
    return ConfigError(
        "`training.epochs` is 0, and there are no pretrained networks that could forecast without "
        f"training: {fallback_reason or '`model.start` is random'}",
        "set `training.epochs` to at least 1, or leave `model` and `target` as they are by default",
    )


def _suited_windows(experiment: Experiment, parts: Mapping[str, Parts]) -> Experiment:
    """Windows no longer than the longest training part, where nobody asked for their length."""
    training = experiment.training
    longest = max(2, *(len(part.train) for part in parts.values()))
    if "lookback" in training.model_fields_set or training.lookback <= longest:
        return experiment
    shorter = {"lookback": longest, "burn_in": min(training.burn_in, longest // 4)}
    return experiment.model_copy(update={"training": training.model_copy(update=shorter)})


def pretrained_for(experiment: Experiment) -> tuple[Pretrained | None, str]:
    """The pretrained networks that a resolved experiment begins with, or None and the reason."""
    if experiment.model.start == "random":
        return None, ""
    if experiment.target.kind == "price":
        return None, "`target.kind` price has no pretrained weights"
    if experiment.training.supervision == "last":
        return None, "`training.supervision` last has no pretrained weights"
    pretrained = shipped()
    problem = pretrained.problem(experiment.model)
    return (None, problem) if problem else (pretrained, "")
