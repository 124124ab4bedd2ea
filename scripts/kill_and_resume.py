"""Kill trainings and walks at random moments, resume them, and compare with uninterrupted ones.

    python scripts/kill_and_resume.py [--trains 50] [--backtests 25] [--in-workers 10] [--seed 0]

Each time the program runs in a process of its own on the bundled sample, gets SIGKILL at a moment
drawn from the whole of its processor time, and is run again with `--resume` until it ends by
itself; a second kill follows in a third of the cases. What it wrote must be that of one which
nobody killed: weights and forecasts to the byte, the history of training but for the seconds. With
`--in-workers` trainings share their networks out over two worker processes (`train --jobs 2`), and
must end as one without does. The
processes are forked from one that has loaded the libraries, so that kills fall into the work.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import lstmcast.training  # noqa: F401 - loaded once for all
from lstmcast.cli.app import main as program

CONFIG = """
name: killed
data: {symbols: [AAPL, MSFT], start: 2007-01-01}
target: {horizon: 3}
model: {hidden_size: 8, start: random, members: 3}
training: {lookback: 60, epochs: 12, patience: 12, batch_size: 8, threads: 1, device: cpu}
"""
"""Small, with every stage of a training in it: three members, one after the other, and a refit."""

WALK = ("--folds", "4", "--baselines", "random_walk,ewma", "--set", "model.members=1")


@dataclass(frozen=True)
class Place:
    """A folder with prices, a configuration, and runs."""

    root: Path

    def start(self, words: list[str], runs: Path) -> int:
        """Begin a command in a process of its own; its number."""
        process = os.fork()
        if process:
            return process
        told = os.open(self.root / "told.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.dup2(told, sys.stderr.fileno())
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        config, data = self.root / "killed.yaml", self.root / "data"
        sys.argv = ["lstmcast", words[0], "-c", str(config), *words[1:], "--data-dir", str(data)]
        sys.argv += ["--runs-dir", str(runs)]
        code = 1
        try:
            program()
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            sys.stderr.flush()
            os._exit(code)

    def finish(self, words: list[str], runs: Path) -> str:
        """Let a command come to its end; what it said."""
        status = os.waitpid(self.start(words, runs), 0)[1]
        told = (self.root / "told.txt").read_text(encoding="utf-8")
        if status:
            raise SystemExit(f"{' '.join(words)} ended with {status}:\n{told}")
        return told


GOES_ON = ("continuing from the checkpoint", "folds were already done")
"""What a command says that had something to go on with."""


def result_of(runs: Path) -> dict[str, str]:
    """A digest of everything that must be the same in a folder of runs."""
    found = {}
    for path in sorted(runs.glob("[!.]*/*")):
        if path.name in ("model.safetensors", "predictions.parquet") or "fold-" in path.name:
            content = path.read_bytes()
        elif path.name == "history.csv":
            content = pd.read_csv(path).drop(columns="seconds").to_csv().encode()
        else:
            continue
        found[path.name] = hashlib.sha256(content).hexdigest()
    return found


def left_in(runs: Path) -> list[str]:
    """What should be gone."""
    return [path.name for path in runs.iterdir() if path.name.startswith(".")]


def processor_seconds(process: int) -> float:
    """What a process and its workers have used so far, whatever else the machine does."""
    found, ticks = {process}, 0
    for path in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(path.name) == process or int(fields[1]) in found:
            found.add(int(path.name))
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def has_ended(process: int, words: list[str]) -> bool:
    """Whether a command has ended; ends this script where it failed."""
    ended, status = os.waitpid(process, os.WNOHANG)
    if ended and status:
        raise SystemExit(f"{' '.join(words)} ended with {status}")
    return bool(ended)


def kill_once(place: Place, words: list[str], runs: Path, moment: float) -> bool:
    """Run a command and kill it after so many seconds of work; False if it was done before."""
    process = place.start(words, runs)
    while not has_ended(process, words):
        if processor_seconds(process) >= moment:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return True
        time.sleep(0.005)
    return False


def length_of(place: Place, words: list[str], runs: Path) -> float:
    """Run a command to its end; the seconds of work of all its processes."""
    process, worked = place.start(words, runs), 0.0
    while not has_ended(process, words):
        worked = max(worked, processor_seconds(process))
        time.sleep(0.02)
    return worked


def try_once(
    place: Place, words: list[str], length: float, runs: Path, draw: random.Random
) -> tuple[int, bool]:
    """Kill, resume, perhaps kill again, and let it end.

    Returns:
        How often it was killed, and whether it had something to go on with in the end.
    """
    kills, options = 0, list(words)
    wanted = 2 if draw.random() < 1 / 3 else 1
    while kills < wanted:
        if not kill_once(place, options, runs, draw.uniform(0.02, 1.0) * length):
            return kills, False
        kills += 1
        options = [*words, "--resume"]
    told = place.finish(options, runs)
    return kills, any(words in told for words in GOES_ON)


def compare(
    place: Place,
    name: str,
    words: list[str],
    times: int,
    draw: random.Random,
    alone: Sequence[str] = (),
) -> None:
    """Do it so many times; end with the first difference.

    Args:
        place: where.
        name: of what is done.
        words: of the command.
        times: how often.
        draw: draws the moments.
        alone: words of another command that must write the same.
    """
    if not times:
        return
    whole = place.root / f"{name}-whole"
    length = length_of(place, words, whole)
    expected = result_of(whole)
    if alone:
        place.finish(list(alone), place.root / f"{name}-alone")
        if result_of(place.root / f"{name}-alone") != expected:
            raise SystemExit(f"{name}: `{' '.join(alone)}` writes other files")
    killed = resumed = 0
    for number in range(times):
        runs = place.root / f"{name}-{number}"
        kills, went_on = try_once(place, words, length, runs, draw)
        killed += kills
        resumed += went_on
        if (found := result_of(runs)) != expected:
            changed = [key for key in expected if found.get(key) != expected[key]]
            raise SystemExit(f"{name} {number}: {', '.join(changed)} of {runs} are others")
        if left := left_in(runs):
            raise SystemExit(f"{name} {number}: {', '.join(left)} are left in {runs}")
        shutil.rmtree(runs)
        print(f"{name} {number}: killed {kills} times, went on {went_on}, same files", flush=True)
    print(
        f"{name}: {times} times, {killed} kills, {resumed} with something to go on with, "
        f"{len(expected)} files the same every time; uninterrupted it takes {length:.1f} s of a "
        "processor",
        flush=True,
    )


def main() -> None:
    """Read the command line and do what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--trains", type=int, default=50)
    parser.add_argument("--backtests", type=int, default=25)
    parser.add_argument("--in-workers", type=int, default=10, help="trainings with `--jobs 2`")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    draw = random.Random(asked.seed)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        (place.root / "killed.yaml").write_text(CONFIG, encoding="utf-8")
        fetch = [sys.executable, "-m", "lstmcast", "fetch", "AAPL", "MSFT", "--source", "sample"]
        subprocess.run(
            [*fetch, "--data-dir", str(place.root / "data")], check=True, capture_output=True
        )
        # Every epoch is kept, so that a kill at any moment leaves something to go on from.
        train = ["train", "--checkpoint-every", "0"]
        compare(place, "train", train, asked.trains, draw)
        compare(place, "workers", [*train, "--jobs", "2"], asked.in_workers, draw, alone=train)
        compare(place, "backtest", ["backtest", *WALK], asked.backtests, draw)


if __name__ == "__main__":
    main()
