"""Where a training loop stands between two epochs, as tensors and plain values, and back again.

What comes after depends on nothing else: weights, their average, AdamW's moments and steps, the
generators of windows and dropout masks, what early stopping remembers, and the epochs so far.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from lstmcast.training.observers import EpochRecord
from lstmcast.training.steps import Steps
from lstmcast.training.stopping import EarlyStopping


@dataclass(frozen=True)
class Kept:
    """What is kept of a member at some stage.

    Args:
        tensors: by name.
        values: that JSON can hold.
    """

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


@dataclass
class Progress:
    """A loop between two epochs.

    Args:
        steps: the optimiser's.
        order, masks: generators of windows and of dropout masks.
        stopping: None where the number of epochs is known.
        records: of the epochs so far.
        epochs: that are done.
    """

    steps: Steps
    order: torch.Generator
    masks: torch.Generator
    stopping: EarlyStopping | None = None
    records: list[EpochRecord] = field(default_factory=list)
    epochs: int = 0

    def keep(self) -> Kept:
        """All that the next epoch depends on."""
        tensors = {f"steps.{name}": value for name, value in self.steps.tensors().items()}
        tensors["order"] = self.order.get_state()
        tensors["masks"] = self.masks.get_state()
        values: dict[str, Any] = {
            "taken": self.steps.taken,
            "full_rate": self.steps.full_rate,
            "epochs": self.epochs,
            "records": [asdict(record) for record in self.records],
        }
        if self.stopping is not None:
            found, values["stopping"] = self.stopping.keep()
            tensors |= {f"stopping.{name}": value for name, value in found.items()}
        return Kept(tensors, values)

    def restore(self, kept: Kept) -> None:
        """Go back to where `keep` was called.

        Raises:
            KeyError, RuntimeError, TypeError, ValueError: if it is of another network.
        """
        tensors, values = kept.tensors, kept.values
        steps = {n.removeprefix("steps."): t for n, t in tensors.items() if n.startswith("steps.")}
        self.steps.restore(steps, int(values["taken"]))
        self.order.set_state(tensors["order"])
        self.masks.set_state(tensors["masks"])
        if self.stopping is not None:
            start = "stopping."
            own = {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
            self.stopping.restore(own, values["stopping"])
            self.stopping.require_names(self.steps.ema.state_dict())
        self.records[:] = records_of(values)
        self.epochs = int(values["epochs"])


def records_of(values: Mapping[str, Any]) -> list[EpochRecord]:
    """The epochs that are kept."""
    records = [EpochRecord(**record) for record in values["records"]]
    for record in records:
        numbers = [value for value in vars(record).values() if not isinstance(value, bool)]
        if not all(isinstance(value, (int, float)) for value in numbers):
            raise TypeError("an epoch holds other things than numbers")
    return records
