"""Flip single bits in prices, runs, walks and weights, and see that no figure changes unsaid.

    python scripts/flip_bits.py --store 2500 --files 500 --seed 0

Each time one bit of one file is another. Either the file is refused where it is read, or every
command prints what it printed before. Commands are asked for all that no door refuses, and for one
in a hundred of the rest.
"""

import argparse
import contextlib
import hashlib
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from lstmcast.cli.app import app
from lstmcast.errors import LstmcastError
from lstmcast.evaluation.backtest import SavedWalk
from lstmcast.evaluation.backtest.fold_files import owner_of
from lstmcast.pretraining.files import shipped_file, shipped_graph_file, shipped_hash
from lstmcast.pretraining.graph import PretrainedGraph
from lstmcast.pretraining.weights import Pretrained
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run
from lstmcast.run.inventory import scored
from lstmcast.training.checkpoint import dump_forecaster, load_forecaster

EVERY = 100
"""Of what a door refuses, one in so many is asked of the commands as well."""

CONFIG = """
name: flips
data: {symbols: [AAPL, MSFT], start: 2006-01-01}
features: [returns, range]
target: {horizon: 3}
model: {start: random, hidden_size: 4, num_layers: 1, members: 2}
training: {lookback: 24, burn_in: 4, batch_size: 64, epochs: 2, device: cpu, threads: 1}
"""
"""Small, since every command is run some thousand times."""

OUTPUTS = ("report.html", "cumulative.png")
"""What is written for people and never read."""


DAMAGED = ("cannot be read", "is not what training wrote", '"problem": "', '"damaged"')
"""How commands that go on tell of damage."""


@dataclass
class Place:
    """A store with a run and a walk, and what every command says of them.

    Args:
        root: a folder that is its own.
    """

    root: Path
    told: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "flips.yaml").write_text(CONFIG, encoding="utf-8")
        config = ("-c", str(self.root / "flips.yaml"))
        few = ("--baselines", "random_walk,ewma")
        self.say("fetch", "AAPL", "MSFT", "--source", "sample")
        self.say("train", *config)
        self.say("evaluate")
        self.say("backtest", *config, "--folds", "3", "--warm-start", *few, "--cost-bps", "5")
        self.run = Run.open(None, self.runs).path
        (self.walk,) = self.runs.glob("backtest-*")

    @property
    def runs(self) -> Path:
        """The folder of the run and the walk."""
        return self.root / "runs"

    def ask(self, *words: str) -> tuple[int, str, str]:
        """Run a command: its exit code, its figures, and what it said besides."""
        folders = {
            "LSTMCAST_DATA_DIR": str(self.root / "data"),
            "LSTMCAST_RUNS_DIR": str(self.runs),
        }
        result = CliRunner(env=folders).invoke(app, list(words))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    def say(self, *words: str) -> str:
        """Run a command that succeeds."""
        code, figures, said = self.ask(*words)
        if code:
            raise SystemExit(f"{' '.join(words)} ended with {code}: {said}")
        return figures

    def differs(self, words: tuple[str, ...]) -> bool:
        """Whether a command prints other figures than before, and does not say why."""
        code, figures, said = self.ask(*words)
        told = said + figures  # `data list` and `runs list` name what is damaged in their figures
        warned = any(words in told for words in DAMAGED)
        return code == 0 and figures != self.told[words] and not warned

    def listen(self, *commands: tuple[str, ...]) -> None:
        """Note what commands print while nothing is damaged."""
        for words in commands:
            self.told[words] = self.say(*words)


def store_door(place: Place) -> None:
    """Read the store as every command does."""
    store = PriceStore(place.root / "data")
    for entry in store.entries():
        if entry.problem is not None:
            raise LstmcastError(entry.problem)
    store.load("AAPL", "sample")


def run_door(place: Place) -> None:
    """Read a run as every command does."""
    run = Run.open(place.run, place.runs)
    if faults := run.faults():
        raise LstmcastError(faults[0])
    if scored(run.path, run.owner) is None:
        raise LstmcastError("its scores cannot be read")


def walk_door(place: Place) -> None:
    """Read a walk as every command does."""
    walk = SavedWalk.open(place.walk)
    walk.tables()
    if walk.trials < 1 or scored(walk.path, walk.owner) is None:
        raise LstmcastError("its scores cannot be read")


def weights_door(path: Path) -> Callable[[Place], object]:
    """Read weights of `pretrain` by their path: a hash of all that they hold."""

    def read(place: Place) -> object:  # noqa: ARG001 - as the others
        return hashlib.sha256(Pretrained.load(path).dump()).hexdigest()

    return read


def fold_door(path: Path) -> Callable[[Place], object]:
    """Read the weights that the next fold of a walk begins with: a hash of all that they hold."""

    def read(place: Place) -> object:
        walk = SavedWalk.open(place.walk)
        owner = owner_of(walk.identity, walk.folds[0])
        found = load_forecaster(path, walk.experiment(), owner=owner)
        return hashlib.sha256(dump_forecaster(found)).hexdigest()

    return read


