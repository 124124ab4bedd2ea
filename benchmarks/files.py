"""What it costs to read one symbol out of a long file of many: seconds and peak memory.

    python benchmarks/files.py --symbols 500 --sessions 1200

Each reader runs in a process of its own; seconds are from the open file to the checked history,
imports not counted; CPU seconds do not see what else runs on the machine; memory is the process's
peak, imports included.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

READ = """
import resource, sys, time
from pathlib import Path
from lstmcast.prices.sources import SourceOptions, get_source
path, symbols = Path(sys.argv[1]), sys.argv[2].split(",")
source = get_source("csv", SourceOptions(path=path))
started, cpu = time.perf_counter(), time.process_time()
rows = [len(source.fetch(symbol)) for symbol in symbols]
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
print(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, sum(rows))
"""


def long_file(folder: Path, symbols: int, sessions: int) -> dict[str, Path]:
    """Write the same made-up bars of many symbols in several forms, symbol after symbol."""
    random = np.random.default_rng(0)
    days = pd.bdate_range("2019-01-01", periods=sessions)
    rows = symbols * sessions
    close = np.exp(4 + np.cumsum(random.normal(0, 0.01, (symbols, sessions)), axis=1)).round(2)
    frame = pd.DataFrame({"date": np.tile(days, symbols)})
    frame["open"] = (close.ravel() * 1.001).round(2)
    frame["high"] = (close.ravel() * 1.01).round(2)
    frame["low"] = (close.ravel() * 0.99).round(2)
    frame["close"] = close.ravel()
    frame["volume"] = random.integers(10**6, 10**8, rows)
    frame["Name"] = np.repeat([f"S{number:03d}" for number in range(symbols)], sessions)
    paths = {name: folder / name for name in ("plain.csv", "european.csv", "table.parquet")}
    frame.to_csv(paths["plain.csv"], index=False)
    frame.to_csv(paths["european.csv"], index=False, sep=";", decimal=",", date_format="%d.%m.%Y")
    frame.to_parquet(paths["table.parquet"], index=False)
    return paths


def main() -> None:
    """Print a table of seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=1200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = long_file(Path(name), arguments.symbols, arguments.sessions)
        print(f"{arguments.symbols * arguments.sessions:,} rows")
        print(f"{'file':15} {'MB':>6} {'asked for':>10} {'seconds':>8} {'CPU s':>6} {'peak MB':>8}")
        for kind, path in paths.items():
            for count in (1, 50):
                wanted = ",".join(f"S{number:03d}" for number in range(count))
                ran = subprocess.run(
                    [sys.executable, "-c", READ, str(path), wanted],
                    capture_output=True,
                    text=True,
                    check=True,
                )
                seconds, cpu, peak, _ = map(float, ran.stdout.split())
                size = path.stat().st_size / 1e6
                print(f"{kind:15} {size:6.1f} {count:10} {seconds:8.2f} {cpu:6.2f} {peak:8.0f}")


if __name__ == "__main__":
    main()
