"""The folders of prices and runs: size, room, rights, damage, and what killed processes left."""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lstmcast.doctor.findings import Problem
from lstmcast.errors import StoreError
from lstmcast.ledger import Ledger
from lstmcast.left_overs import left_over, sweep, temporary_file
from lstmcast.prices.store import PriceStore
from lstmcast.reading import size
from lstmcast.run import find_runs
from lstmcast.run.inventory import inventory
from lstmcast.run.removal import size_of

FEWEST_BYTES = 200 * 2**20
"""Room on the disk below which writing may soon fail."""


@dataclass(frozen=True)
class Folder:
    """A folder.

    Args:
        path: where it is.
        exists: whether it has been made yet.
        writable: whether a file can be written there, or the folder be made.
        bytes: of all its files.
        free: bytes of room on its disk.
        entries: histories or runs that can be used.
        damaged: those that cannot.
        swept: files and folders of killed processes that were removed just now.
    """

    path: Path
    exists: bool
    writable: bool
    bytes: int
    free: int
    entries: int = 0
    damaged: int = 0
    swept: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "path": str(self.path)}


def look_at_store(root: Path) -> tuple[Folder, list[Problem]]:
    """The price store; every file is read and compared with its hash.

    Raises:
        StoreError: if it cannot be read.
    """
    prices = root / "prices"
    folders = [root, prices, *(prices.iterdir() if prices.is_dir() else ())]
    swept, problems = _sweep(folders)
    store = PriceStore(root)
    good = bad = 0
    for entry in store.entries():
        problem = entry.problem
        if problem is None:
            try:
                store.load(entry.symbol, entry.source)
            except StoreError as error:
                problem = error.message
        if problem is None:
            good += 1
            continue
        bad += 1
        again = f"`lstmcast fetch {entry.symbol} --source {entry.source} --full` fetches it again"
        if entry.state == "unreadable":
            again = "give yourself the right to read it"
        problems.append(Problem("broken", problem, again))
    return _folder(root, "--data-dir", good, bad, swept, problems)


def look_at_runs(root: Path) -> tuple[Folder, list[Problem]]:
    """The runs; every file of a run is compared with its hash.

    Raises:
        RunError: if the folder cannot be read.
    """
    runs, errors = find_runs(root)
    swept, problems = _sweep([root, *(run.path for run in runs), *(run.charts for run in runs)])
    problems += [Problem("broken", error.message, error.hint) for error in errors]
    faults = {run.name: run.faults() for run in runs}
    for name, found in faults.items():
        again = f"train it again, or `lstmcast runs remove {name}`"
        problems += [Problem("broken", fault, again) for fault in found]
    problems += [
        Problem("warning", entry.problem)
        for entry in inventory(root)
        if entry.problem is not None and entry.status != "damaged"
    ]
    damaged = len(errors) + sum(map(bool, faults.values()))
    return _folder(root, "--runs-dir", len(runs) + len(errors) - damaged, damaged, swept, problems)


def look_at_ledger(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """The ledger, entry by entry; one that is not there yet is no fault.

    Raises:
        LedgerError: if it cannot be read, or is not what was written.
    """
    about = {"path": str(path), "exists": os.path.lexists(path), "bytes": 0, "entries": 0}
    if about["exists"]:
        found = Ledger(path).check()
        about |= {"bytes": path.stat().st_size, "entries": found.entries}
    return about, []


def _folder(
    root: Path, option: str, entries: int, damaged: int, swept: int, problems: list[Problem]
) -> tuple[Folder, list[Problem]]:
    """The folder, with what is wrong with its place beside what is wrong in it."""
    nearest = next(path for path in (root, *root.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(nearest).free
    reason = _refused(root, nearest)
    hint = f"choose another folder with `{option}`"
    if reason is not None:
        problems.append(Problem("broken", f"`{root}` cannot be written: {reason}", hint))
    elif free < FEWEST_BYTES:
        words = f"`{root}` has {size(free)} free on its disk"
        problems.append(Problem("warning", words, f"free some, or {hint}"))
    used = size_of(root) if root.is_dir() else 0
    found = Folder(root, root.is_dir(), reason is None, used, free, entries, damaged, swept)
    return found, problems


def _refused(root: Path, nearest: Path) -> str | None:
    """Why nothing can be written there; None where it can. A missing folder stays missing."""
    if root.exists() and not root.is_dir():
        return "it is a file"
    try:
        with temporary_file(nearest / "doctor"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _sweep(folders: list[Path]) -> tuple[int, list[Problem]]:
    """Remove what killed processes left, and say how much that was and what would not go."""
    found = [path for folder in folders for path in left_over(folder)]
    for folder in folders:
        sweep(folder)
    kept = [path for path in found if os.path.lexists(path)]
    hint = "remove it yourself"
    problems = [
        Problem("warning", f"`{path}` of a killed process cannot go", hint) for path in kept
    ]
    return len(found) - len(kept), problems
