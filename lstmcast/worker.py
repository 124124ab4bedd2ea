"""What a process does that works for another one: an item at a time, and no longer than that lives.

`lstmcast.parallel` shares work out; this is its other end, on this machine and in a cluster.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, TypeVar

from lstmcast.garbage import look_less_for_garbage

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")

_inside = False


def inside() -> bool:
    """Whether this process is a worker."""
    return _inside


def enter_worker(parent: int | None = None) -> None:
    """Make this process a worker: it shares nothing out, and leaves Ctrl-C to who started it.

    Args:
        parent: the process with which it is to end, if that was killed: nobody else would end it.
    """
    global _inside  # noqa: PLW0603 - a process is a worker or it is not
    _inside = True
    look_less_for_garbage()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if parent is not None and os.name == "posix":
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def compute(
    function: Callable[[Common, Item], Result], common: Common, item: Item, threads: int
) -> Result:
    """One result, with so many threads of BLAS and OpenMP, as backends compute it."""
    with limited(threads):
        return function(common, item)


def limited(threads: int) -> AbstractContextManager[object]:
    """A block with so many threads of BLAS and OpenMP.

    To look through all loaded libraries takes milliseconds, so it is done again only where Python
    has loaded something since.
    """
    limits: AbstractContextManager[object] = _libraries(len(sys.modules)).limit(limits=threads)
    return limits


@lru_cache(maxsize=1)
def _libraries(_modules: int) -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _end_with(parent: int) -> None:
    """End this process when the one that it works for is gone."""
    asked_by = multiprocessing.parent_process()
    if asked_by is not None and os.getppid() != parent:
        asked_by.join()  # a server forked this process, and is its parent for the system
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
