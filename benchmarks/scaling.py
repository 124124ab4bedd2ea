"""From CSV files to a verdict by number of symbols: how costs grow, and what breaks at 5,000.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --symbols 50 250 500 --source FOLDER

Symbols are a block bootstrap of real ones (`helpers/bootstrap.py`) with 5,000 sessions, which is
twenty years; a tenth of them have less. Each stage is a command in a process of its own: `fetch`
from CSV files, `train` of three networks for a few epochs, `evaluate` with all baselines, and
`forecast`. A slope is that of a straight line through the logarithms: 1 is linear. What 5,000
symbols would take follows from the slope of the two largest sizes.
"""

import argparse
import math
import shutil
import tempfile
from pathlib import Path

import numpy as np
from helpers.bootstrap import write_csvs
from helpers.usage import Usage, machine, run

ASKED = 5_000

CONFIG = """
name: scale
data: {{symbols: [{symbols}], source: csv}}
split: {{train: 0.7, validation: 0.15, test: 0.15}}
model: {{members: 3}}
training: {{epochs: {epochs}}}
"""


def measure(symbols: int, options: argparse.Namespace) -> dict[str, Usage]:
    """What each command takes for so many symbols."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = [f"S{k:04d}" for k in range(symbols)]
        write_csvs(folder / "csv", symbols, options.rows, options.source)
        config = folder / "scale.yaml"
        config.write_text(CONFIG.format(symbols=", ".join(names), epochs=options.epochs))
        commands = {
            "fetch": ["fetch", *names, "--source", "csv", "--path", str(folder / "csv")],
            "train": ["train", "--config", str(config)],
            "evaluate": ["evaluate"],
            "forecast": ["forecast", *names, "--json"],
        }
        found = {}
        for stage in options.stages:
            found[stage] = took = run(commands[stage], folder)
            print(
                f"{symbols:8,}  {stage:10}{took.cpu:10.1f} s CPU{took.seconds:10.1f} s"
                f"{took.megabytes:10.0f} MB",
                flush=True,
            )
        shutil.rmtree(folder / "csv")
    return found


def slope(sizes: list[int], values: list[float]) -> float:
    """Of a line through the logarithms; 1 where there is one size."""
    if len(sizes) < 2:
        return 1.0
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def extrapolate(sizes: list[int], found: list[dict[str, Usage]]) -> None:
    """Print slopes, and what 5,000 symbols would take."""
    print(f"\n{'stage':10}{'CPU slope':>11}{'MB slope':>10}{'at 5,000':>14}{'':>12}")
    memory = dict.fromkeys(found[0], 0.0)
    for stage in found[0]:
        cpu = [one[stage].cpu for one in found]
        megabytes = [one[stage].megabytes for one in found]
        grows, widens = slope(sizes, cpu), slope(sizes, megabytes)
        more = ASKED / sizes[-1]
        # Memory that every command takes is no longer seen at 5,000: the last two sizes tell.
        last = slope(sizes[-2:], megabytes[-2:])
        memory[stage] = megabytes[-1] * more ** max(widens, last)
        seconds = cpu[-1] * more ** slope(sizes[-2:], cpu[-2:])
        print(
            f"{stage:10}{grows:11.2f}{widens:10.2f}{seconds / 3600:12.2f} h{memory[stage]:10.0f} MB"
        )
    worst = max(memory, key=lambda stage: memory[stage])
    print(
        f"\nFirst to break: the memory of `{worst}`, {memory[worst] / 1024:.0f} GB. A machine with "
        f"16 GB takes about {round_down(ASKED * 16 * 1024 / memory[worst])} symbols."
    )


def round_down(value: float) -> int:
    """To two digits."""
    unit = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return int(value // unit * unit)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--symbols", type=int, nargs="+", default=[50, 125, 250, 500])
    parser.add_argument("--rows", type=int, default=5_000, help="sessions of a symbol")
    parser.add_argument("--epochs", type=int, default=3, help="of training, at most")
    parser.add_argument("--source", type=Path, help="folder of real CSV files to draw from")
    stages = ("fetch", "train", "evaluate", "forecast")
    parser.add_argument("--stages", nargs="+", choices=stages, default=stages[:3])
    options = parser.parse_args()
    print(machine())
    sizes = sorted(options.symbols)
    found = [measure(symbols, options) for symbols in sizes]
    extrapolate(sizes, found)


if __name__ == "__main__":
    main()
