"""How long it takes to a given validation score: lstmcast beside neuralforecast's and darts' LSTMs.

    python benchmarks/race.py
    python benchmarks/race.py --peer-python darts=../darts/bin/python --seeds 0 1 2

All forecast the distribution of the next session's return, from the same sessions and with the same
validation sessions, and are scored there alike: by CRPS over 21 quantiles, in % of the close, the
mean over symbols. Each runs in a process of its own on one thread, and seconds are CPU seconds,
which other programs on the machine hardly change: to import (Python's start included), and from
prices in memory to a forecaster. The libraries are scored at many moments of their training;
lstmcast is trained anew for 1, 3, 10 and 30 epochs, and its features, its three networks and their
pool count. It reads opens, highs, lows and volumes too: `returns alone` reads what
the libraries read, and `from nothing` begins with random weights.

A score is reached where it is at most so much above the best that anyone reaches. Each library
needs an environment of its own; one that is missing is left out, and it is said how to make it.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
from helpers.usage import machine
from peers.run import FOLDER, PEERS, PeerError, prediction_table, pythons, returns_table
from skill import DataSet, mean_scores

from lstmcast.evaluation.scores import row_losses

EPOCHS = (1, 3, 10, 30)

OURS: dict[str, tuple[str, ...]] = {
    "lstmcast": (),
    "lstmcast, returns alone": ("features=[returns]",),
    "lstmcast, from nothing": ("model.start=random",),
}
"""Overrides of the default experiment."""

WITHIN = (0.02, 0.01, 0.005)
"""How much above the best score still counts as reached."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

OWN = """
import sys, time
sys.path.insert(0, {folder!r})
import torch, lstmcast.training.experiment, race
race.train_once(sys.argv[1:], time.process_time())
"""


@dataclass(frozen=True)
class Runner:
    """One contestant with one seed.

    Args:
        imports: CPU seconds of Python's start and the imports.
        steps: CPU seconds from the prices on, and the validation score then.
    """

    imports: float
    steps: tuple[tuple[float, float], ...]

    @property
    def best(self) -> float:
        """The lowest score."""
        return min(score for _, score in self.steps)

    def reaches(self, score: float) -> float:
        """CPU seconds after which the score is reached; infinite if never."""
        return min((seconds for seconds, own in self.steps if own <= score), default=math.inf)


def train_once(words: Sequence[str], imported: float) -> None:
    """Train lstmcast in this process; write the validation forecasts, and print its CPU seconds."""
    import time

    from lstmcast.training import predict

    data_set, seed, output, *overrides = words
    data = DataSet.parse(data_set) if data_set else DataSet.sample()
    began = time.process_time()
    trained = data.train(1, int(seed), overrides)
    seconds = time.process_time() - began
    inputs = trained.forecaster.inputs(data.histories)
    origins = {symbol: rows.validation for symbol, rows in trained.prepared.parts.items()}
    table = predict(
        trained.forecaster,
        inputs,
        origins,
        pd.Timestamp(trained.prepared.boundaries.validation_end),
    )
    table.to_parquet(output)
    print(json.dumps({"imports": imported, "seconds": seconds}))


def called(command: Sequence[object], folder: Path) -> str:
    """What a command prints.

    Raises:
        PeerError: if it fails.
    """
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PeerError((done.stderr.strip() or "no message").splitlines()[-1])
    return done.stdout


def own_run(
    data: DataSet, text: str, seed: int, settings: Sequence[str], folder: Path
) -> tuple[Runner, pd.DataFrame]:
    """Lstmcast with some settings, and the rows that it forecast."""
    # Nothing after validation is needed but the few sessions that an experiment wants.
    test_end = data.validation_end + timedelta(days=10)
    fixed = ("training.refit=none", "training.threads=1", "calibration.kind=none")
    steps, imports = [], []
    for epochs in EPOCHS:
        more = (*fixed, f"split.test_end={test_end}", f"training.epochs={epochs}", *settings)
        script = OWN.format(folder=str(Path(__file__).resolve().parent))
        output = folder / "own.parquet"
        said = json.loads(called([sys.executable, "-c", script, text, seed, output, *more], folder))
        table = pd.read_parquet(output)
        steps.append((said["seconds"], mean_scores(row_losses(table), 1)["crps"]))
        imports.append(said["imports"])
    return Runner(statistics.median(imports), tuple(steps)), table


