"""Early stopping: when validation says that training is over, and which weights it leaves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from lstmcast.nn import Network

THRESHOLD = 5e-5
"""Least relative improvement of the validation loss that counts for early stopping: a smaller one
is sampling error, and to chase it is to fit the validation part."""


@dataclass
class EarlyStopping:
    """Remembers the best validation loss and the weights that reached it.

    Args:
        patience: epochs to wait for a better loss.
        threshold: least relative improvement that counts.
        margin: by how much the loss of epoch 0 must be beaten for its weights to be left.
    """

    patience: int
    threshold: float = THRESHOLD
    margin: float = 0.0
    best_loss: float = math.inf
    best_epoch: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    _start: tuple[float, dict[str, Tensor]] | None = None

    def update(self, epoch: int, loss: float, network: Network) -> bool:
        """Note an epoch's validation loss; True if it is the lowest so far."""
        if self.weights and loss >= self.best_loss - self.threshold * abs(self.best_loss):
            return False
        self.best_loss, self.best_epoch = loss, epoch
        self.weights = {name: w.detach().clone() for name, w in network.state_dict().items()}
        if epoch == 0:
            self._start = loss, self.weights
        return True

    def restore_start(self) -> None:
        """Go back to epoch 0 where what came after it is not better by the margin."""
        if self._start is not None and self.best_loss > self._start[0] - self.margin:
            (self.best_loss, self.weights), self.best_epoch = self._start, 0

    def exhausted(self, epoch: int) -> bool:
        """Whether the best epoch lies `patience` epochs back."""
        return epoch - self.best_epoch >= self.patience

    def keep(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is remembered, as tensors and plain values, after one epoch at least."""
        tensors = {f"best.{name}": weight for name, weight in self.weights.items()}
        start = None
        if self._start is not None:
            start = self._start[0]
            tensors |= {f"start.{name}": weight for name, weight in self._start[1].items()}
        return tensors, {"loss": self.best_loss, "epoch": self.best_epoch, "start": start}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Remember what `keep` was given.

        Raises:
            KeyError, TypeError, ValueError: if it is something else.
        """
        self.best_loss, self.best_epoch = float(values["loss"]), int(values["epoch"])
        self.weights = _below("best.", tensors)
        if values["start"] is not None:
            self._start = float(values["start"]), _below("start.", tensors)

    def require_names(self, state: Mapping[str, Tensor]) -> None:
        """Make sure that all that is remembered is of one network.

        Raises:
            ValueError: if it lacks a weight, or has another.
        """
        for weights in (self.weights, *([] if self._start is None else [self._start[1]])):
            shapes = {name: weight.shape for name, weight in weights.items()}
            if shapes != {name: weight.shape for name, weight in state.items()}:
                raise ValueError("the best weights are of another network")


def _below(start: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }
