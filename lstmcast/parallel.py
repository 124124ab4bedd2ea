"""Work spread over processes: one function over many items, the same bits however many work.

Everything that takes several workers asks here. A worker is given the function, what all items have
in common (put once, its arrays memory-mapped) and one item at a time. Each item is computed with
the same number of threads wherever that is, since sums of floats depend on it. Workers times
threads do not exceed the cores unless asked to: threads that wait for each other cost far more than
they save.

`Processes` is the backend by default; `using` puts another in its place, such as a cluster.
"""

import atexit
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, TypeVar, cast

from lstmcast.errors import ResourcesError
from lstmcast.garbage import look_less_for_garbage
from lstmcast.left_overs import working_folder

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")


HANDED_ON = 0.5
"""Seconds after which workers have what they were given."""


class Backend(Protocol):
    """Who computes."""

    def capacity(self) -> int:
        """Cores in all."""
        ...

    def run(
        self,
        function: Callable[[Common, Item], Result],
        common: Common,
        items: Sequence[Item],
        *,
        workers: int,
        threads: int,
    ) -> Generator[tuple[int, Result]]:
        """The number of each item and its result, as they are computed, by `compute`.

        When the iterator is closed, or an exception passes through it, the workers end. An error of
        the function is raised as it was.

        Args:
            function: a function that can be named, not a closure.
            common: its first argument, put once for all workers.
            items: its second argument.
            workers: at most so many at a time.
            threads: of each.
        """
        ...


def cores() -> int:
    """The cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def workers_for(jobs: int, items: int, *, threads: int = 1) -> int:
    """How many workers some items get: 1 in a worker, where all cores are busy already.

    Args:
        jobs: as asked for; 0 is as many as the cores give `threads` to.
        items: to be computed.
        threads: of each worker.
    """
    if _inside:
        return 1
    return max(1, min(jobs or _backend.capacity() // threads, items))


def elsewhere() -> bool:
    """Whether another backend than processes of this machine computes."""
    return not isinstance(_backend, Processes)


def inside() -> bool:
    """Whether this process is a worker."""
    return _inside


def in_order(
    function: Callable[[Common, Item], Result],
    common: Common,
    items: Sequence[Item],
    *,
    jobs: int = 0,
    threads: int = 1,
) -> list[Result]:
    """The function's results in the order of the items; arguments and errors of `as_completed`."""
    found = dict(as_completed(function, common, items, jobs=jobs, threads=threads))
    return [found[number] for number in range(len(items))]


def as_completed(
    function: Callable[[Common, Item], Result],
    common: Common,
    items: Sequence[Item],
    *,
    jobs: int = 0,
    threads: int = 1,
) -> Generator[tuple[int, Result]]:
    """The number of each item and the function's result, as they are computed.

    With one worker of this machine they are computed here, in order, each when it is asked for.

    Args:
        function: called with `common` and an item; it can be named and does not alter `common`.
        common: what all items need.
        items: what each needs.
        jobs: workers at most; 0 takes one for each core, or for as many as `threads` are.
        threads: CPU threads of each.

    Raises:
        ResourcesError: if a worker was ended from outside.
        KeyboardInterrupt: on Ctrl-C, when the workers have ended.
        Exception: what the function raises.
    """
    workers = workers_for(jobs, len(items), threads=threads)
    if _inside or (workers == 1 and not elsewhere()):
        for number, item in enumerate(items):
            yield number, compute(function, common, item, threads)
        return
    with closing(
        _backend.run(function, common, items, workers=workers, threads=threads)
    ) as results:
        yield from results


@contextmanager
def loading_ahead(
    modules: Sequence[str], items: int, *, jobs: int = 0, threads: int = 1
) -> Iterator[None]:
    """Let the workers of a coming call load modules while the context does what comes before it.

    It changes no result, and does nothing where the work will be done here or by another backend.
    If the context ends in an exception, so do the workers.

    Args:
        modules: what takes seconds to load.
        items: how many the call will have.
        jobs: as `as_completed` takes it.
        threads: the same.
    """
    workers = workers_for(jobs, items, threads=threads)
    if workers == 1 or not isinstance(_backend, Processes):
        yield
        return
    _backend.load_ahead(modules, workers, threads)
    try:
        yield
    except BaseException:
        _backend.give_up_loading()
        raise


