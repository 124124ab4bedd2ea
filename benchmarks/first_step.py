"""From CSV files to the first training step by number of symbols: seconds, and peak memory.

    python benchmarks/first_step.py
    python benchmarks/first_step.py --symbols 1 10 100 --source FOLDER

Symbols are a block bootstrap of real ones (`helpers/bootstrap.py`) with 5,000 sessions. `fetch` is
the command, from files to the store. Then a process of its own imports PyTorch (`import`), reads
the store (`read`), computes features, targets and the panel (`prepare`), fits the head of the first
network (`head`) and takes a training step (`step`). Seconds are CPU seconds on one thread.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from helpers.bootstrap import write_csvs
from helpers.usage import machine, run

PARTS = ("import", "read", "prepare", "head", "step")


def first_step(names: Sequence[str], data: Path) -> dict[str, float]:
    """CPU seconds of each part, in this process."""
    import torch

    from lstmcast.config import parse_experiment
    from lstmcast.prices.store import PriceStore
    from lstmcast.training.builder import MemberBuilder
    from lstmcast.training.device_panel import DevicePanel
    from lstmcast.training.loop import run_epoch
    from lstmcast.training.prepare import prepare
    from lstmcast.training.steps import Steps

    torch.set_num_threads(1)
    laps = [time.process_time()]
    store = PriceStore(data)
    histories = [store.load(name, "csv") for name in names]
    laps.append(time.process_time())
    experiment = parse_experiment(
        f"name: first\ndata: {{symbols: [{', '.join(names)}], source: csv}}\n"
        "split: {train: 0.7, validation: 0.15, test: 0.15}\ntraining: {threads: 1}\n"
    )
    prepared = prepare(experiment, histories)
    builder = MemberBuilder(prepared.experiment, DevicePanel(prepared), 0, (), prepared.pretrained)
    laps.append(time.process_time())
    network = builder.build(0, seed=0)
    laps.append(time.process_time())
    steps = Steps(network, prepared.experiment.training, builder.learning_rate)
    batch = next(builder.panel.training_batches(torch.Generator().manual_seed(0)))
    run_epoch(network, [batch], steps, torch.Generator().manual_seed(0))
    laps.append(time.process_time())
    taken = (later - before for before, later in zip([0.0, *laps], laps, strict=False))
    return dict(zip(PARTS, taken, strict=True))


def measure(symbols: int, options: argparse.Namespace) -> None:
    """Print a row."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        names = [f"S{k:04d}" for k in range(symbols)]
        write_csvs(folder / "csv", symbols, options.rows, options.source)
        fetch = ["fetch", *names, "--source", "csv", "--path", str(folder / "csv")]
        fetched = run(fetch, folder)
        words = ["--child", str(folder / "data"), *names]
        trained = run(words, folder, {"OMP_NUM_THREADS": "1"}, [__file__])
    parts = json.loads(trained.output)
    cells = [f"{fetched.cpu:.2f}", *(f"{parts[name]:.2f}" for name in PARTS)]
    cells += [f"{fetched.cpu + trained.cpu:.2f}"]
    cells += [f"{took.megabytes:.0f}" for took in (fetched, trained)]
    print(f"{symbols:>8}" + "".join(f"{cell:>10}" for cell in cells), flush=True)


def main() -> None:
    """Measure and print the table."""
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(first_step(sys.argv[3:], Path(sys.argv[2]))))
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--symbols", type=int, nargs="+", default=[1, 10, 50, 100, 250])
    parser.add_argument("--rows", type=int, default=5_000, help="sessions of a symbol")
    parser.add_argument("--source", type=Path, help="folder of real CSV files to draw from")
    options = parser.parse_args()
    print(machine())
    names = ["fetch", *PARTS, "all", "fetch MB", "train MB"]
    print(f"{'symbols':>8}" + "".join(f"{name:>10}" for name in names))
    for symbols in sorted(options.symbols):
        measure(symbols, options)


if __name__ == "__main__":
    main()
