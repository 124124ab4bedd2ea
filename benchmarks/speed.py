"""How long training takes, what of it is not the network, and how much memory it needs.

    python benchmarks/speed.py

The defaults of lstmcast on the four stocks of the bundled sample, five networks, one horizon to the
default one. `lstmcast train` is run as a user runs it, in a process of its own; its time includes
the start of Python and the import of PyTorch. The share of a step is measured on one network and
one thread: all that is not the forward pass, the loss or the backward pass, so the gathering of the
batch, clipping, the optimiser, the average of the weights and the bookkeeping.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from lstmcast.config import parse_experiment
from lstmcast.nn import Network
from lstmcast.prices.sources import get_source
from lstmcast.training.builder import MemberBuilder
from lstmcast.training.device_panel import DevicePanel
from lstmcast.training.loop import run_epoch
from lstmcast.training.prepare import prepare
from lstmcast.training.steps import Steps

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
EXPERIMENT = f"""
name: speed
data: {{symbols: [{", ".join(SYMBOLS)}], source: sample}}
split: {{train_end: 2008-12-31, validation_end: 2010-12-31}}
"""


def run(arguments: list[str], folder: Path) -> tuple[float, float, str]:
    """Seconds, peak memory in MB and output of one command."""
    environment = {
        **os.environ,
        "LSTMCAST_DATA_DIR": str(folder / "data"),
        "LSTMCAST_RUNS_DIR": str(folder / "runs"),
    }
    began = time.perf_counter()
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "lstmcast", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit((folder / "errors").read_text())
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return time.perf_counter() - began, kilobytes / 1024, output


def commands(repeats: int, overrides: list[str]) -> None:
    """The whole command, and what it says of its parts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "speed.yaml"
        config.write_text(EXPERIMENT, encoding="utf-8")
        run(["fetch", *SYMBOLS, "--source", "sample"], folder)
        settings = [word for override in overrides for word in ("--set", override)]
        found = [
            run(["train", "--config", str(config), "--json", *settings], folder)
            for _ in range(repeats)
        ]
    parts = [json.loads(output)["seconds"] for _, _, output in found]
    print(f"\n`lstmcast train`, {len(SYMBOLS)} stocks, median of {repeats}")
    for part in parts[0]:
        print(f"  {part:24}{statistics.median(times[part] for times in parts):8.2f} s")
    print(f"  {'whole command':24}{statistics.median(f[0] for f in found):8.2f} s")
    print(f"  {'peak memory':24}{statistics.median(f[1] for f in found):8.0f} MB")


class Stopwatch:
    """Adds up the time spent inside the functions that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


@contextmanager
def timed_network(network: Network) -> Iterator[Stopwatch]:
    """Time the forward pass, the loss and the backward pass."""
    watch = Stopwatch()
    with (
        patch.object(network, "forward", watch.around(network.forward)),
        patch.object(network.head, "loss", watch.around(network.head.loss)),
        patch.object(torch.Tensor, "backward", watch.around(torch.Tensor.backward)),
    ):
        yield watch


def steps(epochs: int, overrides: list[str]) -> None:
    """What a training step spends outside the network."""
    torch.set_num_threads(1)
    source = get_source("sample")
    prepared = prepare(
        parse_experiment(EXPERIMENT, overrides), [source.fetch(symbol) for symbol in SYMBOLS]
    )
    experiment = prepared.experiment
    builder = MemberBuilder(experiment, DevicePanel(prepared))
    panel, network = builder.panel, builder.build(0, seed=0)
    taken = Steps(network, experiment.training, builder.learning_rate)
    order, masks = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    batches = len(list(panel.training_batches(order)))
    run_epoch(network, panel.training_batches(order), taken, masks)
    with timed_network(network) as watch:
        began = time.perf_counter()
        for _ in range(epochs):
            run_epoch(network, panel.training_batches(order), taken, masks)
        whole = time.perf_counter() - began
    print(f"\na training step, one network, one thread, mean of {epochs * batches}")
    print(f"  {'whole step':24}{1e3 * whole / (epochs * batches):8.2f} ms")
    print(f"  {'outside the network':24}{1 - watch.seconds / whole:8.1%}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="times the command is run")
    parser.add_argument("--epochs", type=int, default=5, help="epochs whose steps are timed")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the experiment")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, Python {sys.version.split()[0]}")
    commands(options.repeats, options.set)
    steps(options.epochs, options.set)


if __name__ == "__main__":
    main()
