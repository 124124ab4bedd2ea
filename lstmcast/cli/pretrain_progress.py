"""How pretraining shows itself: a bar for each network on a terminal, plain lines elsewhere."""

import time
from typing import TYPE_CHECKING

from lstmcast.cli.progress import Bars, Lines

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

    from lstmcast.pretraining.objective import HeldOutLoss
    from lstmcast.pretraining.observers import References
    from lstmcast.pretraining.progress import Training

EVERY = 30.0
"""Seconds between two plain lines."""

SMOOTH = 0.95
"""What the shown training loss keeps of itself in a step: markets differ more than networks."""


class LineProgress(Lines):
    """A line every half minute, and one whenever the held-out markets are looked at.

    Args:
        networks: how many are trained.
    """

    def __init__(self, networks: int) -> None:
        super().__init__()
        self.networks = networks
        self._loss: float | None = None
        self._said = time.monotonic()

    def on_train_begin(self, references: "References") -> None:
        """Say what to compare with."""
        self.say(compared(references))

    def on_step_end(self, network: int, training: "Training", share: float, loss: float) -> None:
        """Print now and then."""
        self._loss = smoothed(self._loss, loss)
        if time.monotonic() - self._said >= EVERY:
            self._tell(network, training, share, f"training loss {self._loss:.4f}")

    def on_evaluate(
        self, network: int, training: "Training", share: float, loss: "HeldOutLoss"
    ) -> None:
        """Print the loss on the held-out markets."""
        self._tell(network, training, share, f"held-out loss {loss.next_session:.4f}")
        if share >= 1:
            self._loss = None

    def _tell(self, network: int, training: "Training", share: float, what: str) -> None:
        self._said = time.monotonic()
        self.say(
            f"network {network + 1}/{self.networks} step {training.steps:,} ({share:.0%},"
            f" {training.seconds / 60:.1f} min): {what}"
        )


class BarProgress(Bars):
    """A bar for each network with its losses and the time that is left.

    Args:
        networks: how many are trained.
    """

    def __init__(self, networks: int) -> None:
        super().__init__(_columns)
        self._tasks = [
            self._bars.add_task("", total=1.0, number=k + 1, steps="0", losses="", start=False)
            for k in range(networks)
        ]
        self._loss: list[float | None] = [None] * networks
        self._held_out = [""] * networks

    def on_train_begin(self, references: "References") -> None:
        """Say above the bars what to compare with."""
        self.say(compared(references))

    def on_step_end(self, network: int, training: "Training", share: float, loss: float) -> None:
        """Advance the network's bar."""
        now = self._loss[network] = smoothed(self._loss[network], loss)
        losses = f"training {now:.4f}{self._held_out[network]}"
        self._show(network, training, share, losses)

    def on_evaluate(
        self, network: int, training: "Training", share: float, loss: "HeldOutLoss"
    ) -> None:
        """Show the loss on the held-out markets."""
        self._held_out[network] = held_out = f"  held out {loss.next_session:.4f}"
        now = self._loss[network]
        self._show(network, training, share, f"training {now:.4f}{held_out}" if now else held_out)

    def _show(self, network: int, training: "Training", share: float, losses: str) -> None:
        task = self._tasks[network]
        if not self._bars.tasks[network].started:
            self._bars.start_task(task)
        self._bars.update(task, completed=share, steps=f"{training.steps:,}", losses=losses)


def _columns(width: int) -> "list[ProgressColumn]":  # noqa: ARG001 - the same on any terminal
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return [
        TextColumn("network {task.fields[number]}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %  step {task.fields[steps]}"),
        TextColumn("{task.fields[losses]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]


def smoothed(before: float | None, loss: float) -> float:
    """The training loss as it is shown: an average over the last steps."""
    return loss if before is None else SMOOTH * before + (1 - SMOOTH) * loss


def compared(references: "References") -> str:
    """The losses to compare with, in a line."""
    return (
        "held-out loss of the next session: "
        f"untrained (EWMA) {references.untrained.next_session:.4f},"
        f" knowing the simulator's volatility {references.known_volatility:.4f}"
    )
