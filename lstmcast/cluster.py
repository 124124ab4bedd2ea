"""A Ray cluster as the backend of `lstmcast.parallel`: the same functions, on other machines.

What all items have in common is put into the cluster once; each item is a task of its own with as
many cores as it has threads, so that its result has the bits of a local one on the same kind of
processor. A task whose worker or machine is lost is repeated. Data are sent: workers need the same
versions of the packages, and no folder of prices or runs.

Ray prints on standard output what its daemons say, takes over SIGTERM and reports usage to its
makers; here it does none of this.
"""

import logging
import os
import platform
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any, TypeVar

from lstmcast.errors import ClusterError, UsageError
from lstmcast.parallel import compute, enter_worker, using

Common = TypeVar("Common")
Item = TypeVar("Item")
Result = TypeVar("Result")

Tell = Callable[[str], object]
"""Is told a line."""

PACKAGES = ("lstmcast", "torch", "numpy", "pandas", "scipy")
"""Whose versions a result depends on."""

RETRIES = 3
"""How often a task is repeated whose worker or machine is lost."""

REACH = 5.0
"""Seconds in which an address must accept a connection."""

PATIENCE = 60.0
"""Seconds in which a cluster must answer, and each of its machines say what it has."""

TICK = 2.0
"""Seconds between two looks at which machines there are."""

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray warns of a default to come
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_worker_niceness": "0",  # of a cluster that is started here: as processes are
}


@contextmanager
def cluster(address: str, tell: Tell = lambda _: None) -> Iterator[None]:
    """Let a Ray cluster compute what `lstmcast.parallel` is asked for while the context is open.

    Args:
        address: `local` starts Ray on this machine, `auto` takes the cluster that this machine is
            in, or that RAY_ADDRESS names, `ray://host:port` is the client server of another one.
        tell: told where machines differ in their processors, and of those that are lost.

    Raises:
        ClusterError: if Ray is not installed, or a cluster does not answer, has other versions or
            no worker.
    """
    ray = _ray()
    _require_listener(address)
    with _own_signals():
        _connect(ray, address)
    try:
        backend = RayBackend(ray, tell)
        _require_same_versions(ray, tell)
        with using(backend):
            yield
    finally:
        with suppress(Exception):  # a cluster that is gone cannot be left either
            ray.shutdown()


def _ray() -> Any:
    """The package, told to be quiet.

    Raises:
        ClusterError: if it is not installed.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        from ray._private import worker
    except ModuleNotFoundError as error:
        raise ClusterError(
            "`--cluster` needs Ray, which is not installed", "run `pip install 'lstmcast[ray]'`"
        ) from error
    # Errors of daemons would be printed among the figures.
    vars(worker)["print_to_stdstream"] = lambda *_, **__: None
    return ray


def _require_listener(address: str) -> None:
    """Knock at an address: Ray itself would knock for minutes.

    Raises:
        ClusterError: if it is none, or nobody answers.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", "auto")
    elif address != "local" and not address.startswith("ray://"):
        raise UsageError(f"`--cluster` is {address!r}", "use `auto`, `local` or `ray://HOST:PORT`")
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(
            f"`--cluster` {address} names no host and port", "write it as in ray://10.0.0.2:10001"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH).close()
    except OSError as error:
        raise ClusterError(
            f"`--cluster` {address} does not answer: {error.strerror or error}",
            "start it with `ray start --head`, or compute here without `--cluster`",
        ) from error


def _connect(ray: Any, address: str) -> None:
    """Join the cluster, in bounded time.

    Raises:
        ClusterError: if that fails.
    """
    options: dict[str, Any] = {
        "log_to_driver": False, "configure_logging": False, "logging_level": logging.CRITICAL,
    }  # fmt: skip
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    if address == "local":
        # Not by another thread: the daemons end with the thread that started them.
        failures = _failures(lambda: ray.init("local", include_dashboard=False, **options))
    elif (found := _in_time(lambda: ray.init(address, **options))) is not None:
        failures = found
    else:
        raise ClusterError(
            f"`--cluster` {address} does not answer within {PATIENCE:g} s as Ray does",
            "look at `ray status` there: the port may be another program's",
        )
    if failures:
        raise _refused(address, failures[0]) from failures[0]


