"""Which device a network runs on, and how many CPU threads it takes.

The code path is the same on CPU, CUDA and MPS: tensors are made on the CPU, moved once, and stay.
"""

import ctypes
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from lstmcast.errors import ConfigError, DeviceError
from lstmcast.processes import cores
from lstmcast.shelf import let_go
from lstmcast.worker import inside

if TYPE_CHECKING:
    import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""Numbers of malloc.h, in glibc."""

_KEPT_BYTES = 32 * 1024 * 1024
"""The most that glibc takes for the second of them on a 64-bit machine."""


def resolve_device(
    name: str, key: str = "training.device", option: str = "--set training.device="
) -> "torch.device":
    """Turn `auto`, `cpu`, `cuda`, `cuda:N` or `mps` into a device that this machine has.

    `auto` takes CUDA, then MPS, then the CPU.

    Args:
        name: one of these.
        key: what errors call it.
        option: what to put before another one on the command line.

    Raises:
        ConfigError: if the name is none of these.
        DeviceError: if the machine, or this build of PyTorch, lacks the device.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    match = re.fullmatch(r"cpu|mps|cuda(?::(\d{1,3}))?", name)
    if match is None:
        raise ConfigError(
            f"`{key}` is {name!r}, which is not a device",
            "use auto, cpu, cuda, cuda:N or mps",
        )
    if name == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(
            f"`{key}` is 'mps', and this machine or build of PyTorch has no MPS device",
            f"use `{option}cpu` or `auto`",
        )
    if name.startswith("cuda"):
        index, count = int(match[1] or 0), torch.cuda.device_count()
        if index >= count:
            found = f"only {count} CUDA device{'s' * (count != 1)}" if count else "no CUDA device"
            raise DeviceError(
                f"`{key}` is {name!r}, and PyTorch finds {found} here",
                f"use `{option}cpu` or `auto`",
            )
        return torch.device("cuda", index)
    return torch.device(name)


@contextmanager
def threads_each(count: int) -> Iterator[None]:
    """Let PyTorch, where it is loaded, use `count` threads per calling thread in the context."""
    if "torch" not in sys.modules:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def one_thread_each() -> AbstractContextManager[None]:
    """Let PyTorch use one thread per calling thread while the context is open.

    One sequence of a small network has nothing to share out: a second thread made the forecast of
    3,200 sessions ninety times slower on a machine that was busy otherwise, by spinning.
    """
    return threads_each(1)


def available_threads(wanted: int) -> int:
    """The CPU threads to use in all: `wanted`, or every core this process may run on for 0.

    Processes that `torchrun` started on a machine share its cores.
    """
    if wanted:
        return wanted
    if processes() == 1:
        return cores()
    return max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def processes() -> int:
    """How many processes `torchrun` started for this training; 1 where it did not."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return 1
    return int(os.environ.get("WORLD_SIZE", "1"))


def threads_per_network(threads: int, members: int) -> int:
    """How many of the CPU threads each network has that trains beside others.

    Sums are taken in another order with another number, which moves a result by a rounding: what is
    to be the same to the bit needs the same number.

    Args:
        threads: CPU threads in all, at least 1.
        members: networks that train side by side, or one after the other in several processes.
    """
    if processes() > 1:
        return threads
    return max(1, threads // min(members, threads))


def threads_for_one_of_many(wanted: int, share: int, members: Sequence[int]) -> int:
    """The CPU threads of a training whose bits must not depend on how many others run beside it.

    What matters to the bits is how many threads each network has: one, unless `training.threads`
    asks for more. How many networks train side by side does not.

    Args:
        wanted: `training.threads`.
        share: cores that the training gets; counts only where `wanted` is 0.
        members: networks of each group.
    """
    return wanted or max(1, min(share, *(2 * count - 1 for count in members)))


@contextmanager
def thread_pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """An executor that has ended all its threads when the context ends, whatever the user presses.

    A Ctrl-C while the context waits for them is raised when they have ended. CPython 3.11 takes a
    wait that was interrupted for the end of the thread, and then ends the process under it, which
    PyTorch answers with an abort.
    """
    executor = ThreadPoolExecutor(threads)
    try:
        yield executor
    finally:
        with _interrupts_put_off():
            executor.shutdown()


@contextmanager
def _interrupts_put_off() -> Iterator[None]:
    """Raise a Ctrl-C of this context at its end; only the main thread hears of one at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
    if seen:
        raise KeyboardInterrupt


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], wanted: int
) -> list[Result]:
    """The function's results for all items, computed side by side.

    It pays where the function spends its time in PyTorch's or NumPy's compiled code, which leaves
    the interpreter to others. Each call has one thread of PyTorch's.

    Args:
        function: called once for each item.
        items: in the order of the results.
        wanted: CPU threads, 0 for as many as there are cores.
    """
    with one_thread_each(), thread_pool(available_threads(wanted)) as executor:
        return list(executor.map(function, items))


@cache
def keep_freed_memory() -> bool:
    """Ask the C library to keep freed memory for the next step instead of giving it back.

    A step frees and takes the same few megabytes again. glibc hands blocks of that size back to the
    system, and every page must be mapped anew: a sixth of a training step went there. It holds for
    the whole process, so a command and its workers do this and the library does not.

    Returns:
        Whether there is a glibc that was told so; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    trim, mmap = (mallopt(name, _KEPT_BYTES) for name in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD))
    return bool(trim and mmap)


def keep_freed_memory_of_worker() -> None:
    """The same where this process is a worker."""
    if inside():
        keep_freed_memory()


def give_back_freed_memory() -> None:
    """Give the system back what was freed in small pieces: glibc keeps it for this process alone.

    After many symbols were prepared that is more than all that a training needs. So is what was
    read of arrays on disk.
    """
    let_go()
    if sys.platform.startswith("linux"):
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)
