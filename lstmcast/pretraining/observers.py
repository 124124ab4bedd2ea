"""Who is told how a pretraining proceeds, and how one that the user stopped ends."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lstmcast.pretraining.objective import HeldOutLoss
from lstmcast.pretraining.progress import Training


class Interrupted(Exception):  # noqa: N818 - as KeyboardInterrupt: nothing went wrong
    """The user stopped a pretraining.

    Args:
        steps: that the network in training has taken.
        kept: the file to go on from; None if there was nothing to keep.
    """

    def __init__(self, steps: int, kept: Path | None) -> None:
        super().__init__(f"interrupted after {steps} steps")
        self.steps = steps
        self.kept = kept


@dataclass(frozen=True)
class References:
    """Held-out losses to compare with.

    Args:
        untrained: of a network before its training, which says EWMA volatility with fat tails.
        known_volatility: next session's, of one who knows the simulator's volatility.
    """

    untrained: HeldOutLoss
    known_volatility: float


class Observer(Protocol):
    """Hears how a pretraining goes on."""

    def on_train_begin(self, references: References) -> None:
        """The first markets are there and training begins."""

    def on_step_end(self, network: int, training: Training, share: float, loss: float) -> None:
        """A step was taken; `share` of the network's training is behind it."""

    def on_evaluate(
        self, network: int, training: Training, share: float, loss: HeldOutLoss
    ) -> None:
        """The average of a network's weights was held against the held-out markets."""


class Silent:
    """An observer that hears nothing of it."""

    def on_train_begin(self, references: References) -> None:
        """Nothing."""

    def on_step_end(self, network: int, training: Training, share: float, loss: float) -> None:
        """Nothing."""

    def on_evaluate(
        self, network: int, training: Training, share: float, loss: HeldOutLoss
    ) -> None:
        """Nothing."""
