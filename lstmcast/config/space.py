"""Values for some keys of an experiment, and whether those of a search space can be that."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from lstmcast.config.faults import explain, faults_of
from lstmcast.config.models import Experiment
from lstmcast.config.reading import Check
from lstmcast.config.tuning import Choice, Interval, Values
from lstmcast.errors import ConfigError

SEARCHED = ("features", "model", "training")
"""What a search may change: not the prices, nor what is forecast of them, nor how it is split."""

FIXED = ("training.device", "training.replay", "training.seed", "training.threads")
"""What says where and from which numbers networks are trained, and not how."""

LIST = ("model.variants",)
"""What has no one value."""


def with_values(experiment: Experiment, values: Mapping[str, Choice]) -> Experiment:
    """The experiment with other values for some keys; defaults that follow from them follow.

    Args:
        experiment: as it was read, not resolved.
        values: by the path of a key, as in `training.learning_rate`.

    Raises:
        ConfigError: listing every fault.
    """
    given = _given(experiment, values)
    try:
        return Experiment.model_validate(given)
    except ValidationError as error:
        problems = tuple(faults_of(given)[0])
        raise ConfigError("; ".join(problems), problems=problems) from error


def is_whole(path: str) -> bool:
    """Whether a key takes whole numbers alone."""
    kind = _annotation(path)
    kinds = {kind, *get_args(kind)}
    return int in kinds and float not in kinds


def check_space(
    experiment: Experiment, space: Mapping[str, Values], check: Check | None = None
) -> list[str]:
    """What is wrong with a search space: keys that cannot be searched, and values out of bounds.

    Values that do not go together, such as a window shorter than its burn-in, are no fault of the
    space: a trial that draws them fails, and the search goes on.

    Args:
        experiment: whose keys they are.
        space: by the path of a key, its values.
        check: finds names that do not exist in the experiment with one choice.

    Returns:
        A line for each fault.
    """
    known = set(check(experiment)) if check else set()
    problems: list[str] = []
    for path, values in space.items():
        if refused := _refused(path):
            problems.append(refused)
            continue
        ends = (values.low, values.high) if isinstance(values, Interval) else values
        for value in ends:
            faults = _faults(experiment, path, value)
            if not faults and check is not None and not isinstance(values, Interval):
                chosen = _try(experiment, path, value)
                faults = [f for f in (check(chosen) if chosen else ()) if f not in known]
            problems += [f"`tuning.space`: {fault}" for fault in faults]
        if isinstance(values, Interval) and is_whole(path) and not _whole_step(values):
            problems.append(
                f"`tuning.space`: `{path}` takes whole numbers, and `step` is {values.step:g}"
            )
    return list(dict.fromkeys(problems))


def _whole_step(values: Interval) -> bool:
    return values.step is None or float(values.step).is_integer()


def _refused(path: str) -> str:
    """Why a key cannot be searched; empty where it can be, or is none."""
    first = path.partition(".")[0]
    if path in FIXED:
        return f"`tuning.space` names `{path}`, which cannot be searched: set it in the experiment"
    if path.startswith(LIST):
        return f"`tuning.space` names `{path}`, which is a list: search one key at a time"
    if first in Experiment.model_fields and first not in SEARCHED:
        return (
            f"`tuning.space` names `{path}`, which changes the rows that trials are scored on: "
            f"search among {', '.join(SEARCHED)}"
        )
    return ""


def _faults(experiment: Experiment, path: str, value: Choice) -> list[str]:
    """What is wrong with one value of one key, whatever the others are."""
    given = _given(experiment, {path: value})
    if _annotation(path) is None:
        return faults_of(given)[0] or [f"`{path}` is not a key that has one value"]
    try:
        Experiment.model_validate(given)
    except ValidationError as error:
        own = tuple(path.split("."))
        return [
            explain(detail) for detail in error.errors() if tuple(detail["loc"])[: len(own)] == own
        ]
    return []


def _try(experiment: Experiment, path: str, value: Choice) -> Experiment | None:
    try:
        return with_values(experiment, {path: value})
    except ConfigError:
        return None


def _given(experiment: Experiment, values: Mapping[str, Choice]) -> dict[str, Any]:
    """What was given of an experiment, and the values in their places."""
    given: dict[str, Any] = experiment.model_dump(exclude_unset=True)
    for path, value in values.items():
        *above, last = path.split(".")
        section = given
        for name in above:
            inner = section.get(name)
            section[name] = dict(inner) if isinstance(inner, dict) else {}
            section = section[name]
        section[last] = list(value) if isinstance(value, tuple) else value
    return given


def _annotation(path: str) -> Any:
    """The type of the key at a path; None where there is no such key, or it is a section."""
    section: Any = Experiment
    for name in path.split("."):
        fields = getattr(section, "model_fields", {})
        if name not in fields:
            return None
        section = fields[name].annotation
    is_section = isinstance(section, type) and issubclass(section, BaseModel)
    return None if is_section else section
