"""Items as tasks of a Ray cluster: what `lstmcast.parallel` asks its backend for."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from lstmcast.errors import ClusterError
from lstmcast.worker import compute, enter_worker

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")

Tell = Callable[[str], object]
"""Is told a line."""

RETRIES = 3
"""How often a task is repeated whose worker or machine is lost."""

TICK = 2.0
"""Seconds between two looks at which machines there are."""


def machines_of(ray: Any) -> dict[str, tuple[str, float]]:
    """Address and cores of each machine that lives and computes, by its number."""
    return {
        node["NodeID"]: (str(node["NodeManagerAddress"]), float(node["Resources"].get("CPU", 0)))
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0) > 0
    }


class RayBackend:
    """Tasks of a Ray cluster that this process is connected to.

    Args:
        ray: the package.
        tell: told of machines that are lost.
    """

    def __init__(self, ray: Any, tell: Tell = lambda _: None) -> None:
        self._ray, self._tell = ray, tell

    def capacity(self) -> int:
        """Cores of all machines."""
        return max(1, int(sum(cores for _, cores in machines_of(self._ray).values())))

    def run(
        self,
        function: Callable[[Common, Item], Result],
        common: Common,
        items: Sequence[Item],
        *,
        workers: int,
        threads: int,
    ) -> Generator[tuple[int, Result]]:
        """See `lstmcast.parallel.Backend.run`.

        Raises:
            ClusterError: if a task was lost too often, or no machine can take it.
        """
        ray = self._ray
        put = ray.put(common)
        task = ray.remote(num_cpus=threads, max_retries=RETRIES)(_in_worker)
        machines = machines_of(ray)
        self._require_room(machines, threads)
        running: dict[Any, int] = {}
        waiting = iter(enumerate(items))
        try:
            while True:
                while len(running) < workers and (following := next(waiting, None)) is not None:
                    number, item = following
                    running[task.remote(function, put, item, threads)] = number
                if not running:
                    return
                done, _ = ray.wait([*running], timeout=TICK)
                for answer in done:
                    yield running.pop(answer), self._result(answer, len(running))
                if not done:
                    machines = self._look(machines, threads)
        finally:
            for answer in running:
                with suppress(Exception):  # it may be done, or its machine gone
                    ray.cancel(answer, force=True)

    def _result(self, answer: Any, others: int) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(answer)
        except errors.RayTaskError as error:
            raise (error.cause or error) from None
        except errors.RayError as error:
            raise ClusterError(
                f"a task was lost {RETRIES + 1} times with its worker, and {others} others with it:"
                f" {first_line(error)}",
                "look whether workers are out of memory; the same command goes on with what is "
                "kept",
            ) from error

    def _look(
        self, before: Mapping[str, tuple[str, float]], threads: int
    ) -> dict[str, tuple[str, float]]:
        """Say which machines are lost."""
        now = machines_of(self._ray)
        for node in before.keys() - now.keys():
            self._tell(f"note: {before[node][0]} is lost: what it computed is computed again")
        self._require_room(now, threads)
        return now

    def _require_room(self, machines: Mapping[str, tuple[str, float]], threads: int) -> None:
        most = max((cores for _, cores in machines.values()), default=0.0)
        if most < threads:
            raise ClusterError(
                f"no machine of the cluster has {threads} cores for a task: the largest of "
                f"{len(machines)} has {most:g}",
                "use a smaller `training.threads`, or add a machine; the same command goes on with "
                "what is kept",
            )


def _in_worker(
    function: Callable[[Common, Item], Result], common: Common, item: Item, threads: int
) -> Result:
    """What a worker does with one item."""
    enter_worker()
    return compute(function, common, item, threads)


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
