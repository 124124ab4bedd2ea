"""An experiment from Python values: keys as keyword arguments, as notebooks write them.

A key that one section alone has is given by its name (`horizon=5`), any other with its section, in
scikit-learn's spelling (`calibration__kind="none"`) or as a mapping (`model={"members": 1}`).
"""

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from lstmcast.config.faults import OTHER_NAMES
from lstmcast.config.models import Data, Experiment
from lstmcast.config.reading import Check, experiment_of
from lstmcast.errors import ConfigError

Path = tuple[str, ...]


def experiment_with(
    base: Mapping[str, Any], settings: Mapping[str, Any], *, check: Check | None = None
) -> Experiment:
    """An experiment with some keys changed.

    Args:
        base: plain values, by section.
        settings: keyword arguments; see the head of this module. None leaves a key as it is.
        check: as in `load_experiment`.

    Raises:
        ConfigError: listing every fault.
    """
    values = _copied(base)
    for name, value in settings.items():
        if value is not None:
            _put(values, path_of(name), _plain(value))
    return experiment_of(values, origin="the experiment", check=check)


def path_of(name: str) -> Path:
    """Where a keyword argument belongs, as keys from the outside inwards.

    Raises:
        ConfigError: if there is no such key, or several of that name.
    """
    if name in Experiment.model_fields:
        return (name,)
    if name in Data.model_fields:  # `start` and `end` are dates
        return ("data", name)
    if "__" in name:
        path = tuple(name.split("__"))
        if path in _PATHS:
            return path
    found = [path for path in _PATHS if path[-1] == name and len(path) > 1]
    if len(found) == 1:
        return found[0]
    if found:
        spelled = " or ".join("`" + "__".join(path) + "`" for path in found)
        raise ConfigError(f"`{name}` is a key of several sections", f"write {spelled}")
    last = name.rpartition("__")[2]
    close = (
        [OTHER_NAMES[last]]
        if last in OTHER_NAMES
        else difflib.get_close_matches(last, {path[-1] for path in _PATHS}, n=1)
    )
    hint = f"did you mean `{close[0]}`?" if close else "docs/configuration.md lists the keys"
    raise ConfigError(f"`{name}` is not a setting", hint)


def _paths(section: type[BaseModel], above: Path = ()) -> Iterator[Path]:
    for name, field in section.model_fields.items():
        yield (*above, name)
        if get_origin(field.annotation) is not tuple:  # variants are a list of sections
            for inner in _sections(field.annotation):
                yield from _paths(inner, (*above, name))


def _sections(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]


_PATHS = tuple(dict.fromkeys(_paths(Experiment)))


def _put(values: dict[str, Any], path: Path, value: object) -> None:
    """Set a key; a mapping is laid over the section that is there."""
    section = values
    for name in path[:-1]:
        section = section.setdefault(name, {})
    if path[0] == "split":  # dates take the place of fractions, and the reverse
        keys = set(value) if isinstance(value, Mapping) and len(path) == 1 else {path[-1]}
        ends = {key.endswith("_end") for key in keys}
        kept = {k: v for k, v in values.get("split", {}).items() if k.endswith("_end") in ends}
        values["split"] = section = kept
        if len(path) == 1:
            section = values
    there = section.get(path[-1])
    if isinstance(value, Mapping) and isinstance(there, dict):
        section[path[-1]] = {**there, **value}
    else:
        section[path[-1]] = value


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copied(v) if isinstance(v, Mapping) else v for k, v in values.items()}


def _plain(value: Any) -> Any:
    """Numbers of numpy and pandas as Python's, stamps as dates, sections as mappings."""
    if (dtype := getattr(value, "dtype", None)) is not None:
        return _plain((value.astype("datetime64[D]") if dtype.kind == "M" else value).tolist())
    if isinstance(value, dt.datetime):  # a pandas Timestamp too
        return value.date()
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
