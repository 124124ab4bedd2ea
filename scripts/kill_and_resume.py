"""Kill trainings and walks at random moments, resume them, and compare with uninterrupted ones.

    python scripts/kill_and_resume.py [--trains 50] [--backtests 25] [--seed 0]

Each time the program is run as a process of its own on the bundled sample, gets SIGKILL at a moment
drawn from the whole of its running time, and is run again with `--resume`, until it ends by itself.
A second kill follows in a third of the cases. What it wrote must be that of one which nobody
killed: weights and forecasts to the byte, the history of training but for the seconds.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

CONFIG = """
name: killed
data: {symbols: [AAPL, MSFT], start: 2007-01-01}
target: {horizon: 3}
model: {hidden_size: 8, start: blank, members: 3}
training: {lookback: 60, epochs: 12, patience: 12, batch_size: 8, threads: 1, device: cpu}
"""
"""Small, with every stage of a training in it: three members, one after the other, and a refit."""

WALK = ("--folds", "4", "--baselines", "random_walk,ewma", "--set", "model.members=1")


@dataclass(frozen=True)
class Place:
    """A folder with prices, a configuration, and runs."""

    root: Path

    def command(self, words: list[str], runs: Path) -> list[str]:
        """A command of the program."""
        program = [sys.executable, "-m", "lstmcast", words[0], "-c", str(self.root / "killed.yaml")]
        return [
            *program,
            *words[1:],
            "--data-dir",
            str(self.root / "data"),
            "--runs-dir",
            str(runs),
        ]

    def start(self, words: list[str], runs: Path) -> "subprocess.Popen[str]":
        """Begin a command in a process of its own."""
        return subprocess.Popen(
            self.command(words, runs), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def finish(self, words: list[str], runs: Path) -> str:
        """Let a command come to its end; what it said."""
        process = self.start(words, runs)
        told = process.communicate()[1]
        if process.returncode:
            raise SystemExit(f"{' '.join(words)} ended with {process.returncode}:\n{told}")
        return told


GOES_ON = ("going on with what is kept", "folds were done before")
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


def kill_once(place: Place, words: list[str], runs: Path, moment: float) -> bool:
    """Run a command and kill it; False if it was done before."""
    process = place.start(words, runs)
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return True
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return False


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


def compare(place: Place, name: str, words: list[str], times: int, draw: random.Random) -> None:
    """Do it so many times; end with the first difference."""
    whole = place.root / f"{name}-whole"
    began = time.monotonic()
    place.finish(words, whole)
    length = time.monotonic() - began
    expected = result_of(whole)
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
        f"{len(expected)} files the same every time; uninterrupted it took {length:.1f} s",
        flush=True,
    )


def main() -> None:
    """Read the command line and do what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--trains", type=int, default=50)
    parser.add_argument("--backtests", type=int, default=25)
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
        compare(place, "train", ["train", "--checkpoint-every", "0"], asked.trains, draw)
        compare(place, "backtest", ["backtest", *WALK], asked.backtests, draw)


if __name__ == "__main__":
    main()
