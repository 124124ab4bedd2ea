"""What a CUDA device brings: networks of a pool one at a time and side by side, beside the CPU.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --pools four --at-once 1 8 --repeats 5

Pools are block bootstraps of real series (`helpers/bootstrap.py`) with 5,000 sessions: `four`
trains five networks of 64 units on 4 symbols, `hundred` eight of 128 units on 100. Early stopping
is off. A way is `cpu` with all cores, `cuda x N` with N networks at once, or with `--plain` one
network at a time whose steps are not recorded. Ways take turns. `fit s` is the time from prepared
data to trained networks, `epoch ms` that from the end of the first epoch to the end of the last,
over all epochs of all networks; both are medians over turns. `MB` is the most memory that tensors
took on the device.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from helpers.bootstrap import write_csvs
from helpers.usage import machine, run

from lstmcast.config import parse_experiment
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.training import EpochRecord, accelerator
from lstmcast.training.accelerator import on_device
from lstmcast.training.fitting import fit_groups
from lstmcast.training.observers import SilentObserver
from lstmcast.training.panel_home import choose_home
from lstmcast.training.prepare import Prepared, prepare_groups
from lstmcast.training.resolve import resolve_experiment

POOLS = {"four": (4, 64, 5, 40), "hundred": (100, 128, 8, 3)}
"""Symbols, units, networks and epochs."""

CONFIG = """
name: gpu
data: {{symbols: [{names}], source: csv}}
split: {{train: 0.7, validation: 0.15, test: 0.15}}
model: {{start: random, hidden_size: {units}, members: {networks}}}
training: {{epochs: {epochs}, patience: {epochs}, refit: none}}
"""


class Epochs(SilentObserver):
    """Notes when epochs end, in whichever thread."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self._lock = threading.Lock()

    def on_epoch_end(self, record: EpochRecord, *, best: bool) -> None:  # noqa: ARG002 - the protocol's
        """See `Observer`."""
        with self._lock:
            self.ends.append(time.perf_counter())

    @property
    def mean(self) -> float:
        """Seconds from one end to the next."""
        return (self.ends[-1] - self.ends[0]) / max(1, len(self.ends) - 1)


def read(symbols: int, folder: Path, options: argparse.Namespace) -> list[PriceHistory]:
    """The symbols' prices, by way of the store."""
    names = [f"S{k:04d}" for k in range(symbols)]
    write_csvs(folder / "csv", symbols, options.rows, options.source)
    run(["fetch", *names, "--source", "csv", "--path", str(folder / "csv")], folder)
    store = PriceStore(folder / "data")
    return [store.load(name, "csv") for name in names]


def fit(parts: Sequence[Prepared], device: torch.device) -> tuple[float, float, float]:
    """Seconds of a fit, of its epochs, and megabytes."""
    experiment, watch = parts[0].experiment, Epochs()
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    began = time.perf_counter()
    with on_device(experiment, device):
        fit_groups(parts, [[] for _ in parts], choose_home(parts, device), watch)
    took = time.perf_counter() - began
    return took, watch.mean, torch.cuda.max_memory_allocated(device) / 2**20 if cuda else 0.0


def measure(pool: str, options: argparse.Namespace) -> None:
    """Print the rows of a pool."""
    symbols, units, networks, epochs = POOLS[pool]
    with tempfile.TemporaryDirectory() as folder:
        histories = read(symbols, Path(folder), options)
    names = ", ".join(history.symbol for history in histories)
    text = CONFIG.format(names=names, units=units, networks=networks, epochs=epochs)
    experiment = resolve_experiment(parse_experiment(text), histories)
    parts = prepare_groups(experiment, histories)
    ways = {"cpu": (parts, 0)} if "cpu" in options.devices else {}
    if "cuda" in options.devices and torch.cuda.is_available():
        if options.plain:
            bare = parse_experiment(text, ["training.replay=none"])
            ways["plain"] = (prepare_groups(resolve_experiment(bare, histories), histories), 1)
        ways |= {f"cuda x {count}": (parts, count) for count in options.at_once}
        fit(parts, torch.device("cuda", 0))  # which sets up CUDA
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    for _ in range(options.repeats):
        for way, (data, count) in ways.items():
            accelerator.MOST_AT_ONCE = max(1, count)
            device = torch.device("cuda", 0) if count else torch.device("cpu")
            found[way].append(fit(data, device))
    for way, turns in found.items():
        seconds, epoch, megabytes = (
            statistics.median(column) for column in zip(*turns, strict=True)
        )
        cells = (
            way,
            f"{seconds:.2f}",
            f"{1e3 * epoch:.2f}",
            f"{megabytes:.0f}" if megabytes else "-",
        )
        print(f"{pool:>10}" + "".join(f"{cell:>12}" for cell in cells), flush=True)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pools", nargs="+", choices=POOLS, default=list(POOLS))
    parser.add_argument("--devices", nargs="+", choices=("cpu", "cuda"), default=["cpu", "cuda"])
    parser.add_argument("--at-once", nargs="+", type=int, default=[1, 2, 4, 8], help="networks")
    parser.add_argument("--plain", action="store_true", help="also without recorded steps")
    parser.add_argument("--repeats", type=int, default=3, help="turns (default 3)")
    parser.add_argument("--rows", type=int, default=5_000, help="sessions of a symbol")
    parser.add_argument("--source", type=Path, help="folder of real CSV files to draw from")
    options = parser.parse_args()
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device"
    print(f"{machine()}, torch {torch.__version__}; {name}")
    print(f"{'pool':>10}" + "".join(f"{name:>12}" for name in ("way", "fit s", "epoch ms", "MB")))
    for pool in options.pools:
        measure(pool, options)


if __name__ == "__main__":
    main()
