"""What a training tells those who watch it: a hook for each event, and one who hears nothing."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch of one member came to; a row of `history.csv`."""

    member: int
    epoch: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    seconds: float
    kept: bool = False
    """Whether the member keeps the weights of this epoch."""


class Observer(Protocol):
    """Someone who watches training; called from the threads that train."""

    def on_train_begin(self, member: int) -> None:
        """A member is about to be trained."""
        ...

    def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:
        """An epoch ended; `best` if its validation loss is the lowest so far."""
        ...

    def on_restart(self, member: int, learning_rate: float) -> None:
        """A member diverged and begins again with a lower learning rate."""
        ...

    def on_train_end(self, member: int, *, kept: bool) -> None:
        """A member stopped; `kept` is False if it diverged twice and is left out."""
        ...


class SilentObserver:
    """Watches and says nothing; a base for those who listen to some hooks only."""

    def on_train_begin(self, member: int) -> None:
        """See `Observer`."""

    def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:
        """See `Observer`."""

    def on_restart(self, member: int, learning_rate: float) -> None:
        """See `Observer`."""

    def on_train_end(self, member: int, *, kept: bool) -> None:
        """See `Observer`."""
