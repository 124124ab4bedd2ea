"""Trainings that one thread takes in turn, so that a GPU has the steps of several networks to do.

A small network leaves most of a GPU idle. A training is written as a generator, which yields where
it has asked the device for much: until that is done, others may ask for theirs, each on a stream of
its own. One thread does all the asking, since PyTorch records only one graph at a time, and nobody
may wait for the device meanwhile. On a CPU each training has a thread and never waits.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")

Turns = Generator[None, None, T]
"""A training that yields at the end of each of its turns, and returns what came of it."""


def to_the_end(training: Turns[T]) -> T:
    """What comes of a training that has all turns."""
    return in_turn([training], 1, torch.device("cpu"))[0]


def in_turn(trainings: Iterable[Turns[T]], at_once: int, device: torch.device) -> list[T]:
    """What comes of trainings that have their turns one after the other, in their order.

    Args:
        trainings: begun in this order.
        at_once: how many are under way at most; the next begins when one ends.
        device: that they train on.
    """
    waiting = enumerate(trainings)
    under_way: list[tuple[int, Turns[T], _Stream]] = []
    results: dict[int, T] = {}
    while True:
        while len(under_way) < at_once and (following := next(waiting, None)):
            under_way.append((*following, _Stream(device)))
        if not under_way:
            return [results[number] for number in sorted(results)]
        for own in list(under_way):
            number, training, stream = own
            try:
                with stream.taken():
                    next(training)
            except StopIteration as end:
                with stream.taken():
                    finish_asked(device)  # others read what came of it
                results[number] = end.value
                under_way.remove(own)


def finish_asked(device: torch.device) -> None:
    """Wait for all that was asked of a CUDA device in this turn and those before it."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()


class _Stream:
    """A stream of its own on a CUDA device, after what the device was asked before; else nothing.

    Args:
        device: that is asked.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)
            self._stream.wait_stream(torch.cuda.current_stream(device))

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Ask the device on this stream."""
        if self._stream is None:
            yield
            return
        with torch.cuda.stream(self._stream):
            yield
