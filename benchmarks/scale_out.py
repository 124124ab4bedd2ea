"""What more workers bring: a walk, its networks and baselines on one process, on two, and on Ray.

    python benchmarks/scale_out.py
    python benchmarks/scale_out.py --repeats 3 --only backtest

`backtest` shares out folds, `train` networks and `evaluate` symbols. Each is run with `--jobs 1`,
with `--jobs 2`, and on a Ray cluster of two machines of one core each, which are started here and
not counted. All have one thread a network. Runs take turns, and ratios are medians of those within
a turn. Beside the seconds by the clock stand CPU seconds of all processes, and of the longest way:
the command's own process and its busiest worker, which is what a machine with the cores free would
take. Without Ray (`pip install 'lstmcast[ray]'`) the last is left out.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.usage import Usage, machine, run

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")

CONFIG = """
name: scale-out
data: {{symbols: [AAPL, GOOG, IBM, MSFT], source: sample}}
split: {{train_end: 2008-12-31, validation_end: 2010-12-31}}
model: {{members: 4, start: random}}
training: {{threads: 1, epochs: {epochs}, patience: 12}}
"""

WAYS = {"1 job": ["--jobs", "1"], "2 jobs": ["--jobs", "2"], "Ray, 2 x 1": ["--cluster", "auto"]}

QUIET = {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}


@contextmanager
def two_machines() -> Iterator[dict[str, str]]:
    """A Ray cluster of two machines of one core each: the variables that name it."""
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster: Any = Cluster(initialize_head=True, head_node_args=small)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        yield {"RAY_ADDRESS": cluster.address}
    finally:
        cluster.shutdown()


def one(command: str, way: str, folder: Path, environment: dict[str, str]) -> Usage:
    """Run a command in one of the ways, with nothing kept from before."""
    runs, cache = folder / "way", folder / "cache"
    for path in (runs, cache):
        shutil.rmtree(path, ignore_errors=True)
    words = {
        "backtest": [
            "backtest",
            "-c",
            str(folder / "c.yaml"),
            "--folds",
            "4",
            "--baselines",
            "ewma",
        ],
        "train": ["train", "-c", str(folder / "c.yaml")],
        "evaluate": ["evaluate", "--json"],
    }[command]
    if command == "evaluate":
        shutil.copytree(folder / "trained", runs)
    variables = {**environment, "LSTMCAST_CACHE_DIR": str(cache), "LSTMCAST_RUNS_DIR": str(runs)}
    # Workers of a cluster are not the command's children.
    root = os.getpid() if "--cluster" in WAYS[way] else None
    return run([*words, *WAYS[way]], folder, variables, root=root)


def show(command: str, found: dict[str, list[Usage]]) -> None:
    """Print the rows of a command."""
    median = statistics.median
    alone = next(iter(found.values()))
    for way, runs in found.items():
        pairs = list(zip(alone, runs, strict=True))
        clock = median(before.seconds / after.seconds for before, after in pairs)
        longest = median(before.longest / after.longest for before, after in pairs)
        cells = [
            f"{median(getattr(r, name) for r in runs):.1f}"
            for name in ("seconds", "cpu", "longest")
        ]
        cells += [f"{clock:.2f}", f"{longest:.2f}"]
        print(f"{command:10}{way:12}" + "".join(f"{cell:>10}" for cell in cells), flush=True)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=1, help="turns")
    parser.add_argument("--epochs", type=int, default=12, help="of each network, at most")
    commands = ("backtest", "train", "evaluate")
    parser.add_argument("--only", nargs="+", choices=commands, default=commands)
    options = parser.parse_args()
    ways = list(WAYS)
    try:
        import ray  # noqa: F401
    except ImportError:
        print("without Ray: `pip install 'lstmcast[ray]'`")
        ways.pop()
    print(machine())
    head = ("seconds", "CPU s", "longest", "ratio", "ratio")
    print(f"{'':22}" + "".join(f"{name:>10}" for name in head))
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        config = CONFIG.format(epochs=options.epochs)
        (folder / "c.yaml").write_text(config, encoding="utf-8")
        run(["fetch", *SYMBOLS, "--source", "sample"], folder)
        if "evaluate" in options.only:
            quick = ["--set", "training.epochs=1", "--runs-dir", str(folder / "trained")]
            run(["train", "-c", str(folder / "c.yaml"), *quick], folder, QUIET)
        for command in options.only:
            found: dict[str, list[Usage]] = {way: [] for way in ways}
            for _ in range(options.repeats):
                for way in ways:
                    if "--cluster" not in WAYS[way]:
                        found[way].append(one(command, way, folder, QUIET))
                        continue
                    with two_machines() as address:
                        found[way].append(one(command, way, folder, {**QUIET, **address}))
            show(command, found)


if __name__ == "__main__":
    main()
