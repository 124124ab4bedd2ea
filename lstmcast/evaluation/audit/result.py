"""The result of one check, in a module of its own because every check returns one."""

from dataclasses import asdict, dataclass
from typing import Any

SKILL = "volatility"
"""The check that fails for want of skill, and not for a leak."""


@dataclass(frozen=True)
class Check:
    """One question that was asked.

    Args:
        name: short name of the check.
        passed: None where the check does not apply.
        detail: what was done, or what leaks, in one line.
    """

    name: str
    passed: bool | None
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