def peer_run(
    name: str, python: Path, data: DataSet, rows: pd.DataFrame, options: argparse.Namespace,
    seed: int, variant: Sequence[str], folder: Path,
) -> Runner:  # fmt: skip
    """A library, scored on the rows."""
    returns = returns_table(data.histories, data.train_end, data.validation_end)
    returns.to_parquet(folder / "returns.parquet", index=False)
    output = folder / "race.parquet"
    script = FOLDER / f"{name}_lstm.py"
    words = ("--race", options.moments, "--threads", 1, "--seed", seed, *variant)
    called([python, script, "returns.parquet", output.name, *words], folder)
    forecasts = pd.read_parquet(output)
    steps = []
    for seconds, one in forecasts.groupby("seconds"):
        table = prediction_table(one.drop(columns="seconds"), rows)
        steps.append((float(str(seconds)), mean_scores(row_losses(table), 1)["crps"]))
    said = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    return Runner(said["import_seconds"], tuple(steps))


def show(found: dict[str, list[Runner]]) -> None:
    """Print the table: medians over seeds."""
    best = min(runner.best for runners in found.values() for runner in runners)
    head = [f"to {within:.1%}" for within in WITHIN]
    print(f"\nbest CRPS of all {best:.4f}; CPU seconds to come so near to it, medians over seeds")
    print(f"{'':28}{'imports':>9}{'best CRPS':>11}" + "".join(f"{name:>10}" for name in head))
    for name, runners in found.items():
        cells = []
        for within in WITHIN:
            seconds = statistics.median(r.reaches(best * (1 + within)) for r in runners)
            cells.append("never" if math.isinf(seconds) else f"{seconds:.2f} s")
        imports = statistics.median(runner.imports for runner in runners)
        score = statistics.median(runner.best for runner in runners)
        print(f"{name:28}{imports:>7.2f} s{score:>11.4f}" + "".join(f"{c:>10}" for c in cells))


def main() -> None:
    """Run all contestants and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", default="", help="FOLDER:TRAIN_END:VALIDATION_END[:SYMBOL,..]; else the sample"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--moments", type=int, default=12, help="at which libraries are scored")
    parser.add_argument("--peer-python", action="append", default=[], help="NAME=PATH of a Python")
    options = parser.parse_args()
    data = DataSet.parse(options.data) if options.data else DataSet.sample()
    print(f"{machine()}\n{data.name}: {', '.join(h.symbol for h in data.histories)}, one thread")
    interpreters: dict[str, Path] = {}
    for name in PEERS:
        try:
            interpreters |= pythons([name], options.peer_python)
        except PeerError as error:
            print(f"{name} is left out: {error}")
    found: dict[str, list[Runner]] = {}
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for seed in options.seeds:
            for label, settings in OURS.items():
                runner, rows = own_run(data, options.data, seed, settings, folder)
                found.setdefault(label, []).append(runner)
                told(label, runner)
            for name, python in interpreters.items():
                for variant in PEERS[name]:
                    runner = peer_run(
                        name, python, data, rows, options, seed, variant.arguments, folder
                    )
                    found.setdefault(variant.label, []).append(runner)
                    told(variant.label, runner)
    show(found)


def told(label: str, runner: Runner) -> None:
    """Print how a contestant went on."""
    steps = ", ".join(f"{seconds:.1f} s {score:.4f}" for seconds, score in runner.steps)
    print(f"{label}: {steps}", flush=True)


if __name__ == "__main__":
    main()
