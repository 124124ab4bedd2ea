"""What prices cost: a fetch of 40 years, an update of one bar, and reading 500 symbols.

    python benchmarks/prices.py
    python benchmarks/prices.py --symbols 50     a tenth of the reading

Fetches go through the real yfinance client to a Yahoo on the loopback, in a process of its own: the
network's part is that of a very near server. Reading takes place in fresh processes, one for each
way; their peak memory includes the libraries.
"""

import argparse
import functools
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import pandas as pd
from support.bars import make_frame
from support.fake_yahoo import FakeYahoo, listing
from support.loopback import Authority, Loopback

from lstmcast.prices import update as updating
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.sources.http import GuardedSession
from lstmcast.prices.sources.yahoo.source import YahooSource
from lstmcast.prices.store import PriceStore

YEARS = 40
SESSIONS = 252


def serve(pipe: Connection, folder: Path) -> None:
    """Be Yahoo until the other end says so; any message on the way reveals the newest session."""
    whole = listing("AAPL", YEARS * SESSIONS, date(2026, 6, 30))
    fake = FakeYahoo()
    fake.add(whole.until(whole.bars.index[-2].date()))
    with Loopback(Authority(folder)) as loopback:
        loopback.handlers["yahoo.com"] = fake
        pipe.send((loopback.url, loopback.authority.bundle))
        while pipe.recv() == "newest":
            fake.add(whole)
            pipe.send("done")


@contextmanager
def stopwatches(parts: dict[str, tuple[Any, str]]) -> Iterator[dict[str, float]]:
    """Add up the seconds spent in some functions; those inside another count in both."""
    seconds: dict[str, float] = defaultdict(float)
    originals = {name: getattr(owner, attribute) for name, (owner, attribute) in parts.items()}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*arguments: Any, **options: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                seconds[name] += time.perf_counter() - started

        return run

    for name, (owner, attribute) in parts.items():
        setattr(owner, attribute, timed(name, originals[name]))
    try:
        yield seconds
    finally:
        for name, (owner, attribute) in parts.items():
            setattr(owner, attribute, originals[name])


def fetches(folder: Path) -> None:
    """Fetch 40 years twice over, then one more bar, and print where the time went."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(there, folder), daemon=True)
    server.start()
    url, bundle = here.recv()
    source = get_source("yahoo", SourceOptions(proxy=url, ca_bundle=bundle))
    store = PriceStore(folder / "store")
    parts = {
        "network": (GuardedSession, "request"),
        "yfinance, network included": (YahooSource, "_ask"),
        "validation": (PriceHistory, "from_frame"),
        "checks": (updating, "examine"),
        "writing": (PriceStore, "save"),
    }
    everything = updating.Rules(full=True)
    steps: list[tuple[str, updating.Rules | None]] = [
        ("40 years, the first fetch of a process", everything),
        ("40 years again, imports and calendar known", everything),
        ("one more bar", None),
    ]
    for label, rules in steps:
        if rules is None:
            here.send("newest")
            here.recv()
        with stopwatches(parts) as seconds:
            started = time.perf_counter()
            done = updating.update(store, source, "AAPL", rules)
            total = time.perf_counter() - started
        print(f"\n{label}: {len(done.history)} rows, {done.added} new, {1000 * total:.0f} ms")
        asked = seconds.pop("yfinance, network included")
        shown = {"network": seconds["network"], "yfinance": asked - seconds["network"], **seconds}
        shown["the rest"] = (
            total - asked - sum(seconds[name] for name in seconds if name != "network")
        )
        for name, spent in shown.items():
            print(f"  {name:12}{1000 * spent:8.1f} ms")
    here.send("stop")


READERS = {
    "store": "PriceStore(root / 'store').load(symbol, 'csv')",
    "CSV, `--source csv`": (
        "get_source('csv', SourceOptions(path=root / 'csv' / f'{symbol}.csv')).fetch(symbol)"
    ),
    "CSV, pandas alone": (
        "pd.read_csv(root / 'csv' / f'{symbol}.csv', index_col='date', parse_dates=['date'])"
    ),
}
READ = """
import resource, sys, time
from pathlib import Path
import pandas as pd
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.store import PriceStore
root, symbols = Path(sys.argv[1]), [f"S{{k}}" for k in range(int(sys.argv[2]))]
def read(symbol):
    return {how}
read(symbols[0])
started, cpu = time.perf_counter(), time.process_time()
kept = [read(symbol) for symbol in symbols]
seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
print(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def reading(folder: Path, symbols: int, years: int = 20) -> None:
    """Read many symbols from the store and from CSV files, in fresh processes."""
    store = PriceStore(folder / "store")
    (folder / "csv").mkdir()
    frame = make_frame(years * SESSIONS)
    for number in range(symbols):
        bars = frame * (1 + number / 1000)
        history = PriceHistory.from_frame(bars, symbol=f"S{number}", source="csv")
        store.save(history)
        bars.to_csv(folder / "csv" / f"S{number}.csv", index_label="date")
    print(f"\nreading {symbols} symbols x {years} years ({symbols * len(frame):,} rows)")
    for name, how in READERS.items():
        done = subprocess.run(
            [sys.executable, "-c", READ.format(how=how), str(folder), str(symbols)],
            capture_output=True,
            text=True,
            check=True,
        )
        seconds, cpu, kilobytes = done.stdout.split()
        kind, ending = ("store", "parquet") if name == "store" else ("csv", "csv")
        size = sum(file.stat().st_size for file in (folder / kind).rglob(f"S*.{ending}"))
        print(
            f"  {name:22}{float(seconds):8.2f} s ({float(cpu):.2f} s of one core)"
            f"{int(kilobytes) / 1024:8.0f} MiB of memory"
            f"{size / 2**20:8.0f} MiB on disk"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--symbols", type=int, default=500, help="symbols to read (default 500)")
    options = parser.parse_args()
    print(f"pandas {pd.__version__}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        fetches(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        reading(Path(folder), options.symbols)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of the fetching process: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
