"""Where a panel is kept: on the device that trains, or in host memory where it would fill that.

In host memory batches are gathered there and move to the device one after the other; a training
reads the same numbers in the same order, so its losses are the same to the bit. It costs a copy of
each batch: a tenth of a millisecond for 64 windows of 128 sessions over PCI Express.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lstmcast.reading import size
from lstmcast.training.prepare import Prepared

_NEXT_SESSIONS = 2

PANEL_SHARE = 0.5
"""Of a device's free memory, the most that a panel takes; networks and batches need the rest."""


@dataclass(frozen=True)
class PanelHome:
    """Where the panel of a training is kept.

    Args:
        device: that the network is trained on.
        apart: whether the panel is in host memory, and batches move to the device.
        line: what a run's record says of it; empty where nothing was to be decided.
    """

    device: torch.device
    apart: bool = False
    line: str = ""

    @property
    def kept(self) -> torch.device:
        """Where the panel is."""
        return torch.device("cpu") if self.apart else self.device

    def chosen(self, values: Tensor, rows: Tensor) -> Tensor:
        """Some rows of what is kept, on the device that trains.

        Rows on their way to a CUDA device are gathered in memory that the system cannot move
        (pinned), so that the copy waits for nothing; PyTorch uses such memory again once it is
        copied.
        """
        if not self.apart:
            return values.index_select(0, self.sent(rows))
        pinned = self.device.type == "cuda"
        held = torch.empty((len(rows), *values.shape[1:]), dtype=values.dtype, pin_memory=pinned)
        torch.index_select(values, 0, rows, out=held)
        return self.sent(held)

    def placed(self, rows: Tensor) -> Tensor:
        """Numbers of rows where the panel is, from the CPU."""
        return rows if self.apart else self.sent(rows)

    def sent(self, values: Tensor) -> Tensor:
        """Values on the device that trains; nobody waits for them on their way."""
        if self.device.type != "cuda" or values.device.type != "cpu":
            return values.to(self.device)
        return values.pin_memory().to(self.device, non_blocking=True)


def choose_home(parts: Sequence[Prepared], device: torch.device) -> PanelHome:
    """Keep panels on the device if the largest takes at most `PANEL_SHARE` of its free memory.

    Args:
        parts: the data of each group of networks, which are trained one after the other.
        device: that they are trained on.
    """
    free = free_on(device)
    if free is None:
        return PanelHome(device)
    needed = max(panel_bytes(part) for part in parts)
    apart = needed > PANEL_SHARE * free
    where = "in host memory" if apart else f"on {device}"
    line = (
        f"{size(needed)} {where}: {size(free)} of {device} are free, of which a panel may take "
        f"{PANEL_SHARE:.0%}"
    )
    return PanelHome(device, apart, line)


def panel_bytes(part: Prepared) -> int:
    """Bytes of a panel: of a row its features and scale, and its targets.

    That of the next session is kept once more each for the training and for the refit.
    """
    features, truth = part.inputs.features, part.targets.values
    numbers = features.shape[1] + 1 + truth.shape[1] + _NEXT_SESSIONS
    needed: int = 4 * len(truth) * numbers
    return needed


def free_on(device: torch.device) -> int | None:
    """Bytes that tensors can still take on a CUDA device; None for others, which share the host's.

    What PyTorch holds and does not use is free to it.
    """
    if device.type != "cuda":
        return None
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + unused)
