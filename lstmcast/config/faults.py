"""All that is wrong with an experiment, each fault in a line: path, value, what would work.

Pydantic stops at the first kind of fault: while a key is misspelt, it does not ask whether the
values go together. So what was found is taken out or replaced, and the rest is asked again.
"""

import copy
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lstmcast.config.models import Experiment, SplitDates, SplitFractions, Variant

Path = tuple[int | str, ...]
"""Keys from the outside inwards, and numbers in lists."""

_KINDS = {"dates", "fractions", "interval", "choices"}
"""What pydantic calls the kinds of `split`, and of values in `tuning.space`, in a fault's path."""

_STAND_INS: dict[Path, object] = {("name",): "unnamed", ("data", "symbols"): ["UNNAMED"]}
"""Values that take the place of those that must be given, while the others are asked."""

OTHER_NAMES = {
    "lr": "learning_rate",
    "batch": "batch_size",
    "layers": "num_layers",
    "hidden": "hidden_size",
    "units": "hidden_size",
    "window": "lookback",
    "sequence_length": "lookback",
    "seq_len": "lookback",
    "tickers": "symbols",
    "ticker": "symbols",
    "ensemble": "members",
    "early_stopping": "patience",
    "steps_ahead": "horizon",
    "ramp": "learning_rate_warmup",
    "warm_up": "burn_in",
    "averaging": "ema_decay",
}
"""What other programs call these keys."""

_ROUNDS = 20

MOST_FAULTS = 20
"""Faults that are told one by one; of the rest, how many there are."""
_LONGEST = 80
"""Characters of a value or a key that are shown."""


def faults_of(values: Mapping[str, Any]) -> tuple[list[str], Experiment | None]:
    """Every fault of an experiment's values.

    Returns:
        A line for each, of very many the first ones, and the experiment as far as it is valid:
        with defaults in the place of what is wrong. None where not even that can be made.
    """
    rest = copy.deepcopy(dict(values))
    found: dict[str, None] = {}
    untold = 0
    for _ in range(_ROUNDS):
        try:
            return _told(found, untold), Experiment.model_validate(rest)
        except ValidationError as error:
            details = error.errors()
        before = len(found) + untold
        for number, detail in enumerate(details):
            if len(found) == MOST_FAULTS:
                untold += len(details) - number
                break
            found[explain(detail)] = None
        for detail in details:
            _mend(rest, detail)
        if len(found) + untold == before:
            break
    return _told(found, untold), None


def _told(found: Mapping[str, None], untold: int) -> list[str]:
    return [*found, *([f"and {untold:,} more"] if untold else [])]


def _mend(values: dict[str, Any], detail: ErrorDetails) -> None:
    """Take what is wrong out of the values, or give what is missing."""
    path = tuple(part for part in detail["loc"] if part not in _KINDS)
    if path in _STAND_INS:
        _replace(values, path, _STAND_INS[path])
    elif detail["type"] == "extra_forbidden":
        _remove(values, path)
    elif path == ("data",):  # missing, no mapping, or parts of it that do not go together
        values["data"] = {"symbols": _STAND_INS["data", "symbols"]}
    elif detail["type"] == "missing" or path[:1] == ("split",):
        _remove(values, path[:1])  # the keys of a split stand and fall together
    else:
        _remove(values, path)


def _replace(values: dict[str, Any], path: Path, value: object) -> None:
    *above, last = path
    section: Any = values
    for part in above:
        if not isinstance(section.get(part), dict):
            section[part] = {}
        section = section[part]
    section[last] = value


def _remove(values: Any, path: Path) -> None:
    *above, last = path
    for part in above:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(values, dict):
        values.pop(last, None)
    elif isinstance(values, list) and isinstance(last, int) and last < len(values):
        values[last] = {} if isinstance(values[last], dict) else "UNNAMED"


def explain(detail: ErrorDetails) -> str:
    """One line for one fault: the key's path, the value found, and what would work."""
    if detail["type"] == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    location = tuple(part for part in detail["loc"] if part != "[key]")
    path = _dotted(part for part in location if part not in _KINDS)
    if detail["type"] == "missing":
        return f"`{path}` is missing; add it"
    if detail["type"] in {"extra_forbidden", "invalid_key"}:
        return f"`{path}` is not a key; {_suggest(location)}"
    found = detail["input"]
    if found is None and detail["type"] in {"model_type", "dict_type"}:
        return f"`{path}` is empty; give it keys, or leave it out"
    message = str(detail["msg"]).replace("Input", "it")
    quote = (
        "; quote it, as in '600036'"
        if detail["type"] == "string_type" and isinstance(found, (bool, int, float))
        else ""
    )
    return f"`{path}` is {short(repr(found))}; {message[:1].lower() + message[1:]}{quote}"


def _dotted(path: Iterator[int | str] | Sequence[int | str]) -> str:
    return ".".join(short(str(part)) for part in path)


def short(text: str) -> str:
    """Text as it is shown in a message: of a long one the beginning."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _suggest(location: Path) -> str:
    """Name the key that was probably meant, by its whole path, or the keys that there are."""
    *above, last = location
    section, given = _section(above), str(last)[:_LONGEST]
    own = _dotted(part for part in above if part not in _KINDS)
    known = dict(_keys())
    if "." in given and given in known:
        name, _, key = given.rpartition(".")
        return f"write `{key}` in a line of its own below `{name}:`"
    name = OTHER_NAMES.get(_plain(given), _plain(given))
    here = {_plain(key): key for key in section.model_fields}
    if section is SplitFractions or section is SplitDates:
        here = {
            _plain(key): key for kind in (SplitFractions, SplitDates) for key in kind.model_fields
        }
    prefix = f"{own}." if own else ""
    elsewhere: dict[str, list[str]] = {}
    for path, key in known.items():
        elsewhere.setdefault(_plain(key), []).append(path)
    for names, least in ((here, 0.6), (elsewhere, 0.75)):
        close = difflib.get_close_matches(name, names, n=1, cutoff=least)
        exact_elsewhere = name in elsewhere and name not in here
        if not close or (names is here and exact_elsewhere):
            continue
        paths = elsewhere[close[0]] if names is elsewhere else [f"{prefix}{here[close[0]]}"]
        return f"did you mean {' or '.join(f'`{path}`' for path in paths)}?"
    return f"known keys are {', '.join(section.model_fields)}"


def _plain(key: str) -> str:
    """A key without what people write differently: case, hyphens, plural."""
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in key)
    plain = words.lower().replace("-", "_").replace("__", "_").strip("_")
    return key.lower() if key.isupper() else plain


def _section(path: Sequence[int | str]) -> type[BaseModel]:
    """The model that a path leads to."""
    section: type[BaseModel] = Experiment
    for part in path:
        if part in _KINDS:
            section = SplitDates if part == "dates" else SplitFractions
        elif part == "variants":
            section = Variant
        elif (field := section.model_fields.get(str(part))) and isinstance(field.annotation, type):
            section = field.annotation
    return section


def _keys(section: type[BaseModel] = Experiment, path: str = "") -> Iterator[tuple[str, str]]:
    """Every key that an experiment may have, by its path; those of variants are the model's."""
    for name, field in section.model_fields.items():
        yield path + name, name
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _keys(inner, f"{path}{name}.")
        elif name == "split":
            for kind in (SplitFractions, SplitDates):
                yield from _keys(kind, "split.")
