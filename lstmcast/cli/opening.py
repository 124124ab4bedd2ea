"""Opening the run that a command is about, and keeping what it found there."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import note
from lstmcast.reading import RECORD_BYTES, parse_json, read_file

if TYPE_CHECKING:
    from lstmcast.evaluation.backtest import SavedWalk
    from lstmcast.run import Run

MOST_DAMAGED = 3
"""Runs that cannot be read, and are told one by one."""

_held: list[ExitStack] = []
"""What the running command keeps others from removing."""


@contextmanager
def keeping_runs() -> Iterator[None]:
    """Let nobody remove what the command works with, until it ends."""
    with ExitStack() as stack:
        _held.append(stack)
        try:
            yield
        finally:
            _held.pop()


def keep_folder(folder: Path) -> None:
    """Let nobody remove a run or a walk while the command works with it."""
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
    keep_folder(opened.path)
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
    keep_folder(path)
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


def keep(path: Path, values: Mapping[str, Any], whole: Callable[[Mapping[str, Any]], bool]) -> None:
    """Write what a command found to `place_for` it.

    Raises:
        OutputError: if it cannot be written.
    """
    from lstmcast.files import to_json, write_atomically

    write_atomically(place_for(path, values, whole), to_json(values))


def place_for(
    path: Path, values: Mapping[str, Any], whole: Callable[[Mapping[str, Any]], bool]
) -> Path:
    """The file for what a command found: a part never takes the place of a whole that is there.

    Args:
        path: of the whole.
        values: what was found.
        whole: whether such values are a whole.

    Returns:
        `path`, or `NAME-partial.json` beside it.
    """
    if whole(values) or not whole(_kept(path)):
        return path
    part = path.with_stem(f"{path.stem}-partial")
    note(f"note: only some baselines were scored; see {part.name} ({path.name} is unchanged)")
    return part


def _kept(path: Path) -> Mapping[str, Any]:
    """What is there; nothing where it is missing or damaged."""
    try:
        values = parse_json(read_file(path, RECORD_BYTES))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
