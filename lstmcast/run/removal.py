"""Removing runs and walks: only what lies in the runs folder itself, and nothing that is in use."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Sequence
from difflib import get_close_matches
from errno import EACCES
from pathlib import Path

from lstmcast.errors import OutputError, RunError, UsageError
from lstmcast.left_overs import LONGEST_NAME, sweep
from lstmcast.run.listing import list_runs
from lstmcast.run.locks import alone

_MADE_BY = ("run.json", "plan.json")
"""What a folder of `train` holds, and one of `backtest`."""

_LISTED = "`lstmcast runs list` names those there are"


def removable(names: Sequence[Path], runs_dir: Path) -> list[Path]:
    """The folders of runs or walks that were named, whole or damaged.

    Args:
        names: of folders in `runs_dir`, or paths of such.
        runs_dir: where runs are.

    Raises:
        UsageError: if one is named twice, or a name is none.
        RunError: if one is not there, lies elsewhere, is a link, or was made by something else.
        OutputError: if one may not be looked into.
    """
    found = [_removable(name, runs_dir) for name in names]
    if len(set(found)) < len(found):
        twice = next(path for path in found if found.count(path) > 1)
        raise UsageError(f"`{twice.name}` was named twice", "name each run once")
    return found


def _removable(name: Path, runs_dir: Path) -> Path:
    if name.name in ("", "..") or name.name.startswith("."):
        raise UsageError(f"`{name}` cannot be a run", _LISTED)
    path = name if name.parent != Path() else runs_dir / name
    if not os.path.lexists(path):
        close = get_close_matches(path.name, [run.name for run in list_runs(path.parent)], n=1)
        meant = f"did you mean `{close[0]}`? " if close else ""
        raise RunError(f"there is no run `{name}`", meant + _LISTED)
    if path.parent.resolve() != runs_dir.resolve():
        raise RunError(
            f"{path} is not in the runs folder {runs_dir}",
            f"`--runs-dir {path.parent}` names its own",
        )
    if path.is_symlink():
        raise RunError(
            f"{path} is a link to {path.readlink()}: nothing outside the runs folder is removed",
            f"`rm {path}` removes the link alone",
        )
    if path.is_dir() and not os.access(path, os.X_OK):
        raise _not_removed(path, PermissionError(EACCES, os.strerror(EACCES)))
    if not path.is_dir() or not any(os.path.lexists(path / file) for file in _MADE_BY):
        raise RunError(
            f"{path} is neither a run nor a walk: it has no `run.json` and no `plan.json`",
            "look at what it is, and remove it yourself",
        )
    return path


def remove(folder: Path) -> None:
    """Remove a folder out of `removable`; from the first moment on nobody sees a part of it.

    Raises:
        RunError: if another process uses it.
        OutputError: if it may not be removed; then it stays whole.
    """
    try:
        with alone(folder):
            _require_rights(folder)
            # The name of a left-over: where this is ended by force, the next command sweeps.
            start = os.fsencode(folder.name)[:LONGEST_NAME].decode(errors="ignore")
            hidden = folder.with_name(f".{start}.{secrets.token_hex(6)}.partial")
            folder.rename(hidden)
            shutil.rmtree(hidden)
    except FileNotFoundError:  # another process removed it in this moment
        pass
    except OSError as error:
        raise _not_removed(folder, error) from error
    sweep(folder.parent)


def _require_rights(folder: Path) -> None:
    """Make sure that everything can go, before anything does.

    Raises:
        PermissionError: naming the folder that does not let its files go.
    """
    for place, _, _ in os.walk(folder):
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(EACCES, os.strerror(EACCES), place)


def _not_removed(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"`{error.filename or folder}` cannot be removed: {error.strerror or error}",
        "get permission to change that folder",
    )


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder and below; links count as themselves."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):  # removed in this moment
                total += (Path(place) / name).lstat().st_size
    return total
