"""What a pretraining is asked for: how long, from which seed, on which markets."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, get_args, get_origin

from lstmcast.errors import UsageError
from lstmcast.features.registry import WARM_UP
from lstmcast.simulation import PARTS

HORIZONS = (1, 2, 5, 10, 20, 40, 60)
"""Sessions ahead that a network learns; those between follow from its term structure."""

BURN_IN = 10
"""Rows at the beginning of a market without a loss: the LSTM's memory is still empty."""

GROUP = 8
"""Simulated markets that have shocks in common and may be pooled."""


@dataclass(frozen=True)
class Settings:
    """How networks are trained on simulated markets.

    Args:
        minutes, steps: what each network is given; whichever ends first ends its training. One may
            be None.
        device: of the training, as PyTorch calls it; markets are simulated on the CPU.
        seed: of everything that is drawn.
        networks: how many are trained, one after the other, on markets of their own.
        hidden_size: units of the LSTM.
        batch: markets in a step.
        markets: markets that are simulated at once, and used once.
        sessions: of each market.
        draws: further draws of each session's return, all of which count in the loss.
        held_out: markets that no network is trained on; the losses that are told are on them.
        without: parts of the prior to leave out.

    Raises:
        UsageError: a value that cannot be, named.
    """

    minutes: float | None = None
    steps: int | None = None
    device: str = "cpu"
    seed: int = 0
    networks: int = 1
    hidden_size: int = 64
    batch: int = 32
    markets: int = 512
    sessions: int = 800
    draws: int = 8
    held_out: int = 256
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise UsageError("neither `minutes` nor `steps` is given", "say how long to train")
        if self.minutes is not None and not (math.isfinite(self.minutes) and self.minutes > 0):
            raise UsageError(f"`minutes` must be above 0, got {self.minutes}")
        least = {
            "steps": 1, "seed": 0, "networks": 1, "hidden_size": 1, "batch": 1, "draws": 0,
            "sessions": WARM_UP + 1 + BURN_IN + max(HORIZONS),
        }  # fmt: skip
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise UsageError(f"`{name}` must be at least {low}, got {value}")
        for name in ("markets", "held_out"):
            value = getattr(self, name)
            if value < GROUP or value % GROUP:
                raise UsageError(f"`{name}` must be a multiple of {GROUP}, got {value}")
        if self.markets % self.batch:
            raise UsageError(
                f"`markets` must be a multiple of `batch`, got {self.markets} and {self.batch}"
            )
        if unknown := sorted(set(self.without).difference(PARTS)):
            raise UsageError(
                f"`without` names {', '.join(unknown)}, which the prior does not have",
                f"its parts are {', '.join(PARTS)}",
            )
        object.__setattr__(self, "without", tuple(p for p in PARTS if p in self.without))

    def share_done(self, steps: int, seconds: float) -> float:
        """How much of a network's training is behind it, from 0 to 1."""
        by_steps = steps / self.steps if self.steps else 0.0
        by_time = seconds / 60 / self.minutes if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return {name: list(v) if name == "without" else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Settings":
        """The settings that `to_dict` wrote.

        Raises:
            KeyError, TypeError: if one is missing or of another type.
        """
        found = {field.name: values[field.name] for field in fields(cls)}
        found["without"] = tuple(found["without"])
        for field in fields(cls):
            kinds = get_args(field.type) or (get_origin(field.type) or field.type,)
            value = found[field.name]
            allowed = (*kinds, int) if float in kinds else kinds
            if field.name != "without" and type(value) not in allowed:
                raise TypeError(f"`{field.name}` is {value!r}")
        return cls(**found)
