"""Training over several processes: each takes its share of every batch.

    torchrun --nproc-per-node 2 -m lstmcast train ...

All processes prepare the same data and draw the same windows in the same order. Of each batch a
process works through some rows; the gradients, already divided by what the whole batch counts, are
added up, so that every process takes the step that one process alone would take, but for the order
of sums. Dropout masks are drawn for the whole batch for the same reason. Validation is shared out
and added up too. The first process alone observes, keeps and writes; what it decides, the others
are told: when to stop, and what a resumed training goes on from.

A process that ends breaks the others' connections, and one that hangs is waited for no longer than
`PATIENCE`; either is a `TrainingError`. PyTorch's DistributedDataParallel is not used: the
gradients lie in one block, which is one call.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from lstmcast.errors import DeviceError, TrainingError
from lstmcast.nn.dropout import SharedMasks
from lstmcast.training.batch import Batch, GatheredBatch
from lstmcast.training.device import processes

T = TypeVar("T")

PATIENCE = timedelta(minutes=5)
"""How long a process waits for the others, who do the same work at the same time."""

_joined: list["Team"] = []
"""The team that this process is in."""


@dataclass(frozen=True)
class Team:
    """The processes of one training.

    Args:
        rank: this one's number.
        size: how many there are, over all machines.
        local: this one's number on its machine.
    """

    rank: int
    size: int
    local: int

    @property
    def leads(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def share(self, batch: Batch | GatheredBatch, masks: torch.Generator | None = None) -> Batch:
        """This process's rows of a batch, whose `total` stays that of the whole.

        A batch of fewer rows than processes leaves some of them one row that counts nothing.

        Args:
            batch: the same in every process.
            masks: told which rows those are.
        """
        count = len(batch)
        first, stop = (count * k // self.size for k in (self.rank, self.rank + 1))
        if isinstance(masks, SharedMasks):
            masks.first, masks.whole = first, count
        own = batch.part(slice(first, max(stop, first + 1)))
        return own if stop > first else replace(own, weight=torch.zeros_like(own.weight))

    def add_up(self, values: Tensor) -> None:
        """Replace values by their sum over all processes."""
        _heard(lambda: distributed.all_reduce(values))

    def total(self, value: Tensor) -> Tensor:
        """The sum of a value over all processes, the same in each to the bit."""
        self.add_up(value)
        _heard(lambda: distributed.broadcast(value, 0))
        return value

    def alike(self, weights: Sequence[Tensor]) -> None:
        """Give all processes the first one's weights."""
        with torch.no_grad():
            for weight in weights:
                _heard(lambda weight=weight: distributed.broadcast(weight, 0))  # type: ignore[misc]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        set_there = torch.tensor(int(flag))
        _heard(lambda: distributed.all_reduce(set_there, distributed.ReduceOp.MAX))
        return bool(set_there)

    def of_first(self, value: T) -> T:
        """The first process's value."""
        held = [value]
        _heard(lambda: distributed.broadcast_object_list(held, 0, device=torch.device("cpu")))
        return held[0]

    def of_all(self, value: T) -> list[T]:
        """Every process's value, in the order of their numbers."""
        return [_pickled_from(self, k, value) for k in range(self.size)]


def _pickled_from(team: Team, rank: int, value: T) -> T:
    held: list[Any] = [value if team.rank == rank else None]
    _heard(lambda: distributed.broadcast_object_list(held, rank, device=torch.device("cpu")))
    own: T = held[0]
    return own


def _heard(call: Callable[[], object]) -> None:
    """Call what every process calls.

    Raises:
        TrainingError: if one of the others is gone, or does not answer in time.
    """
    try:
        call()
    except RuntimeError as error:
        team = _joined[0]
        raise TrainingError(
            f"process {team.rank + 1} of {team.size} lost the others: one of them ended, or has "
            f"not answered for {PATIENCE.total_seconds():g} s",
            "see what it said; the same command with `--resume` goes on with what is kept",
        ) from error


def current_team() -> Team | None:
    """The processes that this one trains with; None where it trains alone."""
    return _joined[0] if _joined else None


@contextmanager
def joined() -> Iterator[Team | None]:
    """Train together with the processes that `torchrun` started, while the context is open.

    Raises:
        TrainingError: if they do not find each other in time.
    """
    if processes() == 1:
        yield None
        return
    number = {name: int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    team = Team(number["RANK"], number["WORLD_SIZE"], number["LOCAL_RANK"])
    _joined.append(team)
    gpus = torch.cuda.is_available() and distributed.is_nccl_available()
    try:
        _heard(
            lambda: distributed.init_process_group(
                "cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=PATIENCE
            )
        )
        yield team
    finally:
        _joined.clear()
        if distributed.is_initialized():
            distributed.destroy_process_group()


def own_device(device: torch.device, name: str) -> torch.device:
    """The device of this process: on a machine with several GPUs each has its own.

    Args:
        device: what one process would take.
        name: `training.device`.

    Raises:
        DeviceError: if there are fewer GPUs than processes, or no process can share its gradients.
    """
    team = current_team()
    if team is None or device.type == "cpu":
        return device
    if device.type == "mps":
        if name == "auto":
            return torch.device("cpu")
        raise DeviceError(
            "`training.device` is 'mps', which several processes cannot train on together",
            "use `--set training.device=cpu`, or train without `torchrun`",
        )
    count = torch.cuda.device_count()
    if ":" in name or team.local >= count:
        found = f"{count} CUDA device{'s' * (count != 1)}"
        raise DeviceError(
            f"`training.device` is {name!r}, and `torchrun` started "
            f"{os.environ.get('LOCAL_WORLD_SIZE', team.size)} processes beside {found}",
            f"use `--nproc-per-node {count}` and `--set training.device=cuda`",
        )
    return torch.device("cuda", team.local)


def mask_generator(device: torch.device) -> torch.Generator:
    """Where dropout masks come from."""
    return SharedMasks(device) if current_team() else torch.Generator(device)


class SharedStop(threading.Event):
    """An event that is set for all processes where it is set for one; all must ask alike.

    Args:
        team: the processes.
    """

    def __init__(self, team: Team) -> None:
        super().__init__()
        self._team = team

    def is_set(self) -> bool:
        """Whether it is set anywhere."""
        return self._team.any(super().is_set())
