"""Keys and values of the version before, read as what they are called now, for one version.

A file or a run that was written by the version before opens as it did. Whoever reads a file is told
the new name; a run's own file is read in silence.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

_RENAMED = {
    ("training", "ramp"): "learning_rate_warmup",
    ("training", "warm_up"): "burn_in",
    ("training", "averaging"): "ema_decay",
}
"""Sections and keys, with the key of today in the same section."""

_REMOVED = (("training", "rate_half_life"), ("model", "symbol_embedding"))
"""Sections and keys that no longer do anything."""

_STARTS = {"blank": "random", "linear": "pretrained", "mixed": "pretrained"}
"""Values of `start`, in `model` and in each of `model.variants`."""


def present_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An experiment's values by the keys and values of today.

    A key that is there under both names stays under both, and is refused as unknown.

    Args:
        values: as read from YAML.

    Returns:
        The values, and a line about each that was written as in the version before.
    """
    found = copy.deepcopy(dict(values))
    lines = []
    for (name, former), today in _RENAMED.items():
        section = found.get(name)
        if isinstance(section, dict) and former in section and today not in section:
            # In its place: the order of keys is that of messages.
            found[name] = {today if key == former else key: v for key, v in section.items()}
            lines.append(_renamed(name, former))
    for name, key in _REMOVED:
        section = found.get(name)
        if isinstance(section, dict) and key in section:
            del section[key]
            lines.append(f"`{name}.{key}` no longer has an effect; leave it out")
    for path, model in _models(found):
        start = model.get("start")
        if isinstance(start, str) and start in _STARTS:
            model["start"] = _STARTS[start]
            lines.append(
                f"`{path}.start: {start}` is of an earlier version and read as `{model['start']}`"
            )
    return found, lines


def present_key(key: str) -> tuple[str, list[str]]:
    """A key's path, `a.b`, by its name of today, and a line about it where it had another."""
    name, _, last = key.strip().rpartition(".")
    if (name, last) in _RENAMED:
        return f"{name}.{_RENAMED[name, last]}", [_renamed(name, last)]
    return key, []


def _renamed(name: str, former: str) -> str:
    today = _RENAMED[name, former]
    return (
        f"`{name}.{former}` is now called `{name}.{today}`; the next version will no longer read "
        "the old name"
    )


def _models(values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sections that have a `start`, with their paths."""
    model = values.get("model")
    if not isinstance(model, dict):
        return
    yield "model", model
    variants = model.get("variants")
    for number, variant in enumerate(variants if isinstance(variants, list) else ()):
        if isinstance(variant, dict):
            yield f"model.variants.{number}", variant
