"""A server from which workers are forked: what they need is loaded once, and not by each of them.

PyTorch, pandas and SciPy take a process two and a half seconds to load. A command starts the server
before it reads its own input, which takes as long; workers are there in milliseconds then, and
share the memory of what was loaded. No thread has run in the server, so nothing can hang that was
copied in the middle of its work.

It is Python's own (`multiprocessing.forkserver`). That runs the main program's file again in every
worker, which scripts and notebooks that use the library do not expect: so it serves the `lstmcast`
command alone, on Linux, where Python itself forks so from 3.14 on.
"""

import atexit
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lstmcast.left_overs import working_folder

LOADED = "LSTMCAST_FORK_SERVER_LOADS"
"""Environment variable that tells the server what to load (`lstmcast.forked`)."""

_NO_THREADS = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""What keeps libraries from starting threads as they are loaded; workers set their own number."""


def is_the_program() -> bool:
    """Whether this process is the `lstmcast` command, and not one that uses the library."""
    main = sys.modules["__main__"]
    name = getattr(getattr(main, "__spec__", None), "name", None)
    return name == "lstmcast.__main__" or Path(getattr(main, "__file__", "")).name == "lstmcast"


def start(modules: Sequence[str]) -> bool:
    """Start the server, unless there is one; it loads while this process goes on.

    Processes that inherit its signal mask hear of no Ctrl-C, so call it with that blocked.

    Args:
        modules: what takes seconds to load.

    Returns:
        Whether workers can be forked.
    """
    if sys.platform != "linux" or not is_the_program():
        return False
    from multiprocessing import forkserver, util

    forkserver.set_forkserver_preload(["lstmcast.forked"])
    room = ExitStack()
    try:
        folder = room.enter_context(working_folder())
        # After Python, at -100, has removed what it made there.
        util.Finalize(None, room.close, exitpriority=-200)
        with _environment(modules), _temporary_files_in(folder):
            forkserver.ensure_running()
    except OSError:  # no place for its socket, or one whose path is too long
        return False
    atexit.register(end)
    return True


def end() -> None:
    """End the server, also while it loads; processes that it forked go on."""
    from multiprocessing import forkserver

    server = forkserver._forkserver  # noqa: SLF001 - nothing public ends one that loads
    if (number := getattr(server, "_forkserver_pid", None)) is not None:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Let Python put its socket where it is swept if this process and the server are killed."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _environment(modules: Sequence[str]) -> Iterator[None]:
    """What the server finds in its environment; this process has its own again at the end.

    The folder where a command was typed is not looked through for modules: somebody's `torch.py`
    may be there.
    """
    asked = {
        **_NO_THREADS,
        LOADED: " ".join(modules),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONSAFEPATH": "1",
    }
    before = {name: os.environ.get(name) for name in asked}
    os.environ |= asked
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
