"""Joining a Ray cluster and leaving it.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any

from lstmcast.cluster.tasks import RayBackend, Tell
from lstmcast.cluster.versions import require_same_versions
from lstmcast.errors import ClusterError, UsageError
from lstmcast.parallel import using

REACH = 5.0
"""Seconds in which an address must accept a connection."""

PATIENCE = 60.0
"""Seconds in which a cluster must answer."""

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
    ray = require_answer(address)
    with _own_signals():
        _connect(ray, address)
    try:
        backend = RayBackend(ray, tell)
        require_same_versions(ray, tell)
        with using(backend):
            yield
    finally:
        with suppress(Exception):  # a cluster that is gone cannot be left either
            ray.shutdown()


def require_answer(address: str) -> Any:
    """Ray, after a look at what can be told of an address at once.

    Raises:
        UsageError: if it is none.
        ClusterError: if Ray is not installed, or nobody answers there.
    """
    ray = _ray()
    _require_listener(address)
    return ray


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
