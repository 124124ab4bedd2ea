"""How much memory an experiment will need, from its numbers alone, before any of it is taken.

An estimate from below: weights with their gradients, two moments, the moving average and the best
so far, for every member; the windows of one step in every layer; the panel. What it says is too
much would fail for certain, and later.
"""

import os
from pathlib import Path

from lstmcast.config.models import Experiment, groups_of
from lstmcast.errors import ConfigError
from lstmcast.reading import size

_COPIES = 6
"""Of the weights of a member in training."""
_KEPT = 2
"""Of the weights of a member that is trained: those, and those trained again."""
_NUMBER = 4
"""Bytes of a float32."""
_ACTIVATIONS = 8
"""Numbers that a unit keeps of each session for the way back: gates, cell, output, dropout."""


def require_memory(experiment: Experiment, sessions: int, columns: int) -> None:
    """Refuse an experiment that cannot fit into the memory there is.

    Args:
        experiment: what is to be trained.
        sessions: of all symbols together.
        columns: that the network reads, roughly.

    Raises:
        ConfigError: it needs more than is free.
    """
    needed, free = memory_needed(experiment, sessions, columns), free_memory()
    if free is None or needed <= free:
        return
    model, training = experiment.model, experiment.training
    raise ConfigError(
        f"training would take {size(needed)} of memory, and {size(free)} are free: "
        f"`model.hidden_size` is {model.hidden_size}, `model.num_layers` {model.num_layers}, "
        f"`model.members` {model.members}, `training.batch_size` {training.batch_size}, "
        f"`training.lookback` {training.lookback}",
        "lower the largest of them",
    )


def memory_needed(experiment: Experiment, sessions: int, columns: int) -> int:
    """Bytes that training takes at least."""
    training = experiment.training
    kept, most = 0, 0
    for group in groups_of(experiment):
        model = group.model
        width, layers = model.hidden_size, model.num_layers
        weights = 4 * width * (columns + width + 2)
        weights += (layers - 1) * 4 * width * (2 * width + 2)
        step = min(training.batch_size, max(sessions, 1)) * training.lookback
        step *= layers * width * _ACTIVATIONS
        kept += _KEPT * model.members * weights
        most = max(most, (_COPIES - _KEPT) * weights + step)
    return _NUMBER * (kept + most + sessions * columns)


def free_memory() -> int | None:
    """Bytes that a program can still take, as far as the system tells; None where it does not."""
    known = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name in ("MemAvailable", "SwapFree"):
                known.append(1024 * int(value.split()[0]))
    except (OSError, ValueError, IndexError):
        return _installed()
    return sum(known) if known else _installed()


def _installed() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
