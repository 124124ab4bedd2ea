"""Where what was asked for differs from what was begun, in words."""

import json
from collections.abc import Iterator
from typing import Any


def differences(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """A line for each key in which two JSON values differ, down to the keys of sections.

    Args:
        then: one of them.
        now: the other.
        path: of the keys above.
    """
    if isinstance(then, dict) and isinstance(now, dict) and not path.count("."):
        for key in [*then, *(key for key in now if key not in then)]:
            yield from differences(then.get(key), now.get(key), f"{path}.{key}" if path else key)
    elif then != now:
        yield f"`{path}` was {_said(then)}, now {_said(now)}"


def _said(value: object) -> str:
    return "not there" if value is None else json.dumps(value)
