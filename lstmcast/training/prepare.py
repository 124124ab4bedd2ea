"""From an experiment and price histories to everything that training needs, checked.

Choices that depend on the data are made here (`features` and `model.head` left open, fractions
of the split, an open end of the data), so that the experiment written into the run trains the same
run again, also when newer prices have been fetched.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lstmcast.config import Experiment, Model, SplitDates
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
from lstmcast.errors import ConfigError
from lstmcast.features import build_matrices, default_groups
from lstmcast.nn import HEADS, NETWORKS
from lstmcast.pretraining.weights import Pretrained, shipped
from lstmcast.prices.history import PriceHistory


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
        why_new: why they do, where pretrained ones were asked for.
    """

    experiment: Experiment
    boundaries: Boundaries
    parts: dict[str, Parts]
    scaling: Scaling
    inputs: PanelInputs
    targets: PanelTargets
    pretrained: Pretrained | None = None
    why_new: str = ""


def resolve_experiment(experiment: Experiment, histories: Sequence[PriceHistory]) -> Experiment:
    """Fill in the choices that were left open, and check those that depend on one another.

    Raises:
        ConfigError: for a network or head that does not exist or does not fit the target.
    """
    price = experiment.target.kind == "price"
    features = experiment.features
    if features is None:
        features = ("price",) if price else default_groups(histories)
    if price and "price" not in features:
        raise ConfigError(
            f"`target.kind` price needs the feature group `price`, got {', '.join(features)}",
            "add `price` to `features`, or use `target.kind: log_return`",
        )
    model = experiment.model
    head = model.head
    if head == "auto":
        head = "point" if price else "student_t"
    check_network("model.network", model.network)
    check_head("model.head", head)
    if price and HEADS[head].is_distribution:
        raise ConfigError(
            f"`model.head` {head} forecasts returns and does not fit `target.kind` price",
            "use `model.head: point`, or `target.kind: log_return`",
        )
    _check_pool(model, head)
    sources = {history.source for history in histories}
    data = experiment.data.model_copy(update={"source": sources.pop()})
    return experiment.model_copy(
        update={
            "data": data,
            "features": tuple(features),
            "model": model.model_copy(update={"head": head}),
        }
    )


def pin_dates(
    experiment: Experiment, histories: Sequence[PriceHistory], boundaries: Boundaries
) -> Experiment:
    """Write the first and last session and the split's dates into the experiment."""
    data = experiment.data.model_copy(
        update={
            "start": min(history.first for history in histories).date(),
            "end": max(history.last for history in histories).date(),
        }
    )
    split = SplitDates(
        train_end=boundaries.train_end.date(),
        validation_end=boundaries.validation_end.date(),
        test_end=boundaries.test_end.date(),
    )
    return experiment.model_copy(update={"data": data, "split": split})


def _check_pool(model: Model, head: str) -> None:
    """Points and distributions do not go into one pool."""
    heads = [head, *(variant.head for variant in model.variants if variant.head is not None)]
    for name in heads:
        check_head("model.variants.head", name)
    kinds = {HEADS[name].is_distribution for name in heads}
    if len(kinds) > 1:
        raise ConfigError(
            f"`model.variants` mixes the heads {', '.join(dict.fromkeys(heads))}, and a single "
            "number cannot be pooled with a distribution",
            "leave `point` out, or use it for all",
        )
    pool = model.pool
    if kinds == {False} and (pool.method != "equal" or pool.baselines):
        asked = ", ".join(pool.baselines) if pool.baselines else f"method {pool.method}"
        raise ConfigError(
            f"`model.pool` asks for {asked}, and `model.head` {head} states no distribution",
            "use another `model.head`, or leave `model.pool` out",
        )


def check_network(key: str, found: str) -> None:
    """Make sure that there is a network of that name.

    Raises:
        ConfigError: naming those that there are.
    """
    _check_choice(key, found, NETWORKS)


def check_head(key: str, found: str) -> None:
    """Make sure that there is a head of that name; `auto` is one.

    Raises:
        ConfigError: naming those that there are.
    """
    if found != "auto":
        _check_choice(key, found, HEADS)


def _check_choice(key: str, found: str, choices: Collection[str]) -> None:
    if found not in choices:
        raise ConfigError(
            f"`{key}` is {found!r}, which does not exist", f"choose one of {', '.join(choices)}"
        )


def prepare(experiment: Experiment, histories: Sequence[PriceHistory]) -> Prepared:
    """Compute features, split, scale and lay out the histories of an experiment.

    Args:
        experiment: the configuration.
        histories: one per symbol, of one source, already cut to `data.start` and `data.end`.

    Raises:
        ConfigError: for choices that do not exist or do not go together.
        DataError: for missing columns, or too few sessions for the lookback and the split.
    """
    experiment = resolve_experiment(experiment, histories)
    matrices = build_matrices(histories, experiment.features or ())
    boundaries = resolve_split(
        experiment.split, [pd.DatetimeIndex(history.bars.index) for history in histories]
    )
    pretrained, why_new = pretrained_for(experiment)
    trains = experiment.training.epochs > 0
    if not trains and pretrained is None:
        raise _nothing_to_forecast_with(why_new)
    horizon = experiment.target.horizon
    sessions = {symbol: pd.DatetimeIndex(m.table.index) for symbol, m in matrices.items()}
    if trains:
        check_horizon(list(sessions.values()), boundaries, horizon)
    purged = purged_sessions(histories, horizon)
    parts = {
        symbol: assign_origins(dates, boundaries, purged) for symbol, dates in sessions.items()
    }
    if trains:
        experiment = _suited_windows(experiment, parts)
    # One that ended before the test part still teaches the others; alone there is nothing to test.
    tested = {symbol: part for symbol, part in parts.items() if len(part.test)} or parts
    settings = experiment.training
    every = settings.supervision == "every"
    if trains:
        check_parts(tested, boundaries, settings.lookback, settings.burn_in if every else 0)
    else:
        check_tested(tested, boundaries)
    if not every:
        check_windows(tested, settings.lookback)
    known = None if pretrained is None else pretrained.scaling
    scaling = fit_scaling(matrices, parts, experiment.target.kind, known)
    inputs = build_inputs(matrices, scaling)
    return Prepared(
        pin_dates(experiment, histories, boundaries),
        boundaries,
        parts,
        scaling,
        inputs,
        build_targets(inputs, scaling, horizon),
        pretrained,
        why_new,
    )


def _nothing_to_forecast_with(why_new: str) -> ConfigError:
    """That an experiment neither trains networks nor begins with trained ones."""
    return ConfigError(
        "`training.epochs` is 0, and there are no pretrained networks that could forecast without "
        f"training: {why_new or '`model.start` is random'}",
        "let `training.epochs` be 1 at least, or leave `model` and `target` as they are by default",
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
