"""Work spread over processes: one function over many items, the same bits however many work.

Everything that takes several workers asks here. A worker is given the function, what all items have
in common (put once, its arrays memory-mapped) and one item at a time. Each item is computed with
the same number of threads wherever that is, since sums of floats depend on it. Workers times
threads do not exceed the cores unless asked to: threads that wait for each other cost far more than
they save.

`Processes` is the backend by default; `using` puts another in its place, such as a cluster.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Protocol, TypeVar

from lstmcast.processes import Processes
from lstmcast.worker import compute, inside

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")

MIN_SYMBOLS_FOR_PROCESSES = 8
"""Below this, to start worker processes takes longer than they save where symbols are forecast."""


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


def workers_for(jobs: int, items: int, *, threads: int = 1) -> int:
    """How many workers some items get: 1 in a worker, where all cores are busy already.

    Args:
        jobs: as asked for; 0 is as many as the cores give `threads` to.
        items: to be computed.
        threads: of each worker.
    """
    if inside():
        return 1
    return max(1, min(jobs or _backend.capacity() // threads, items))


def jobs_for_symbols(symbols: int, jobs: int) -> int:
    """How many workers at most the baselines of so many symbols are worth."""
    return 1 if symbols < MIN_SYMBOLS_FOR_PROCESSES else jobs


def elsewhere() -> bool:
    """Whether another backend than processes of this machine computes."""
    return not isinstance(_backend, Processes)


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
    if inside() or (workers == 1 and not elsewhere()):
        yield from computed_here(function, common, items, threads)
        return
    with closing(
        _backend.run(function, common, items, workers=workers, threads=threads)
    ) as results:
        yield from results


def computed_here(
    function: Callable[[Common, Item], Result],
    common: Common,
    items: Sequence[Item],
    threads: int = 1,
) -> Generator[tuple[int, Result]]:
    """The same by this process alone, in order, whoever computes otherwise."""
    for number, item in enumerate(items):
        yield number, compute(function, common, item, threads)


def load_ahead(modules: Sequence[str], *, jobs: int = 0, items: int = 2) -> None:
    """Begin to load what the workers of a coming call need, while this process goes on.

    It changes no result, and does nothing where the work will be done here or by another backend.

    Args:
        modules: what takes seconds to load.
        jobs: as `as_completed` takes it.
        items: how many the call will have; more than one where that is not known yet.
    """
    if workers_for(jobs, items) > 1 and isinstance(_backend, Processes):
        _backend.load_ahead(modules)


def let_workers_end() -> None:
    """Let workers of this machine end while this process still works; at its end it waits for them.

    What still loads, for a call that did not come, ends at once. A later call starts others.
    """
    if isinstance(_backend, Processes):
        _backend.let_workers_end()


@contextmanager
def using(backend: Backend) -> Iterator[None]:
    """Let another backend compute while the context is open."""
    global _backend  # noqa: PLW0603 - one for the process, in whatever thread
    before, _backend = _backend, backend
    try:
        yield
    finally:
        _backend = before


_backend: Backend = Processes()
