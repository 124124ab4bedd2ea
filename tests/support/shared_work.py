"""Functions that a test lets worker processes call, who import them by name."""

import gc
import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from lstmcast.errors import DataError
from lstmcast.parallel import workers_for


def measured(common: NDArray[np.float64], item: int) -> tuple[float, bool, int, int, int]:
    """A sum over the common array, and where and how it was computed."""
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    total = float(np.dot(common[item:], common[: len(common) - item]))
    return total, common.flags.writeable, threads, workers_for(0, 10), os.getpid()


ARRAY = np.random.default_rng(0).normal(size=300_000)


class Worker(NamedTuple):
    """A worker, as it is while it works."""

    loaded: bool
    """Whether it has loaded a module that nothing here needs."""
    deaf: bool
    """Whether Ctrl-C is kept away from it."""
    garbage: int
    """New objects after which it looks for garbage."""
    pid: int
    parent: int


def prepared(common: str, item: int) -> Worker:
    """What the worker of an item is like."""
    deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return Worker(common in sys.modules, deaf, gc.get_threshold()[0], os.getpid(), os.getppid())


def late(common: dict[str, float], item: int) -> int:
    """The item, the first one last."""
    time.sleep(common["seconds"] if item == 0 else 0)
    return item


def failing(common: str, item: int) -> int:
    """An error of the user's for one item."""
    if item == 2:
        raise DataError(f"{common} {item}", "hint")
    return item


def killed(common: Path, item: int) -> None:
    """A worker that the system ends."""
    if item == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def orphaned(common: None, item: int) -> None:
    """A worker whose parent the system ends."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(20)


def waiting(common: Path, item: int) -> None:
    """Say who is here, and stay."""
    (common / f"{os.getpid()}").touch()
    time.sleep(60)


def wait_in_workers(folder: Path) -> None:
    """A program whose workers wait, to be ended by a signal.

    The thread that feeds the workers is the last to end, as may happen on a busy machine.
    """
    from lstmcast.cli.interrupts import listen
    from lstmcast.parallel import in_order

    synchronize = importlib.import_module("joblib.externals.loky.backend.synchronize")
    queue = importlib.import_module("joblib.externals.loky.backend.queues").Queue
    unlink, feed = vars(synchronize)["sem_unlink"], queue._feed

    def slow_unlink(name: str) -> None:
        unlink(name)
        if threading.current_thread().name == "QueueFeederThread":
            time.sleep(0.2)

    def slow_feed(*args: object) -> None:
        feed(*args)
        time.sleep(0.1)

    vars(synchronize)["sem_unlink"], queue._feed = slow_unlink, staticmethod(slow_feed)
    listen()
    try:
        in_order(waiting, folder, range(4), jobs=2)
    except KeyboardInterrupt:
        time.sleep(0.2)  # so that Python ends while that thread clears up
        sys.stdout.write("ended\n")
