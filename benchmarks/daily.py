"""What a day of many symbols takes: `examples/daily.sh` on 50, one of which fails.

    python benchmarks/daily.py
    python benchmarks/daily.py --symbols 50 --prices FOLDER

The symbols are made by a block bootstrap of daily bars in FOLDER (CSV files, also gzipped; by
default the bundled sample), with calendars of their own: they begin and end on different days, and
lack some sessions. Nothing is learned from how well they are forecast; only time and memory count.
The script is run for a first day, and again after each file has one more session.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.prices.sources import get_source

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "daily.sh"
SAMPLE = ("AAPL", "GOOG", "IBM", "MSFT")
COLUMNS = ["open", "high", "low", "close", "volume"]
BLOCK, SEED = 60, 20260102


def read_series(folder: Path | None) -> list[pd.DataFrame]:
    """Adjusted bars: of each file of a folder, or of the sample."""
    if folder is None:
        source = get_source("sample")
        return [source.fetch(symbol).adjusted()[COLUMNS] for symbol in SAMPLE]
    tables = []
    for path in sorted([*folder.rglob("*.csv"), *folder.rglob("*.csv.gz")]):
        table = pd.read_csv(path, index_col="date", parse_dates=True)
        if "adj_close" in table:
            ratio = table["adj_close"] / table["close"]
            table[["open", "high", "low", "close"]] = table[["open", "high", "low", "close"]].mul(
                ratio, axis=0
            )
        tables.append(table.reindex(columns=COLUMNS))
    return tables


def bootstrapped(tables: Sequence[pd.DataFrame], number: int, last: pd.Timestamp) -> pd.DataFrame:
    """One symbol: blocks of days of one series, put together in another order."""
    random = np.random.default_rng([SEED, number])
    bars = tables[number % len(tables)]
    length = int(random.integers(1500, 3000))
    starts = random.integers(1, len(bars) - BLOCK, size=length // BLOCK + 1)
    rows = np.concatenate([np.arange(at, at + BLOCK) for at in starts])[:length]
    close = bars["close"].to_numpy()
    moves = np.log(close[rows] / close[rows - 1])
    scale = 50 * np.exp(np.cumsum(moves)) / close[rows]
    made = bars.iloc[rows].copy()
    for name in COLUMNS[:4]:
        made[name] *= scale
    made.index = pd.bdate_range(end=last - pd.Timedelta(days=int(number % 3)), periods=length)
    made.index.name = "date"
    kept = random.random(length) > 0.003
    return made[kept].dropna(axis="columns", how="all")


def write(folder: Path, made: Mapping[str, pd.DataFrame], *, left_out: int) -> None:
    """A file for each symbol without its last sessions; that of the last symbol has no price."""
    for name, bars in made.items():
        kept = bars.iloc[: len(bars) - left_out]
        kept.to_csv(folder / f"{name}.csv", date_format="%Y-%m-%d", float_format="%.6f")
    (folder / f"{[*made][-1]}.csv").write_text("date,close\nno,price\n", encoding="utf-8")


def main() -> None:
    """Run the script for two days, and print what each took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--symbols", type=int, default=50, help="how many, with one that fails")
    parser.add_argument("--prices", type=Path, help="folder of CSV files to resample")
    arguments = parser.parse_args()
    tables = read_series(arguments.prices)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        files = root / "files"
        files.mkdir()
        program = root / "lstmcast"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lstmcast "$@"\n')
        program.chmod(0o755)
        options = ["--source", "csv", "--path", str(files)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "LSTMCAST": str(program),
            "LSTMCAST_DATA_DIR": str(root / "data"),
            "LSTMCAST_RUNS_DIR": str(root / "runs"),
        }
        today = pd.Timestamp.today().normalize()
        made = {
            f"S{number:03d}": bootstrapped(tables, number, today)
            for number in range(arguments.symbols)
        }
        (root / "symbols.txt").write_text("\n".join(made))
        for day, left_out in (("first", 1), ("second", 0)):
            write(files, made, left_out=left_out)
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            done = subprocess.run(
                ["/bin/sh", str(SCRIPT), str(root / "symbols.txt"), str(root / "out"), *options],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.perf_counter() - began
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(
                f"{day} day: {seconds:.1f} s, {cpu:.1f} CPU seconds, "
                f"{after.ru_maxrss / 1024:.0f} MB at most, exit code {done.returncode}"
            )
            print("\n".join(f"  {line}" for line in done.stderr.splitlines()))
        (table,) = (root / "out").glob("*.parquet")
        print(f"{pd.read_parquet(table)['symbol'].nunique()} symbols were forecast")


if __name__ == "__main__":
    main()
