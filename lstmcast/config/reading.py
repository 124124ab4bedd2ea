"""An experiment from YAML and `--set a.b=c`, and all its faults at once.

Each fault is told with its path, the value found and what would work.
"""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lstmcast.config.deprecated import upgrade_key, upgrade_values
from lstmcast.config.faults import MOST_FAULTS, faults_of, short
from lstmcast.config.models import Experiment
from lstmcast.config.tuning import Tuning
from lstmcast.config.yaml_text import DEEPEST, read_yaml, write_yaml
from lstmcast.errors import ConfigError
from lstmcast.reading import CONFIG_BYTES, read_file

Tell = Callable[[str], object]
"""Is told a line."""

Check = Callable[[Experiment], Sequence[str]]
"""Finds what an experiment names that does not exist; a line for each fault."""


def load_experiment(
    path: Path,
    overrides: Sequence[str] = (),
    *,
    check: Check | None = None,
    tell: Tell | None = None,
) -> Experiment:
    """Read an experiment from a YAML file and apply `a.b=c` overrides.

    Args:
        path: the YAML file.
        overrides: each `path.to.key=value`, the value read as YAML.
        check: asked as well where the experiment does not validate, with what is valid of it, so
            that faults of values and of names come together.
        tell: told of keys and values of the previous version, with what replaced them.

    Raises:
        ConfigError: listing every fault with its path, the value found and a hint.
    """
    try:
        text = read_file(path, CONFIG_BYTES, pipe=True).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"`--config` {path} cannot be read: {_reason(path, error)}", _what_to_give(path)
        ) from error
    return parse_experiment(text, overrides, origin=str(path), check=check, tell=tell)


def _reason(path: Path, error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    missing = isinstance(error, FileNotFoundError) and not path.parent.is_dir()
    folder = f", the folder {path.parent} is missing" if missing else ""
    return f"{error.strerror or error}{folder}"


def _what_to_give(path: Path) -> str:
    if (path / "config.yaml").is_file():
        return f"give the file in that folder: {path / 'config.yaml'}"
    return "give the path of a YAML file; `lstmcast init AAPL` writes one"


def parse_experiment(
    text: str,
    overrides: Sequence[str] = (),
    *,
    origin: str = "the configuration",
    check: Check | None = None,
    tell: Tell | None = None,
) -> Experiment:
    """Read an experiment from YAML text; see `load_experiment`."""
    values = read_yaml(text, origin)
    start = "start it with `name:` and `data:`, or let `lstmcast init AAPL` write it"
    if values is None:
        raise ConfigError(f"{origin} is empty", start)
    if not isinstance(values, dict):
        raise ConfigError(f"{origin} must be a mapping of keys, got {type(values).__name__}", start)
    return experiment_of(values, overrides, origin=origin, check=check, tell=tell)


def experiment_of(
    values: dict[str, Any],
    overrides: Sequence[str] = (),
    *,
    origin: str,
    check: Check | None = None,
    tell: Tell | None = None,
) -> Experiment:
    """An experiment from plain values by section; see `load_experiment`."""
    of_file, notes = upgrade_values(values)
    values = copy.deepcopy(of_file)
    for override in overrides:
        key, *value = override.split("=", 1)
        key, renamed = upgrade_key(key)
        _apply(values, "=".join([key, *value]))
        values, more = upgrade_values(values)
        notes += [*renamed, *more]
    try:
        experiment = Experiment.model_validate(values)
    except ValidationError as error:
        raise _all_faults(values, of_file, overrides, origin, check) from error
    if tell is not None:
        for line in notes:
            tell(line)
    return experiment


def _all_faults(
    values: dict[str, Any],
    of_file: dict[str, Any],
    overrides: Sequence[str],
    origin: str,
    check: Check | None,
) -> ConfigError:
    """Every fault, and whether the file is to blame or an override: those that it has alone."""
    problems = _problems(values, check)
    blamed = [problem for problem in problems if problem not in _problems(of_file, check)]
    if not overrides:
        blamed = []
    count = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
    if len(problems) > MOST_FAULTS:
        count = f"more than {MOST_FAULTS} faults"
    options = "`--set`" if len(overrides) != 1 else f"`--set {short(overrides[0])}`"
    if not blamed:
        message = f"{origin} has {count}"
    elif len(blamed) == len(problems):
        message = f"{options} has {count}"
    else:
        problems = [p for p in problems if p not in blamed]
        message = f"the experiment has {count}, {len(problems)} of {origin}"
        problems += [f"{options}: {problem}" for problem in blamed]
    return ConfigError(message, problems=tuple(problems))


def _problems(values: dict[str, Any], check: Check | None) -> list[str]:
    problems, valid = faults_of(values)
    if check is not None and valid is not None and len(problems) < MOST_FAULTS:
        problems += check(valid)
    return problems


def _apply(values: dict[str, Any], override: str) -> None:
    """Set one `a.b=c` in the nested mapping."""
    key, equals, value = override.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names) or len(names) > DEEPEST:
        raise ConfigError(
            f"`--set` must look like `model.hidden_size=64`, got `{short(override)}`",
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
    section[names[-1]] = read_yaml(value, f"`--set {short(override)}`")


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML that `load_experiment` reads back to an equal one."""
    values = experiment.model_dump(mode="json", exclude_none=True)
    if experiment.tuning == Tuning():
        del values["tuning"]  # nobody has searched, and nobody asked for it
    return write_yaml(values)


def dump_given(experiment: Experiment) -> str:
    """The same with those keys alone that were given: defaults stay defaults."""
    return write_yaml(experiment.model_dump(mode="json", exclude_unset=True))
