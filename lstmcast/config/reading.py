"""An experiment from YAML and `--set a.b=c`, and all its faults at once.

Each fault is told with its path, the value found and what would work.
"""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lstmcast.config.models import Experiment, SplitDates, SplitFractions, Variant
from lstmcast.config.yaml_text import read_yaml, write_yaml
from lstmcast.errors import ConfigError


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment from a YAML file and apply `a.b=c` overrides.

    Args:
        path: the YAML file.
        overrides: each `path.to.key=value`, the value read as YAML.

    Raises:
        ConfigError: listing every fault with its path, the value found and a hint.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"`--config` {path} cannot be read: {reason}",
            "give the path of a YAML file, such as configs/aapl.yaml",
        ) from error
    return parse_experiment(text, overrides, origin=str(path))


def parse_experiment(
    text: str, overrides: Sequence[str] = (), *, origin: str = "the configuration"
) -> Experiment:
    """Read an experiment from YAML text; see `load_experiment`."""
    values = read_yaml(text, origin)
    if not isinstance(values, dict):
        raise ConfigError(
            f"{origin} must be a mapping of keys, got {type(values).__name__}",
            "start it with `name:` and `data:`; see configs/aapl.yaml",
        )
    for override in overrides:
        _apply(values, override)
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        problems = tuple(_explain(detail) for detail in error.errors())
        count = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
        raise ConfigError(f"{origin} has {count}", problems=problems) from error


def _apply(values: dict[str, Any], override: str) -> None:
    """Set one `a.b=c` in the nested mapping."""
    key, equals, value = override.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise ConfigError(
            f"`--set` must look like `model.hidden_size=64`, got `{override}`",
            "name a key, an equals sign and a value, without spaces around it",
        )
    if names[0] == "split" and len(names) == 2 and isinstance(values.get("split"), dict):
        # Dates replace fractions and the reverse: the two kinds do not mix.
        same_kind = names[1].endswith("_end")
        kept = {k: v for k, v in values["split"].items() if str(k).endswith("_end") == same_kind}
        values["split"] = kept
    section = values
    for name in names[:-1]:
        inner = section.get(name)
        section[name] = dict(inner) if isinstance(inner, dict) else {}
        section = section[name]
    section[names[-1]] = read_yaml(value, f"`--set {override}`")


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML that `load_experiment` reads back to an equal one."""
    return write_yaml(experiment.model_dump(mode="json", exclude_none=True))


def _explain(detail: ErrorDetails) -> str:
    """One line for one fault: the key's path, the value found, and what would work."""
    if detail["type"] == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    location = detail["loc"]
    path = ".".join(str(part) for part in location if part not in {"dates", "fractions"})
    if detail["type"] == "missing":
        return f"`{path}` is missing; add it"
    if detail["type"] == "extra_forbidden":
        return f"`{path}` is not a key; {_suggest(location)}"
    found = detail["input"]
    message = str(detail["msg"]).replace("Input", "it")
    quote = (
        "; quote it, as in '600036'"
        if detail["type"] == "string_type" and isinstance(found, (bool, int, float))
        else ""
    )
    return f"`{path}` is {found!r}; {message[:1].lower() + message[1:]}{quote}"


def _suggest(location: Sequence[int | str]) -> str:
    """Name the key that was probably meant, or the keys that there are."""
    section: type[BaseModel] = Experiment
    for part in location[:-1]:
        if part in {"dates", "fractions"}:
            section = SplitDates if part == "dates" else SplitFractions
        elif part == "variants":
            section = Variant
        elif (field := section.model_fields.get(str(part))) and isinstance(field.annotation, type):
            section = field.annotation
    known = list(section.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known keys are {', '.join(known)}"
