"""A run in use stays: who works with one holds a lock on its folder, and who removes it asks first.

The system takes the lock away with the process, however that ends, and no lock file stays behind.
On Windows there is no such lock; there a file that is open cannot be removed.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from lstmcast.errors import RunError

if sys.platform != "win32":
    import fcntl

LOCKS: bool = sys.platform != "win32"


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep others from removing a run; any number of processes may use one at a time."""
    with contextlib.ExitStack() as stack:
        if LOCKS:
            with contextlib.suppress(OSError):  # being removed, or a file system without locks
                descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Have a run for oneself.

    Raises:
        RunError: if another process uses it.
        OSError: if it cannot be opened.
    """
    if not LOCKS:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RunError(
            f"the run {folder} is in use by another process",
            "wait until that command has ended, or end it, and try again",
        ) from None
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
