"""Keys and values of the previous version, read for one version as what replaced them.

A configuration or run of the previous version still opens. Whoever reads a file is told the new
name; a run's own file is read without a word.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

_RENAMED = {
    ("training", "ramp"): "learning_rate_warmup",
    ("training", "warm_up"): "burn_in",
    ("training", "averaging"): "ema_decay",
}
"""Sections and keys, with the present key in the same section."""

_REMOVED = (("training", "rate_half_life"), ("model", "symbol_embedding"))
"""Sections and keys that no longer have an effect."""

_MODEL_VALUES = {
    "start": {"blank": "random", "linear": "pretrained", "mixed": "pretrained"},
    "head": {"mixture": "student_t"},
}
"""Keys of `model`, and of each of `model.variants`, with the present value of each former one."""

_CALIBRATION_VALUES = {"kind": {"conformal": "adaptive"}}
"""The same for `calibration`."""


def upgrade_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Rewrite an experiment's former keys and values as the present ones.

    A key that is there under both names stays under both, and is refused as unknown.

    Args:
        values: as read from YAML.

    Returns:
        The values, and a line about each that was rewritten.
    """
    found = copy.deepcopy(dict(values))
    lines = []
    for (name, former), present in _RENAMED.items():
        section = found.get(name)
        if isinstance(section, dict) and former in section and present not in section:
            # In its place: the order of keys is that of messages.
            found[name] = {present if key == former else key: v for key, v in section.items()}
            lines.append(_renamed(name, former))
    for name, key in _REMOVED:
        section = found.get(name)
        if isinstance(section, dict) and key in section:
            del section[key]
            lines.append(f"`{name}.{key}` no longer has an effect; leave it out")
    for path, section, replacements in _sections_with_values(found):
        for key, presents in replacements.items():
            value = section.get(key)
            if isinstance(value, str) and value in presents:
                section[key] = presents[value]
                lines.append(
                    f"`{path}.{key}: {value}` no longer exists; `{presents[value]}` is used"
                )
    return found, lines


def upgrade_key(key: str) -> tuple[str, list[str]]:
    """The present path, `a.b`, of a key, and a line about it if it had another."""
    name, _, last = key.strip().rpartition(".")
    if (name, last) in _RENAMED:
        return f"{name}.{_RENAMED[name, last]}", [_renamed(name, last)]
    return key, []


def _renamed(name: str, former: str) -> str:
    return (
        f"`{name}.{former}` is now called `{name}.{_RENAMED[name, former]}`; the next version will "
        "no longer read the old name"
    )


def _sections_with_values(
    values: Mapping[str, Any],
) -> Iterator[tuple[str, dict[str, Any], dict[str, dict[str, str]]]]:
    """The sections that may hold a former value, with their paths and what replaced such values."""
    calibration, model = values.get("calibration"), values.get("model")
    if isinstance(calibration, dict):
        yield "calibration", calibration, _CALIBRATION_VALUES
    if not isinstance(model, dict):
        return
    yield "model", model, _MODEL_VALUES
    variants = model.get("variants")
    for number, variant in enumerate(variants if isinstance(variants, list) else ()):
        if isinstance(variant, dict):
            yield f"model.variants.{number}", variant, _MODEL_VALUES
