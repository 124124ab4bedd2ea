"""Opening the run or walk that a command is about, and holding it so that nobody removes it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.cli.console import note

if TYPE_CHECKING:
    from lstmcast.evaluation.backtest import SavedWalk
    from lstmcast.run import Run

MOST_DAMAGED = 3
"""Runs that cannot be read and are named one by one."""

_held: list[ExitStack] = []
"""What the running command holds."""


@contextmanager
def holding_runs() -> Iterator[None]:
    """Until the command ends, let nobody remove the folders that it holds."""
    with ExitStack() as stack:
        _held.append(stack)
        try:
            yield
        finally:
            _held.pop()


def hold_folder(folder: Path) -> None:
    """Let nobody remove a run or a walk until the command ends."""
    from lstmcast.run import in_use

    if _held:
        _held[-1].enter_context(in_use(folder))


def open_run(run: Path | None, runs_dir: Path) -> "Run":
    """Open a run and say which one it is: without a name it is whatever was trained last.

    Raises:
        RunError: if there is none, or it is incomplete, damaged or of a newer schema.
    """
    from lstmcast.run import Run

    opened = Run.open(run, runs_dir)
    hold_folder(opened.path)
    if run is None:
        tell_of_damaged(runs_dir)
    note(f"run {opened.name}" + (", the newest" if run is None else ""))
    return opened


def open_walk(name: Path | None, runs_dir: Path) -> "SavedWalk | None":
    """Open a finished walk and say which one it is; None where the name is of no walk.

    Raises:
        RunError: if it is damaged, or not all of its folds are done.
    """
    if name is None:
        return None
    # Asked for without what walks need, which is more than many commands load.
    places = [name, runs_dir / name] if name.parent == Path() else [name]
    if not any((place / "plan.json").is_file() for place in places):
        return None
    from lstmcast.evaluation.backtest import SavedWalk

    path = SavedWalk.find(name, runs_dir)
    if path is None:
        return None
    hold_folder(path)
    walk = SavedWalk.open(path)
    note(f"walk {walk.name}")
    return walk


def tell_of_damaged(runs_dir: Path) -> None:
    """Name the runs that were passed over on the way to the newest."""
    from lstmcast.run import find_runs

    damaged = find_runs(runs_dir)[1]
    for error in damaged[:MOST_DAMAGED]:
        note(f"warning: passed over: {error.message}")
    if more := damaged[MOST_DAMAGED:]:
        note(f"warning: passed over: {len(more)} more runs that cannot be read")
