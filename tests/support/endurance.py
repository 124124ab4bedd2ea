"""Crowds and killings: what the store must outlive. Run as a process of its own.

    PYTHONPATH=tests python -m support.endurance FOLDER WHAT:COUNT[:COUNT] ...

Each of them in a folder of its own: `crowd:PROCESSES:ROUNDS`, `kills:TIMES`, `reads:TIMES`.

`crowd`: processes update one shared symbol and one each, a session more in every round. `kills`: a
process that updates without pause gets SIGKILL at a random moment; after each, the file must be
whole, hold no fewer sessions than before, and be writable again. `reads`: the file is read, without
the lock, while a process replaces it without pause. Each prints what it did and exits with 1 at the
first fault.
"""

import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import ClassVar

import pandas as pd

from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.store import PriceStore
from lstmcast.prices.update import update
from support.bars import make_frame, make_history

FIRST = 280


class GrowingSource:
    """A source that has one session more whenever `sessions` is raised."""

    name: ClassVar[str] = "growing"
    incremental: ClassVar[bool] = True

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self.frame = make_frame(FIRST + 400)
        self.sessions = FIRST

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        part = self.frame.iloc[: self.sessions].loc[
            slice(None if start is None else str(start), None if end is None else str(end))
        ]
        return PriceHistory.from_frame(part, symbol=symbol, source=self.name)


def crowd(folder: Path, processes: int, rounds: int) -> None:
    """Let processes update shared and own symbols at once; check that every session is there."""
    started = time.perf_counter()
    children = []
    for number in range(processes):
        child = os.fork()
        if child == 0:
            store, source = PriceStore(folder), GrowingSource(SourceOptions())
            for turn in range(1, rounds + 1):
                source.sessions = FIRST + turn
                update(store, source, f"OWN{number}")
                if store.sources("SHARED"):  # others may be rounds ahead, and sources do not shrink
                    stored = len(store.load("SHARED", source.name))
                    source.sessions = max(source.sessions, stored)
                update(store, source, "SHARED")
            os._exit(0)
        children.append(child)
    failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
    store, whole = PriceStore(folder), GrowingSource(SourceOptions()).frame.iloc[: FIRST + rounds]
    symbols = ["SHARED", *(f"OWN{number}" for number in range(processes))]
    for symbol in symbols:
        pd.testing.assert_frame_equal(
            store.load(symbol, "growing").bars, whole, check_exact=True, check_freq=False
        )
    assert not failed, f"{len(failed)} processes failed"
    left_over = [path.name for path in folder.rglob("*.tmp")]
    assert not left_over, left_over
    seconds = time.perf_counter() - started
    print(  # noqa: T201  # the report of a process
        f"{processes} processes, {rounds} rounds: {2 * processes * rounds} updates in"
        f" {seconds:.1f} s, {len(symbols)} files whole"
    )


def kills(folder: Path, times: int) -> None:
    """Kill a process that updates, at random moments; check the file after each."""
    store, source = PriceStore(folder), GrowingSource(SourceOptions())
    update(store, source, "AAPL")
    longest = _seconds_of_an_update(folder)
    random.seed(5)
    before, grown, left_over = FIRST, 0, 0
    for _ in range(times):
        child = os.fork()
        if child == 0:
            while True:
                source.sessions = min(len(store.load("AAPL", "growing")) + 1, len(source.frame))
                update(store, source, "AAPL")
        time.sleep(random.uniform(0, 4 * longest))  # noqa: S311  # a moment, not a secret
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        history = store.load("AAPL", "growing")  # raises if the file is not what its hash says
        assert len(history) >= before, f"{before} sessions became {len(history)}"
        pd.testing.assert_frame_equal(
            history.bars, source.frame.iloc[: len(history)], check_exact=True, check_freq=False
        )
        grown += len(history) > before
        left_over += any(folder.rglob("*.tmp"))
        before = len(history)
    source.sessions = min(before + 1, len(source.frame))
    update(store, source, "AAPL")
    assert not any(folder.rglob("*.tmp"))
    print(  # noqa: T201  # the report of a process
        f"killed {times} times: {grown} times after an update, {left_over} times with a part of a"
        f" file left beside it; {before} sessions, every file whole"
    )


def reads(folder: Path, times: int) -> None:
    """Read a file while a process replaces it by a longer and a shorter one in turns."""
    store = PriceStore(folder)
    lengths = (30, FIRST)
    histories = [make_history(sessions=sessions) for sessions in lengths]
    store.save(histories[0])
    child = os.fork()
    if child == 0:
        for history in itertools.cycle(histories):
            store.save(history)
    try:
        seen, listed = Counter[int](), Counter[int]()
        # Until the other process has had its turn as well, however busy the machine is.
        while listed.total() < times or set(seen) != set(lengths) or set(listed) != set(lengths):
            seen[len(store.load("AAPL", "csv"))] += 1
            (entry,) = store.entries()
            listed[entry.rows] += 1
            assert set(seen) | set(listed) <= set(lengths), (seen, listed)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print(f"read {seen.total()} times, each time whole: {dict(seen)} sessions")  # noqa: T201  # the report


def _seconds_of_an_update(folder: Path) -> float:
    store, source = PriceStore(folder / "trial"), GrowingSource(SourceOptions())
    update(store, source, "AAPL")
    started = time.perf_counter()
    source.sessions += 1
    update(store, source, "AAPL")
    return time.perf_counter() - started


if __name__ == "__main__":
    root, *wanted = sys.argv[1:]
    runs: dict[str, Callable[..., None]] = {"crowd": crowd, "kills": kills, "reads": reads}
    for each in wanted:
        what, *counts = each.split(":")
        runs[what](Path(root) / what, *map(int, counts))