def graph_door(path: Path) -> Callable[[Place], object]:
    """Run the graph of the networks that come with lstmcast: all that it answers."""

    def read(place: Place) -> object:  # noqa: ARG001 - as the others
        graph = PretrainedGraph.parse(path.read_bytes(), shipped_hash())
        bars = np.ones((1, 5, len(graph.columns)), dtype=np.float32)
        return str(graph.networks.run(bars, bars[..., 0], [0], 3))

    return read


def flip(
    place: Place,
    path: Path,
    times: int,
    door: Callable[[Place], object],
    commands: list[tuple[str, ...]],
    chance: random.Random,
) -> Counter[str]:
    """Flip so many bits of a file, one at a time, and count what came of it."""
    whole, ends, times_of = path.read_bytes(), Counter[str](), path.stat()
    known = door(place)

    def write(content: bytes) -> None:
        path.write_bytes(content)  # lists show when a walk was planned
        os.utime(path, ns=(times_of.st_atime_ns, times_of.st_mtime_ns))

    for number in range(times):
        bit = chance.randrange(8 * len(whole))
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << bit % 8
        write(bytes(altered))
        try:
            refused = False
            others: list[tuple[str, ...]] = []
            try:
                others += [("its reader",)] if door(place) != known else []
            except LstmcastError:
                refused = True
            for words in () if refused and number % EVERY else commands:
                write(bytes(altered))  # `evaluate` writes scores anew
                others += [words] if place.differs(words) else []
        except Exception as error:  # noqa: BLE001 - whatever it is, it is counted and shown
            ends["tracebacks"] += 1
            print(f"{path.name} bit {bit}: {type(error).__name__}: {error}", flush=True)
            continue
        finally:
            write(whole)
        ends["refused" if refused else "other figures, unsaid" if others else "no effect"] += 1
        if others:
            ends["other figures, unsaid"] += refused
            print(f"{path.name} bit {bit}: {' '.join(others[0])} prints other figures", flush=True)
    return ends


def main() -> None:
    """Flip bits everywhere, print a table, and exit with 1 if a figure changed unsaid."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--store", type=int, default=2500, help="bits of a stored history")
    parser.add_argument("--files", type=int, default=500, help="bits of each file of a run, a walk")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    chance = random.Random(asked.seed)  # noqa: S311 - damage, not secrets
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stdout):
        place = Place(Path(folder))
        of_prices: list[tuple[str, ...]] = [
            ("data", "export", "AAPL"),
            ("data", "show", "AAPL", "--json"),
            ("data", "list", "--json"),
        ]
        of_run: list[tuple[str, ...]] = [
            ("evaluate", place.run.name, "--json", "--baselines", "random_walk,ewma"),
            ("forecast", "--json", "--no-record", place.run.name),
            ("runs", "show", place.run.name, "--json"), ("runs", "list", "--json"),
        ]  # fmt: skip
        of_walk: list[tuple[str, ...]] = [
            ("evaluate", place.walk.name, "--json"), ("runs", "list", "--json"),
        ]  # fmt: skip
        place.listen(*of_prices, *of_run, *of_walk)
        plan: list[tuple[Path, int, Callable[[Place], object], list[tuple[str, ...]]]] = [
            (
                PriceStore(place.root / "data").path("AAPL", "sample"),
                asked.store,
                store_door,
                of_prices,
            )
        ]
        weights, graph = place.root / "weights.safetensors", place.root / "networks.onnx"
        weights.write_bytes(shipped_file().read_bytes())
        graph.write_bytes(shipped_graph_file().read_bytes())
        fold = place.walk / "fold-01.safetensors"
        plan += [
            (weights, asked.files, weights_door(weights), []),
            (graph, asked.files, graph_door(graph), []),
            (fold, asked.files, fold_door(fold), []),
        ]
        both: list[tuple[Path, list[tuple[str, ...]], Callable[[Place], object]]] = [
            (place.run, of_run, run_door),
            (place.walk, of_walk, walk_door),
        ]
        for root, commands, door in both:
            files = [path for path in sorted(root.iterdir()) if path.is_file()]
            plan += [
                (path, asked.files, door, commands)
                for path in files
                if path.name not in (*OUTPUTS, fold.name) and "-partial" not in path.name
            ]
        for path, times, door, commands in plan:
            ends = flip(place, path, times, door, commands, chance)
            print(f"{path.name:<20} {times:5} bits: {dict(ends)}", flush=True)
            total += ends
    print(f"all: {dict(total)}, seed {asked.seed}")
    sys.exit(bool(total["tracebacks"] or total["other figures, unsaid"]))


if __name__ == "__main__":
    main()
