"""How often Python looks for garbage in the processes of the program, workers included."""

import atexit
import gc
from functools import cache

GARBAGE = 50_000
"""New objects after which Python looks for cycles among them: a command makes a million by its
imports alone, which all stay, and at Python's own 700 to look took a tenth of its time."""


@cache
def look_less_for_garbage() -> None:
    """Look less often for as long as this process lives, and not at its end.

    The last look visits all that PyTorch and pandas brought: half a second. This is for processes
    of the program, not for those that use the library.
    """
    gc.set_threshold(GARBAGE)
    atexit.register(gc.freeze)
