"""How training shows itself: a bar for each member on a terminal, plain lines elsewhere."""

import contextlib
import math
from typing import TYPE_CHECKING

from lstmcast.cli.progress import Bars, Lines

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, TaskID

    from lstmcast.training import EpochRecord, Observer

WIDE, MIDDLE = 125, 78
"""Columns of a terminal that shows all there is to tell of a member, and that has room for bars."""

EVERY = 10
"""Epochs between two plain lines of a member."""


def _loss(value: float) -> str:
    """A loss; of a network that is not trained a part may have none."""
    return "none" if math.isnan(value) else f"{value:.4f}"


class LineProgress(Lines):
    """A line every few epochs and one at the end of each member."""

    def __init__(self, members: int, epochs: int) -> None:
        super().__init__()
        self.members, self.epochs = members, epochs
        self._best: dict[int, EpochRecord] = {}

    def on_train_begin(self, member: int) -> None:
        """Nothing is worth a line yet."""

    def on_epoch_end(self, record: "EpochRecord", *, best: bool) -> None:
        """Print every few epochs."""
        if best:
            self._best[record.member] = record
        if record.epoch % EVERY == 0 or record.epoch == 1:
            low = self._best.get(record.member, record)
            at = f"epoch {record.epoch}/{self.epochs}" if record.epoch else "before training"
            self.say(
                f"member {record.member} {at}: "
                f"train {_loss(record.train_loss)} validation {_loss(record.validation_loss)} "
                f"best {_loss(low.validation_loss)} (epoch {low.epoch}) "
                f"{record.seconds:.2f} s/epoch"
            )

    def on_restart(self, member: int, learning_rate: float) -> None:
        """Say that the member begins again."""
        self._best.pop(member, None)
        self.say(f"member {member} diverged; starting again with learning rate {learning_rate:g}")

    def on_train_end(self, member: int, *, kept: bool) -> None:
        """Say how the member ended."""
        low = self._best.get(member)
        ending = (
            f"best validation {_loss(low.validation_loss)} in epoch {low.epoch}"
            if kept and low
            else "left out"
        )
        self.say(f"member {member} done: {ending}")


class Finished:
    """Tells another observer, and knows when all members are done.

    What cannot be shown is dropped: no training ends because nobody can be told of it.

    Args:
        observer: told of everything.
        members: how many there are.
    """

    def __init__(self, observer: "Observer", members: int) -> None:
        self._observer, self._left = observer, set(range(members))

    @property
    def all(self) -> bool:
        """Whether every member has stopped."""
        return not self._left

    def on_train_begin(self, member: int) -> None:
        """Pass it on."""
        with contextlib.suppress(OSError):
            self._observer.on_train_begin(member)

    def on_epoch_end(self, record: "EpochRecord", *, best: bool) -> None:
        """Pass it on."""
        with contextlib.suppress(OSError):
            self._observer.on_epoch_end(record, best=best)

    def on_restart(self, member: int, learning_rate: float) -> None:
        """Pass it on."""
        with contextlib.suppress(OSError):
            self._observer.on_restart(member, learning_rate)

    def on_train_end(self, member: int, *, kept: bool) -> None:
        """Pass it on, and take the member off the list."""
        with contextlib.suppress(OSError):
            self._observer.on_train_end(member, kept=kept)
        self._left.discard(member)


def _columns(width: int) -> "list[ProgressColumn]":
    """What a terminal of such a width has room for; how long it may take is never left out."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    wide, middle = width >= WIDE, width >= MIDDLE
    name = f"{'member ' if middle else '#'}{{task.fields[member]}}"
    columns: list[ProgressColumn] = [TextColumn(name)]
    if middle:
        columns.append(BarColumn(bar_width=20 if wide else 8))
    columns.append(
        TextColumn(f"{'epoch ' if width >= 100 else ''}{{task.completed}}/{{task.total}}")
    )
    columns.append(TextColumn("{task.fields[losses]}"))
    if wide:
        columns.append(TimeElapsedColumn())
    return [*columns, TextColumn("at most"), TimeRemainingColumn()]


class BarProgress(Bars):
    """A bar for each member with its losses and the time it may still take."""

    def __init__(self, members: int, epochs: int) -> None:
        super().__init__(_columns)
        self._wide = self.width >= WIDE
        self._tasks: list[TaskID] = [
            self._bars.add_task("", total=epochs, member=k, losses="", start=False)
            for k in range(members)
        ]
        self._low: dict[int, float] = {}

    def on_train_begin(self, member: int) -> None:
        """The bar is there already; its clock starts with the first epoch."""

    def on_epoch_end(self, record: "EpochRecord", *, best: bool) -> None:
        """Advance the member's bar."""
        task = self._tasks[record.member]
        if record.epoch == 1:
            self._bars.start_task(task)
        if best:
            self._low[record.member] = record.validation_loss
        low = self._low.get(record.member, record.validation_loss)
        train = f"train {_loss(record.train_loss)}  validation " if self._wide else ""
        validation = f"{_loss(record.validation_loss)}  best {_loss(low)}"
        losses = f"{train}{validation}{' *' if best else '  '}"
        self._bars.update(task, completed=record.epoch, losses=losses)

    def on_restart(self, member: int, learning_rate: float) -> None:
        """Empty the member's bar."""
        self.say(f"member {member} diverged; starting again with learning rate {learning_rate:g}")
        self._low.pop(member, None)
        # `reset` forgets every field that it is not given.
        self._bars.reset(self._tasks[member], start=False, member=member, losses="")

    def on_train_end(self, member: int, *, kept: bool) -> None:
        """Stop the member's clock: early stopping ends most members before their last epoch."""
        task = self._tasks[member]
        done = self._bars.tasks[member].completed
        losses = self._bars.tasks[member].fields["losses"] if kept else "diverged, left out"
        self._bars.update(task, total=max(done, 1), completed=max(done, 1), losses=losses)