def _failures(call: Callable[[], object]) -> list[Exception]:
    """What a call to Ray raised: none, or one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is raised as well
            call()
    except Exception as error:  # noqa: BLE001 - told as an error of the cluster
        return [error]
    return []


def _in_time(call: Callable[[], object]) -> list[Exception] | None:
    """Call what may hang: what it raised, or None if it goes on for ever."""
    failures: list[Exception] = []
    thread = threading.Thread(
        target=lambda: failures.extend(_failures(call)), daemon=True, name="ray-connect"
    )
    thread.start()
    deadline = time.monotonic() + PATIENCE
    while thread.is_alive() and time.monotonic() < deadline:
        thread.join(0.1)
    return None if thread.is_alive() else failures


def _refused(address: str, error: Exception) -> ClusterError:
    """Why Ray did not connect, in a line."""
    words = " ".join(str(error).split())
    if "ersion mismatch" in words or "version" in words.lower():
        return ClusterError(
            f"`--cluster` {address} has other versions: {words[:300]}",
            f"here are Ray {version('ray')} and Python {platform.python_version()}; install the "
            "same on all machines",
        )
    if address == "auto":
        return ClusterError(
            "`--cluster` auto finds no Ray cluster that this machine is in",
            "start one with `ray start --head`, or use `--cluster local`",
        )
    return ClusterError(
        f"`--cluster` {address} cannot be used: {words[:300] or type(error).__name__}",
        "a cluster that asks for a token does not answer without RAY_AUTH_MODE=token and "
        "RAY_AUTH_TOKEN; else look at `ray status` there",
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this program's handlers of signals, of which Ray takes SIGTERM's over."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not None]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _machines(ray: Any) -> dict[str, tuple[str, float]]:
    """Address and cores of each machine that lives and computes, by its number."""
    return {
        node["NodeID"]: (str(node["NodeManagerAddress"]), float(node["Resources"].get("CPU", 0)))
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0) > 0
    }


def _require_same_versions(ray: Any, tell: Tell) -> None:
    """Ask every machine what it has.

    Raises:
        ClusterError: naming the first difference; also if a machine does not say.
    """

    # A function inside of another one is sent as it is: a machine may have no lstmcast.
    def described(packages: tuple[str, ...]) -> dict[str, str]:
        import platform
        from importlib.metadata import PackageNotFoundError, version
        from pathlib import Path

        def of(package: str) -> str:
            try:
                return version(package)
            except PackageNotFoundError:
                return "not installed"

        try:
            lines = Path("/proc/cpuinfo").read_text().splitlines()
        except OSError:
            lines = []
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return {
            "python": platform.python_version(),
            **{package: of(package) for package in packages},
            "processor": names[0] if names else platform.processor() or platform.machine(),
        }

    own = described(PACKAGES)
    machines = _machines(ray)
    if not machines:
        raise ClusterError(
            "the cluster has no machine with a core to compute on",
            "start a worker with `ray start --address=HOST:PORT`",
        )
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0, max_retries=0)(described)
    asked = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
            PACKAGES
        ): where
        for node, (where, _) in machines.items()
    }
    answered, silent = ray.wait([*asked], num_returns=len(asked), timeout=PATIENCE)
    if silent:
        raise ClusterError(
            f"{asked[silent[0]]} of the cluster does not answer within {PATIENCE:g} s",
            "look at `ray status`, and end that machine's Ray with `ray stop`",
        )
    for answer in answered:
        try:
            there = ray.get(answer)
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"{asked[answer]} of the cluster cannot compute: {_line(error)}",
                "look at its Ray's logs",
            ) from error
        _compare(own, there, asked[answer], tell)


def _compare(own: Mapping[str, str], there: Mapping[str, str], where: str, tell: Tell) -> None:
    for name in ("python", *PACKAGES):
        if own[name] != there[name]:
            what = "Python" if name == "python" else name
            raise ClusterError(
                f"{where} of the cluster has {what} {there[name]}, here it is {own[name]}",
                "install the same versions on all machines",
            )
    if own["processor"] != there["processor"]:
        tell(
            f"note: {where} has another processor ({there['processor']}): its results may differ "
            "from those computed here in the last digits"
        )


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
        return max(1, int(sum(cores for _, cores in _machines(self._ray).values())))

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
        machines = _machines(ray)
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
                f" {_line(error)}",
                "look whether workers are out of memory; the same command goes on with what is "
                "kept",
            ) from error

    def _look(
        self, before: Mapping[str, tuple[str, float]], threads: int
    ) -> dict[str, tuple[str, float]]:
        """Say which machines are lost."""
        now = _machines(self._ray)
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


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
