"""Limits on address space and threads that are too low, reported before any library is loaded.

Under a low `ulimit -v` a library does not just fail to load: OpenBLAS may ask for memory forever,
where no signal reaches Python any more, and PyTorch aborts. So does Arrow where it can start no
thread (`ulimit -u`).
"""

import sys
import threading

from lstmcast.errors import ResourcesError
from lstmcast.reading import size

LEAST = {
    "data": 350 * 10**6,
    "runs": 350 * 10**6,
    "fetch": 350 * 10**6,
    "track": 500 * 10**6,
    "plot": 600 * 10**6,
    "forecast": 800 * 10**6,
}
"""Bytes of address space that commands were seen to need, on two cores, rounded up."""

LEAST_TO_TRAIN = 1_500 * 10**6
"""The same for all others, which load what training needs."""

WITHOUT_THREADS = ("data", "runs", "track", "doctor")
"""Commands that were seen to do without any thread of their own."""


def require_addresses(command: str) -> None:
    """Refuse a command that could not even load its libraries.

    Args:
        command: its first word.

    Raises:
        ResourcesError: if the limit is lower.
    """
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    least = LEAST.get(command, LEAST_TO_TRAIN)
    if limit == resource.RLIM_INFINITY or limit >= least:
        return
    raise ResourcesError(
        f"address space is limited to {size(limit)} (`ulimit -v`), and `{command}` needs "
        f"{size(least)} or more",
        f"raise the limit: `ulimit -v {-(-least // 1024)}`, or `ulimit -v unlimited`",
    )


def require_thread(command: str) -> None:
    """Refuse a command that needs threads where not even one can be started.

    Args:
        command: its first word.

    Raises:
        ResourcesError: if none can.
    """
    if command in WITHOUT_THREADS:
        return
    thread = threading.Thread(target=str)
    try:
        thread.start()
    except RuntimeError as error:
        raise no_threads(str(error)) from error
    thread.join()


def no_threads(said: str) -> ResourcesError:
    """The system's refusal of threads, in the words in which it came."""
    return ResourcesError(
        f"the system gives no more threads: {said}",
        "end other programs or raise the limits (`ulimit -u`, `ulimit -v`)",
    )
