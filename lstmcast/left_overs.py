"""Temporary files and folders: made so that nobody else's is touched, and swept after a kill.

Whoever writes holds a lock on the temporary file or folder itself, which the system takes away with
the process, however that ends. So whoever comes next can tell what is left over from what is being
written at this moment, and removes it; no lock file stays behind.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl

LOCKS: bool = sys.platform != "win32"
"""Whether files are held by locks; on Windows none can be removed while it is open."""

LONGEST_NAME = 100
"""Bytes of a file's name that its temporary neighbour repeats: names may have 255."""

OLD = 86_400.0
"""Seconds after which a file is left over where the file system knows no locks."""

KEPT_FOR = 14 * 86_400.0
"""Seconds for which the progress of an interrupted training is kept."""

_FILE = re.compile(r"\..*\.[0-9a-f]{12}\.tmp", re.DOTALL)
_FOLDER = re.compile(r"\..*\.[0-9a-f]{12}\.partial|\.\d{8}-\d{6}-[0-9a-f]{8}\.partial", re.DOTALL)

_WORKING = "lstmcast"
_RESUME = ".resume"
_FOLDERS = (".partial", _RESUME)
_KEPT = re.compile(r"\..*\.[0-9a-f]{12}\.resume", re.DOTALL)


@contextlib.contextmanager
def temporary_file(beside: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new hidden file `.NAME.<random>.tmp` beside another, gone at the end unless it was renamed.

    It is made only where nothing has its name, not even a link, and cannot be guessed.
    """
    while True:
        path = beside.with_name(f"{_hidden(beside)}{secrets.token_hex(6)}.tmp")
        made = path.open("xb")
        with _removing(path), made as file:
            if not _is_ours(file.fileno(), path):  # swept before it was held
                continue
            yield path, file
            return


@contextlib.contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new hidden folder `.NAME.<random>.partial`, gone at the end unless it was renamed."""
    while True:
        path = parent / f".{name}.{secrets.token_hex(6)}.partial"
        path.mkdir(parents=True)
        with _removing(path), _opened(path) as descriptor:
            if descriptor is not None and not _is_ours(descriptor, path):
                continue
            yield path
            return


@contextlib.contextmanager
def working_folder() -> Iterator[Path]:
    """A new private folder among the system's temporary ones, for what only this command needs.

    What commands that were killed left there, which may be gigabytes, is removed.
    """
    place = Path(tempfile.gettempdir())
    sweep(place, place / _WORKING)
    with temporary_folder(place, _WORKING) as folder:
        folder.chmod(0o700)
        yield folder


def kept_folder(parent: Path, name: str, digest: str) -> Path:
    """The hidden folder `.NAME.<digest>.resume`, which outlasts the process that writes in it.

    Args:
        parent: where it is.
        name: whose progress it holds.
        digest: twelve hex digits of all that this progress depends on.
    """
    return parent / f".{name}.{digest}.resume"


@contextlib.contextmanager
def holding(folder: Path) -> Iterator[bool]:
    """Make such a folder and hold it; False where another process does. An empty one goes again."""
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(folder) as descriptor:
        if descriptor is not None and not _is_free(descriptor, time.time()):
            yield False
            return
        try:
            yield True
        finally:
            with contextlib.suppress(OSError):
                folder.rmdir()


def sweep(folder: Path, beside: Path | None = None) -> None:
    """Remove what processes that were killed left in a folder; what is being written stays.

    Nothing is said of what cannot be removed: another will sweep.

    Args:
        folder: where to look; not below.
        beside: look only for what was to become this file.
    """
    for path in _temporary(folder, "." if beside is None else _hidden(beside)):
        with contextlib.suppress(OSError), _held_by_nobody(path) as left:
            if left:
                _remove(path)


def left_over(folder: Path) -> list[Path]:
    """What processes that were killed left in a folder, and `sweep` would remove."""
    found = []
    for path in _temporary(folder, "."):
        with contextlib.suppress(OSError), _held_by_nobody(path) as left:
            found += [path] if left else []
    return found


def _temporary(folder: Path, beginning: str) -> list[Path]:
    """What is named as temporary files and folders are; nothing where the folder cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if entry.name.startswith(beginning)]
    except OSError:
        return []
    kinds = (_FILE, _FOLDER, _KEPT)
    return [folder / name for name in found if any(kind.fullmatch(name) for kind in kinds)]


@contextlib.contextmanager
def _held_by_nobody(path: Path) -> Iterator[bool]:
    """Whether a temporary file or folder is left over; if so it is held while the context lasts."""
    with _opened(path) as descriptor:
        if descriptor is None:  # Windows refuses where it is open
            old = KEPT_FOR if path.suffix == _RESUME else OLD
            yield time.time() - path.lstat().st_mtime > old
            return
        about = os.fstat(descriptor)
        expected = stat.S_ISDIR if path.suffix in _FOLDERS else stat.S_ISREG
        left = expected(about.st_mode) and (path.suffix != _RESUME or _is_forgotten(path))
        yield left and _is_free(descriptor, about.st_mtime)


def _is_forgotten(folder: Path) -> bool:
    """Whether nothing is kept of an interrupted training, or nobody went on with it for long."""
    changed = [entry.stat().st_mtime for entry in os.scandir(folder)]
    return not changed or time.time() - max(changed) >= KEPT_FOR


def _is_free(descriptor: int, changed: float) -> bool:
    """Whether nobody holds it; where locks are unknown, whether it is old."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return time.time() - changed > OLD
    return True


def _is_ours(descriptor: int, path: Path) -> bool:
    """Hold it; False where it was swept in the moment before."""
    if not LOCKS:
        return True
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """A descriptor to lock, of the file itself and not of what a link points to."""
    if not LOCKS:
        yield None
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _removing(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            _remove(path)


def _remove(path: Path) -> None:
    if path.suffix in _FOLDERS:
        shutil.rmtree(path)
    else:
        path.unlink()


def _hidden(path: Path) -> str:
    """How the names of temporary files beside a file begin."""
    return f".{os.fsencode(path.stem)[:LONGEST_NAME].decode(errors='ignore')}."
