"""What a trial may change: the space that is searched by default, and how values are drawn."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lstmcast.config import Choices, Experiment, Interval, Values
from lstmcast.config.space import is_whole

if TYPE_CHECKING:
    import optuna

Choice = str | int | float | tuple[str | int | float | None, ...] | None

_ALWAYS: dict[str, Values] = {
    "training.learning_rate": Interval(low=1e-4, high=3e-3, log=True),
    "training.weight_decay": Interval(low=1e-5, high=1e-1, log=True),
    "training.batch_size": (4, 8, 16, 32),
    "model.dropout": Interval(low=0.0, high=0.4),
    "model.input_dropout": Interval(low=0.0, high=0.3),
}

_NEW_WEIGHTS: dict[str, Values] = {
    "training.learning_rate": Interval(low=3e-4, high=3e-2, log=True),
    "model.hidden_size": (16, 32, 64, 128),
    "model.num_layers": (1, 2),
}


def default_space(experiment: Experiment, *, pretrained: bool) -> dict[str, Values]:
    """The space where none is given: how networks are trained, and their size where it is open.

    Args:
        experiment: its own `tuning.space` comes first.
        pretrained: whether its networks begin as pretrained ones, which have one size.
    """
    if experiment.tuning.space:
        return dict(experiment.tuning.space)
    return _ALWAYS if pretrained else {**_ALWAYS, **_NEW_WEIGHTS}


def draw(trial: "optuna.Trial", space: Mapping[str, Values]) -> dict[str, Choice]:
    """The values of one trial, by the path of a key."""
    return {path: _draw(trial, path, values) for path, values in space.items()}


def _draw(trial: "optuna.Trial", path: str, values: Interval | Choices) -> Choice:
    if not isinstance(values, Interval):
        # A study keeps text and numbers: a list of names is kept as JSON.
        words = [_word(choice) for choice in values]
        return values[words.index(trial.suggest_categorical(path, words))]
    low, high, step = values.low, values.high, values.step
    if is_whole(path):
        return trial.suggest_int(path, int(low), int(high), log=values.log, step=int(step or 1))
    return trial.suggest_float(path, float(low), float(high), log=values.log, step=step)


def _word(choice: Choice) -> str | int | float | None:
    return json.dumps(choice) if isinstance(choice, tuple) else choice


def values_of(params: Mapping[str, object], space: Mapping[str, Values]) -> dict[str, Choice]:
    """The values of a trial that is kept, from what the study has of it."""
    found: dict[str, Choice] = {}
    for path, values in space.items():
        kept = params[path]
        if isinstance(values, Interval):
            found[path] = kept  # type: ignore[assignment]  # as it was drawn
        else:
            found[path] = values[[_word(choice) for choice in values].index(kept)]  # type: ignore[arg-type]  # the same
    return found
