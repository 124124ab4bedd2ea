"""Work in processes: the same bits as here, inputs put once, and nobody left over at the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
import threadpoolctl
from support import shared_work
from support.signals import send_as_the_system_does

from lstmcast import parallel, processes, worker
from lstmcast.errors import DataError, ResourcesError
from lstmcast.garbage import GARBAGE

ENDED = """
import pathlib, sys
from support.shared_work import wait_in_workers
wait_in_workers(pathlib.Path(sys.argv[1]))
"""

RARE = "xmlrpc.server"
"""A module that nobody loads."""


def test_two_workers_compute_what_one_does() -> None:
    here = parallel.in_order(shared_work.measured, shared_work.ARRAY, range(6), jobs=1)
    there = parallel.in_order(shared_work.measured, shared_work.ARRAY, range(6), jobs=2)
    assert [found[0] for found in here] == [found[0] for found in there]
    assert all(found[-1] == os.getpid() for found in here)
    assert os.getpid() not in {found[-1] for found in there}
    # A read-only view of a file, one thread each, and no workers of workers.
    assert all(found[1:4] == (False, 1, 1) for found in there)


def test_libraries_are_looked_for_again_where_something_was_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []
    honest = threadpoolctl.ThreadpoolController

    def look() -> Any:
        looks.append(1)
        return honest()

    def threads() -> list[int]:
        return [found["num_threads"] for found in honest().info()]

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", look)
    for module in ("one", "one", "another"):
        monkeypatch.setitem(sys.modules, module, sys)
        before = threads()
        with worker.limited(1):
            assert set(threads()) == {1}
        assert threads() == before
    assert len(looks) == 2


def test_results_come_as_they_are_computed_and_in_order_where_asked() -> None:
    common = {"seconds": 0.5}
    numbers = [k for k, _ in parallel.as_completed(shared_work.late, common, range(5), jobs=2)]
    assert numbers[0] != 0
    assert sorted(numbers) == [*range(5)]
    assert parallel.in_order(shared_work.late, common, range(5), jobs=2) == [*range(5)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_comes_as_it_was_raised(jobs: int) -> None:
    with pytest.raises(DataError, match="number 2") as raised:
        parallel.in_order(shared_work.failing, "number", range(5), jobs=jobs)
    assert raised.value.hint == "hint"


def test_a_worker_that_was_killed_is_no_bug(tmp_path: Path) -> None:
    with pytest.raises(ResourcesError, match="ended from outside") as raised:
        parallel.in_order(shared_work.killed, tmp_path, range(3), jobs=2)
    assert "--jobs" in str(raised.value.hint)


def test_workers_hear_of_no_ctrl_c_and_end_when_there_is_no_more_work() -> None:
    here = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    found = parallel.in_order(shared_work.prepared, RARE, range(4), jobs=2)
    assert {values[:3] for values in found} == {(False, True, GARBAGE)}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == here
    pids = {values.pid for values in found}
    parallel.let_workers_end()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parallel.let_workers_end()  # there are none
    assert parallel.in_order(shared_work.late, {"seconds": 0.0}, range(4), jobs=2) == [*range(4)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_workers(tmp_path: Path, number: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while len(list(tmp_path.iterdir())) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    send_as_the_system_does(process.pid, number)
    out, err = process.communicate(timeout=20)
    killed = number == signal.SIGKILL
    expected = (-number, b"") if killed else (0, b"ended\n")
    assert (process.returncode, out) == expected
    assert killed or not err  # else the trackers of shared memory complain of what is left
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{path.name}").exists() for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Backwards:
    """A backend of one's own: the last item first."""

    def capacity(self) -> int:
        """Cores in all."""
        return 3

    def run(
        self,
        function: Callable[[Any, Any], Any],
        common: Any,
        items: Sequence[Any],
        *,
        workers: int,
        threads: int,
    ) -> Generator[tuple[int, Any], None, None]:
        """See `Backend`."""
        assert (workers, threads) == (3, 1)
        for number in reversed(range(len(items))):
            yield number, worker.compute(function, common, items[number], threads)


def test_another_backend_computes_in_the_place_of_processes() -> None:
    with parallel.using(Backwards()):
        common = {"seconds": 0.0}
        found = [k for k, _ in parallel.as_completed(shared_work.late, common, range(4))]
        assert found == [3, 2, 1, 0]
        assert parallel.in_order(shared_work.late, common, range(4)) == [0, 1, 2, 3]
    assert parallel.workers_for(5, 9) == 5


def test_workers_times_threads_are_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "cores", lambda: 8)
    found = [parallel.workers_for(0, 99, threads=t) for t in (1, 2, 3, 8, 16)]
    assert found == [8, 4, 2, 1, 1]
    assert parallel.workers_for(0, 3) == 3
