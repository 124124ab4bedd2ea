"""What the server of workers loads before it forks them (`lstmcast.fork_server`); nobody else does.

It ends without Python's last look at all that was loaded, and takes its socket with it: after a
`kill -9` of the command nobody else would. A module that cannot be loaded is left to the workers,
in which the error has somebody to be told to.
"""

import atexit
import gc
import os
import shutil
from contextlib import suppress
from importlib import import_module
from multiprocessing import forkserver
from pathlib import Path

from lstmcast.fork_server import LOADED
from lstmcast.garbage import look_less_for_garbage


def _end(server: int) -> None:
    if os.getpid() != server:
        return
    own = forkserver._forkserver  # noqa: SLF001 - nothing public says where its socket is
    address = getattr(own, "_forkserver_address", None)
    if isinstance(address, str) and address:
        shutil.rmtree(Path(address).parent, ignore_errors=True)
    os._exit(0)


if LOADED in os.environ:
    look_less_for_garbage()
    # What was loaded stays: a worker that looks for garbage would only copy it.
    os.register_at_fork(before=gc.freeze)
    for name in os.environ.pop(LOADED).split():
        with suppress(Exception):
            import_module(name)
    # Last to be registered is first to be called: nothing that was loaded gets in between.
    atexit.register(_end, os.getpid())
