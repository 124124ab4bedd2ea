"""Results as plain JSON values, which know neither NaN nor numbers as keys.

Every result has a `to_dict`; here is what they share.
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def finite(value: Any) -> Any:
    """The value, or None where it is a number that is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_fields(record: Any) -> dict[str, Any]:
    """The fields of a flat dataclass, with None for NaN."""
    return {field.name: finite(getattr(record, field.name)) for field in fields(record)}


def by_horizon(parts: Mapping[int, Any]) -> dict[str, Any]:
    """Results by horizon; horizons become strings, as JSON wants."""
    return {str(horizon): part.to_dict() for horizon, part in parts.items()}
