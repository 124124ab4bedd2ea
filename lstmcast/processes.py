"""Worker processes of this machine: the backend of `lstmcast.parallel` where no other is asked for.

They are joblib's (loky), which keeps them for the next call. The command's own are forked from a
server that has loaded what they need, if it was told to (`lstmcast.fork_server`).
"""

import atexit
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import closing, contextmanager, nullcontext
from functools import lru_cache
from typing import Any, TypeVar, cast

from lstmcast import fork_server
from lstmcast.errors import ResourcesError
from lstmcast.left_overs import working_folder
from lstmcast.worker import compute, enter_worker

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """The cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Processes:
    """Processes of this machine, which are kept for the next call."""

    def __init__(self) -> None:
        self._waiting = False
        self._forked = False

    def capacity(self) -> int:
        """Cores of this machine."""
        return cores()

    def run(
        self,
        function: Callable[[Common, Item], Result],
        common: Common,
        items: Sequence[Item],
        *,
        workers: int,
        threads: int,
    ) -> Generator[tuple[int, Result]]:
        """See `lstmcast.parallel.Backend.run`."""
        from joblib import delayed, dump

        with working_folder() as folder:
            put = folder / "common"
            dump(common, put)
            calls = (
                delayed(_in_worker)(function, str(put), number, item, threads)
                for number, item in enumerate(items)
            )
            try:
                with closing(self._begun(calls, workers, threads)) as results:
                    yield from results
                self._waiting = True
            except BrokenExecutor as error:
                raise ResourcesError(
                    f"one of {workers} worker processes was ended from outside, as by a system "
                    "that is out of memory",
                    "use fewer `--jobs`",
                ) from error

    def load_ahead(self, modules: Sequence[str]) -> None:
        """Start a server that loads some modules, from which workers are forked."""
        with _interrupts_blocked():
            if fork_server.start(modules):
                self._fork()

    def let_workers_end(self) -> None:
        """End what still loads, and workers that wait for work, without waiting for them."""
        if self._waiting:
            from joblib.externals.loky import get_reusable_executor

            self._waiting = False
            get_reusable_executor(reuse=True).shutdown(wait=False)
        elif self._forked:
            fork_server.end()
            self._fork(wanted=False)

    def _fork(self, *, wanted: bool = True) -> None:
        """Let joblib fork workers from the server, or start them by itself again."""
        from joblib.externals.loky.backend.context import set_start_method
        from joblib.externals.loky.backend.resource_tracker import ensure_running

        ensure_running()
        set_start_method("forkserver" if wanted else None, force=True)
        self._forked = wanted

    def _begun(self, calls: Iterable[object], workers: int, threads: int) -> Generator[Any]:
        """The results of calls that workers begin with: those of the last time if they fit."""
        from joblib import Parallel, parallel_config

        _let_feeders_end()
        # Workers have the server's signal mask, and one that still loads is waited for.
        blocked = nullcontext() if self._forked else _interrupts_blocked()
        # At once: a worker that has nothing to do yet must not outlive this process either.
        entered = {"initializer": enter_worker, "initargs": (os.getpid(),)}
        config = parallel_config(backend="loky", inner_max_num_threads=threads, **entered)
        with config, blocked:
            pool = Parallel(n_jobs=workers, return_as="generator_unordered")
            try:
                return cast("Generator[Any]", pool(calls))
            except EOFError as error:
                raise BrokenExecutor from error  # the server was killed


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let processes that are started in the context be deaf to what a terminal sends to all.

    They end with this process, which hears of a Ctrl-C, or that the terminal was closed, at the end
    of the context. Python's and joblib's trackers would print tracebacks otherwise.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        ensure_running()  # lets interrupts through again as it starts
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@lru_cache(maxsize=1)
def _let_feeders_end() -> None:
    """At the end of Python, wait for the threads that feed workers; loky itself does not.

    Cut short while it takes a semaphore away, such a thread leaves it with loky's tracker, which
    then tells the user of a leak.
    """

    def wait() -> None:
        for thread in threading.enumerate():
            if thread.name == "QueueFeederThread":
                thread.join(timeout=2)

    atexit.register(wait)


def _in_worker(
    function: Callable[[Common, Item], Result],
    put: str,
    number: int,
    item: Item,
    threads: int,
) -> tuple[int, Result]:
    """What a process of this machine does with one item."""
    return number, compute(function, cast("Common", _taken(put)), item, threads)


@lru_cache(maxsize=1)
def _taken(put: str) -> object:
    """What is common to all items, its arrays as read-only views of the file."""
    from joblib import load

    return load(put, mmap_mode="r")
