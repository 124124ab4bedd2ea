"""The devices that networks can be trained on here, with their names and memory."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import torch

from lstmcast.training.device import available_threads


@dataclass(frozen=True)
class Device:
    """A device of this machine.

    Args:
        name: as `training.device` takes it.
        model: what its maker calls it.
        memory: bytes; None where that is not told.
        free: bytes that are free.
        cores: that this process may use, of a CPU.
    """

    name: str
    model: str
    memory: int | None = None
    free: int | None = None
    cores: int | None = None


def devices() -> list[Device]:
    """The CPU first, then what PyTorch finds beside it.

    Raises:
        RuntimeError: a device is there and does not answer.
    """
    found = [_cpu()]
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        free, total = torch.cuda.mem_get_info(index)
        found.append(Device(f"cuda:{index}", about.name, total, free))
    if torch.backends.mps.is_available():
        found.append(Device("mps", platform.processor() or "Apple GPU"))
    return found


def _cpu() -> Device:
    return Device("cpu", _cpu_model(), *_memory(), available_threads(0))


def _cpu_model() -> str:
    """The model of the CPU; Linux tells it in a file alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _memory() -> tuple[int | None, int | None]:
    """Bytes of memory in all, and those that are free for programs."""
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total = page * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None, None
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
        (line,) = (x for x in text.splitlines() if x.startswith("MemAvailable:"))
        return total, 1024 * int(line.split()[1])
    except (OSError, ValueError):
        return total, None
