"""What the verdict costs: `evaluate` for few and many symbols, `backtest` on one core and two.

    python benchmarks/verdict.py
    python benchmarks/verdict.py --many 20 --folds 4     quicker

Commands run as a user runs them, each in a process of its own, with all baselines. The few symbols
are the four stocks of the bundled sample with the default experiment; the many are simulated GARCH
series of 20 years, of which one small network is trained, since only what follows is timed.
`evaluate` runs twice: the first fits GARCH and its kin, the second finds the fits that were kept.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from speed import EXPERIMENT, SYMBOLS, run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.simulated import bars_from_returns, garch_returns

ROWS = 5040
MANY = """
name: many
data: {{symbols: [{symbols}], source: csv}}
split: {{train: 0.7, validation: 0.15, test: 0.15}}
model: {{members: 1}}
training: {{epochs: 1}}
"""


def show(what: str, folder: Path, *arguments: str) -> None:
    """Run a command and print what it took."""
    seconds, megabytes, _ = run(list(arguments), folder)
    print(f"  {what:52}{seconds:8.1f} s{megabytes:8.0f} MB", flush=True)


def few(folder: Path, folds: int) -> None:
    """Four stocks: evaluate, audit, and a walk with one worker and with two."""
    config = folder / "few.yaml"
    config.write_text(EXPERIMENT, encoding="utf-8")
    run(["fetch", *SYMBOLS, "--source", "sample"], folder)
    run(["train", "--config", str(config)], folder)
    print(f"\n{len(SYMBOLS)} stocks of the sample, five networks, ten horizons")
    show("evaluate", folder, "evaluate")
    show("evaluate, fits kept", folder, "evaluate")
    show("audit", folder, "audit")
    for jobs in ("1", "2"):
        runs = folder / f"walk{jobs}"
        walk = ["backtest", "--config", str(config), "--folds", str(folds), "--jobs", jobs]
        show(f"backtest, {folds} folds, --jobs {jobs}", folder, *walk, "--runs-dir", str(runs))


def many(folder: Path, count: int) -> None:
    """Many simulated series: evaluate."""
    names = [f"S{k:03}" for k in range(count)]
    for k, name in enumerate(names):
        bars = bars_from_returns(garch_returns(k, ROWS)[0], first="2005-01-03")
        bars.drop(columns="dollar_volume").to_csv(folder / f"{name}.csv")
    run(["fetch", *names, "--source", "csv", "--path", str(folder)], folder)
    config = folder / "many.yaml"
    config.write_text(MANY.format(symbols=", ".join(names)), encoding="utf-8")
    run(["train", "--config", str(config)], folder)
    print(f"\n{count} simulated series of {ROWS} sessions, ten horizons")
    show("evaluate", folder, "evaluate")
    show("evaluate, fits kept", folder, "evaluate")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--many", type=int, default=100, help="simulated series")
    parser.add_argument("--folds", type=int, default=10, help="of the backtest")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        few(Path(name), options.folds)
    with tempfile.TemporaryDirectory() as name:
        many(Path(name), options.many)


if __name__ == "__main__":
    main()
