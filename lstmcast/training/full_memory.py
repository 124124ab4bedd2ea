"""What to say where a training gets no more memory: which settings to lower, and by how much."""

import math
import re

import torch

from lstmcast.config import Experiment, groups_of
from lstmcast.config.memory import free_memory
from lstmcast.errors import DeviceError, LstmcastError, ResourcesError
from lstmcast.reading import size

_UNITS = {"B": 0, "K": 1, "M": 2, "G": 3, "T": 4}

_TOLD = re.compile(
    r"out of memory|can't allocate memory|unable to allocate|_ALLOC_FAILED", re.IGNORECASE
)
"""What CUDA, MPS, PyTorch's CPU tensors, NumPy and cuBLAS say where they get no memory."""

_AMOUNT = re.compile(r"allocate ([\d.]+) (?:([KMGT])i?B|bytes)")


def full_memory(
    error: Exception, experiment: Experiment, device: torch.device
) -> LstmcastError | None:
    """The error that tells a user of one that says that there is no memory; None of any other.

    Args:
        error: raised by PyTorch or Python in a training or its forecasts.
        experiment: that was trained.
        device: that it was trained on.
    """
    if (asked := _asked(error)) is None:
        return None
    # While a device trains, what prepares its batches may still find the machine's memory full.
    elsewhere = isinstance(error, MemoryError) or "CPUAllocator" in str(error)
    full = torch.device("cpu") if elsewhere else device
    cpu = full.type == "cpu"
    held, free = _held_and_free(full)
    where = "this machine" if full != device else f"`training.device` {device}"
    there = f" ({size(free)} are free)" if free is not None else ""
    more = f"{size(asked)} more" if asked else "more"
    model = max((group.model for group in groups_of(experiment)), key=lambda m: m.hidden_size)
    settings = experiment.training
    message = (
        f"{where} is out of memory{there}: training asked for {more}, with "
        f"`training.batch_size` {settings.batch_size}, `training.lookback` {settings.lookback}, "
        f"`model.hidden_size` {model.hidden_size} and `model.members` {model.members}"
    )
    # What a step takes grows with each of these; of members, where they are trained side by side.
    factor = _factor(asked, held, free)
    values = {"training.batch_size": settings.batch_size, "model.hidden_size": model.hidden_size}
    if cpu:
        values["model.members"] = model.members
    lower = [
        f"`--set {name}={max(1, value // factor)}`" for name, value in values.items() if value > 1
    ]
    if not cpu:
        lower.append("`--set training.device=cpu`")
    hint = f"try one of {', '.join(lower)}" if lower else "end other programs"
    if cpu and free is not None and asked < free:  # a limit of this process, not of the machine
        hint += ", or raise the limit (`ulimit -v`)"
    return (ResourcesError if cpu else DeviceError)(message, hint)


def _asked(error: Exception) -> int | None:
    """Bytes that were asked for, 0 where that is not told; None if it is another error."""
    if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and not _TOLD.search(
        str(error)
    ):
        return None
    match = _AMOUNT.search(str(error))
    return int(float(match[1]) * 1024 ** _UNITS[match[2] or "B"]) if match else 0


def _held_and_free(device: torch.device) -> tuple[int, int | None]:
    """Bytes that this training's tensors take on a device, and those it could still have."""
    if device.type == "cuda":
        held = torch.cuda.memory_allocated(device)
        unused = torch.cuda.memory_reserved(device) - held
        return held, torch.cuda.mem_get_info(device)[0] + unused
    return 0, free_memory() if device.type == "cpu" else None


def _factor(asked: int, held: int, free: int | None) -> int:
    """By what to divide a setting that all of it grows with; it may be more, never less."""
    if free is None:
        return 2
    return max(2, math.ceil((held + asked) / max(held + free, 1)))
