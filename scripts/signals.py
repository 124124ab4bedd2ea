"""End commands by signals at random moments, and see what they keep and what they leave behind.

    python scripts/signals.py [--terms 100] [--kills 50] [--others 3] [--seed 0]

- SIGTERM while `train` is past its first epoch: it ends with 143, and the run is whole.
- SIGKILL while `train` is past its last epoch: whatever it leaves is gone after the next command.
- SIGTERM and SIGHUP to `backtest` and `evaluate` with two worker processes, and to `tune`: 143 or
  129, no process left, and what was done is there.

Trainings are forked from a process that has loaded the libraries, so that signals fall into the
work; the others are programs of their own.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kill_and_resume import Place

from lstmcast.left_overs import left_over
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run, find_runs

CONFIG = """
name: killed
data: {symbols: [AAPL], start: 2010-06-01}
target: {horizon: 3}
model: {hidden_size: 4, start: random, members: 1}
training: {lookback: 24, burn_in: 4, epochs: 40, patience: 40, batch_size: 64, threads: 1,
           device: cpu}
"""
"""Many epochs of a few hundredths of a second."""

MARK = "LSTMCAST_SIGNALS_MARK"
"""An environment variable by which the processes that a command started are known."""


def ends(process: int, seconds: float = 60.0) -> int | None:
    """How a process ended; None where it did not in so many seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None


def wait_for(pattern: str, folder: Path, process: int) -> bool:
    """Wait until something is there; False where the process ended first."""
    while not any(folder.glob(pattern)):
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return False
        time.sleep(0.001)
    return True


def term_once(place: Place, runs: Path, draw: random.Random) -> str:
    """SIGTERM once the first epoch is kept: what came of it."""
    process = place.start(["train", "--checkpoint-every", "0"], runs)
    if not wait_for(".*.resume/member-*", runs, process):
        ends(process)
        return "too late"
    time.sleep(draw.uniform(0.0, 2.0))
    os.kill(process, signal.SIGTERM)
    code = ends(process)
    readable, damaged = find_runs(runs)
    if code == 0 and len(readable) == 1:
        return "too late"
    if code != 143 or damaged or len(readable) != 1:
        return f"exit {code}, {len(readable)} runs, {len(damaged)} damaged"
    run = Run.open(None, runs)
    faults = run.faults()
    if faults or run.predictions().empty or run.history().empty:
        return f"a run with faults: {faults}"
    return f"whole, {run.record['status']}"


def kill_once(place: Place, runs: Path, draw: random.Random) -> str:
    """SIGKILL after the last epoch, then another command: what is left."""
    process = place.start(["train"], runs)
    if not wait_for(".*.partial", runs, process):
        ends(process)
        return "too late"
    time.sleep(draw.uniform(0.0, 0.03))
    os.kill(process, signal.SIGKILL)
    code = ends(process)
    if code == 0:
        return "too late"
    before = len(left_over(runs))
    place.finish(["train"], runs)
    left = [path.name for path in runs.rglob(".*") if not path.name.endswith(".lock")]
    if left or find_runs(runs)[1]:
        return f"left: {', '.join(left)}"
    return f"clean, after {before} left-overs"


def marked(mark: str) -> list[int]:
    """Processes with a mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def other_once(words: list[str], delay: float, number: signal.Signals, root: Path) -> str:
    """A signal to a command with processes of its own."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-m", "lstmcast", *words],
        env={**os.environ, MARK: mark},
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    began = time.monotonic()
    while time.monotonic() - began < delay and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    said = process.communicate(timeout=120)[1].strip().splitlines()
    until = time.monotonic() + 5
    while (left := marked(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    traced = any("Traceback" in line for line in said)
    return (
        f"exit {process.returncode}, {len(left)} processes left"
        + (", TRACEBACK" if traced else "")
        + f": {said[-1] if said else ''}"
    )


def repeat(name: str, times: int, once: Callable[[], str]) -> bool:
    """Do something until it counted so often; whether nothing went wrong."""
    counts: Counter[str] = Counter()
    while sum(count for said, count in counts.items() if said != "too late") < times:
        counts[once()] += 1
        if counts["too late"] > 4 * times + 20:
            break
    print(f"{name}: {dict(counts)}", flush=True)
    return all(said.startswith(("whole", "clean", "too late")) for said in counts)


def main() -> None:
    """Read the command line and do what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--terms", type=int, default=100)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--others", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    draw = random.Random(asked.seed)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        (place.root / "killed.yaml").write_text(CONFIG, encoding="utf-8")
        data = ["--data-dir", str(place.root / "data")]
        fetch = [sys.executable, "-m", "lstmcast", "fetch", "AAPL", "--source", "sample"]
        subprocess.run([*fetch, *data], check=True, capture_output=True)

        def anew(once: Callable[[Place, Path, random.Random], str]) -> Callable[[], str]:
            def do() -> str:
                runs = place.root / "runs"
                shutil.rmtree(runs, ignore_errors=True)
                runs.mkdir()
                return once(place, runs, draw)

            return do

        fine = repeat("SIGTERM in train", asked.terms, anew(term_once))
        fine &= repeat("SIGKILL in train", asked.kills, anew(kill_once))
        runs = place.root / "others"
        place.finish(["train"], runs)
        both = [*data, "--runs-dir", str(runs)]
        config = ["-c", str(place.root / "killed.yaml")]
        search = "tuning.space={training.learning_rate: [0.001, 0.01, 0.02, 0.05]}"
        commands = {
            "backtest": [
                "backtest",
                *config,
                "--folds",
                "6",
                "--jobs",
                "2",
                "--from",
                "2012-01-01",
            ],
            "evaluate": ["evaluate", "--jobs", "2", "--refit", "monthly"],
            "tune": ["tune", *config, "--set", search, "--trials", "40"],
        }
        for name, words in commands.items():
            for number in (signal.SIGTERM, signal.SIGHUP) * asked.others:
                said = other_once([*words, *both], draw.uniform(2.0, 8.0), number, place.root)
                print(f"{name} {number.name}: {said}", flush=True)
                fine &= said.startswith((f"exit {128 + number}, 0 processes", "exit 0"))
                fine &= "TRACEBACK" not in said and not find_runs(runs)[1]
        fine &= all(entry.problem is None for entry in PriceStore(place.root / "data").entries())
    sys.exit(not fine)


if __name__ == "__main__":
    main()