def let_workers_end() -> None:
    """Let workers of this machine end while this process still works; at its end it waits for them.

    Workers that still load, for a call that did not come, end at once. A later call starts others.
    """
    if isinstance(_backend, Processes):
        _backend.let_workers_end()


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


def _end_with(parent: int) -> None:
    """End this process when its parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


@contextmanager
def using(backend: Backend) -> Iterator[None]:
    """Let another backend compute while the context is open."""
    global _backend  # noqa: PLW0603 - one for the process, in whatever thread
    before, _backend = _backend, backend
    try:
        yield
    finally:
        _backend = before


class Processes:
    """Processes of this machine, by joblib's loky, which are kept for the next call."""

    def __init__(self) -> None:
        self._loading: Generator[None] | None = None
        self._since = 0.0
        self._waiting = False

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
        """See `Backend.run`."""
        from joblib import delayed, dump

        with working_folder() as folder:
            put = folder / "common"
            dump(common, put)
            calls = (
                delayed(_in_worker)(function, str(put), number, item, threads, os.getpid())
                for number, item in enumerate(items)
            )
            try:
                self._finish_loading()
                with closing(_begun(calls, workers, threads)) as results:
                    yield from results
                self._waiting = True
            except BrokenExecutor as error:
                raise ResourcesError(
                    f"one of {workers} worker processes was ended from outside, as by a system "
                    "that is out of memory",
                    "use fewer `--jobs`",
                ) from error

    def load_ahead(self, modules: Sequence[str], workers: int, threads: int) -> None:
        """Start workers, each of which loads some modules."""
        from joblib import delayed

        self._finish_loading()
        calls = [delayed(_load)(modules, os.getpid())] * workers
        self._loading = _begun(calls, workers, threads)
        self._since = time.monotonic()
        atexit.register(self.give_up_loading)

    def give_up_loading(self) -> None:
        """End workers that are still loading."""
        loading, self._loading = self._loading, None
        if loading is None:
            return
        # A thread of loky's stumbles over work that is gone before it was handed on.
        time.sleep(max(0.0, self._since + HANDED_ON - time.monotonic()))
        with warnings.catch_warnings(action="ignore"):  # joblib tells of what was given up
            loading.close()

    def let_workers_end(self) -> None:
        """End workers that load or wait for work, without waiting for the latter."""
        self.give_up_loading()
        if self._waiting:
            from joblib.externals.loky import get_reusable_executor

            self._waiting = False
            get_reusable_executor(reuse=True).shutdown(wait=False)

    def _finish_loading(self) -> None:
        """Wait for workers that are still loading."""
        for _ in self._loading or ():
            pass
        self._loading = None
        atexit.unregister(self.give_up_loading)


def _begun(calls: Iterable[object], workers: int, threads: int) -> Generator[Any]:
    """The results of calls that workers begin with: joblib's, of the last time if they fit."""
    from joblib import Parallel, parallel_config

    _let_feeders_end()
    with parallel_config(backend="loky", inner_max_num_threads=threads), _interrupts_blocked():
        pool = Parallel(n_jobs=workers, return_as="generator_unordered")
        return cast("Generator[Any]", pool(calls))


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let processes that are started in the context hear of no Ctrl-C, from their first moment on.

    One that comes meanwhile reaches this process at the end of the context.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    ensure_running()  # as it starts it lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _load(modules: Sequence[str], parent: int) -> None:
    """What a process of this machine does while there is nothing to compute."""
    if not _inside:
        enter_worker(parent)
    for name in modules:
        import_module(name)


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
    parent: int,
) -> tuple[int, Result]:
    """What a process of this machine does with one item."""
    if not _inside:
        enter_worker(parent)
    return number, compute(function, cast("Common", _taken(put)), item, threads)


@lru_cache(maxsize=1)
def _taken(put: str) -> object:
    """What is common to all items, its arrays as read-only views of the file."""
    from joblib import load

    return load(put, mmap_mode="r")


_inside = False
_backend: Backend = Processes()
