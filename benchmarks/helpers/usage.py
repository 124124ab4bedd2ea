"""What a command takes, with all its processes: seconds, CPU seconds and resident memory.

CPU seconds are what to compare on a machine that does other work as well. Memory is the largest sum
over the processes at one moment, which counts pages that they share more than once.
"""

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE, TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Args:
        seconds: by the clock.
        cpu: user and system seconds of all processes.
        megabytes: most resident memory.
        output: what it printed on stdout.
        longest: CPU seconds of the command's own process and the busiest other one, which is about
            what it takes by the clock on a machine that has the cores and nothing else to do.
    """

    seconds: float
    cpu: float
    megabytes: float
    output: str
    longest: float = 0.0


def run(
    arguments: Sequence[str],
    folder: Path,
    environment: dict[str, str] | None = None,
    program: Sequence[str] = ("-m", "lstmcast"),
    root: int | None = None,
) -> Usage:
    """Run a command of lstmcast with its prices and runs in `folder`; if it fails, end here.

    Args:
        arguments: the command's words.
        folder: of prices, runs and what was printed.
        environment: variables beside those of this process.
        program: that Python runs instead of lstmcast.
        root: process whose descendants are looked at, where work is done by others than the
            command's own.
    """
    found = {
        **os.environ,
        "LSTMCAST_DATA_DIR": str(folder / "data"),
        "LSTMCAST_RUNS_DIR": str(folder / "runs"),
        **(environment or {}),
    }
    began = time.perf_counter()
    with (folder / "errors").open("w") as errors, (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *program, *arguments], env=found, stdout=output, stderr=errors
        )
        watch = _Watch(root or process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        watch.stop()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit((folder / "errors").read_text())
    own = watch.ticks.pop(process.pid, 0) / TICK
    if root is not None:
        watch.ticks.pop(root, None)
    others = [ticks / TICK for ticks in watch.ticks.values()]
    cpu = max(usage.ru_utime + usage.ru_stime, own + sum(others))
    megabytes = max(usage.ru_maxrss / 1024, watch.pages * PAGE / 2**20)
    seconds, said = time.perf_counter() - began, (folder / "output").read_text()
    return Usage(seconds, cpu, megabytes, said, own + max(others, default=0.0))


def machine() -> str:
    """The machine and how busy it is, in a line."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor()
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return f"{os.cpu_count()} cores of {model}, load {load}, Python {platform.python_version()}"


class _Watch(threading.Thread):
    """Looks at a process and its children five times a second; Linux alone shows them."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._over = pid, threading.Event()
        self.ticks: dict[int, int] = {}
        self.pages = 0

    def run(self) -> None:
        before = {pid: ticks for pid, (_, ticks, _) in _stats()}
        while not self._over.wait(0.2):
            stats = dict(_stats())
            tree = {self._pid}
            for pid, (parent, _, _) in sorted(stats.items()):
                if parent in tree:
                    tree.add(pid)
            self.pages = max(self.pages, sum(stats[pid][2] for pid in tree if pid in stats))
            for pid in tree & stats.keys():
                self.ticks[pid] = stats[pid][1] - before.get(pid, 0)

    def stop(self) -> None:
        self._over.set()
        self.join()


def _stats() -> list[tuple[int, tuple[int, int, int]]]:
    """Of every process its number, parent, ticks and pages."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                text = (path / "stat").read_text()
            except OSError:
                continue
            values = text.rpartition(")")[2].split()
            times = int(values[11]) + int(values[12])
            found.append((int(path.name), (int(values[1]), times, int(values[21]))))
    return found
