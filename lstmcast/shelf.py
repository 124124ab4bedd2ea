"""Values and arrays on disk where there are many: what is done symbol by symbol fits any memory.

A shelf of few values keeps them in memory. One of many writes each into a temporary folder, from
which the command's worker processes read it; the folder goes with the command.

An array that is read now and then is in a file without a name, mapped into memory (Linux). It is
used like any other; what was read of it lies in memory until `let_go`.
"""

import hashlib
import math
import mmap
import os
import pickle
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from lstmcast.left_overs import working_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Value = TypeVar("Value")

IN_MEMORY = 24
"""Symbols whose values are kept in memory."""


LARGE = 2**25
"""Bytes of an array from which on it is kept on disk."""

_MAPPED: WeakSet[mmap.mmap] = WeakSet()


class Shelf(Mapping[str, Value], Generic[Value]):
    """Values that were put, in the order of their names' first appearance.

    Args:
        folder: where they are; None keeps them in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._names: dict[str, None] = {}
        self._kept: dict[str, Value] = {}

    def put(self, name: str, value: Value) -> None:
        """Keep a value, in the place of an earlier one of that name."""
        self._names[name] = None
        if self.folder is None:
            self._kept[name] = value
        else:
            self._path(name).write_bytes(pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL))

    def note(self, name: str) -> None:
        """That another process has put a value."""
        self._names[name] = None

    def __getitem__(self, name: str) -> Value:
        if self.folder is None:
            return self._kept[name]
        if name not in self._names:
            raise KeyError(name)
        # Written by a process of this command a moment ago, for its eyes alone.
        value: Value = pickle.loads(self._path(name).read_bytes())  # noqa: S301
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _path(self, name: str) -> Path:
        if self.folder is None:
            raise TypeError("it is kept in memory")
        return self.folder / hashlib.sha256(name.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Chosen(Mapping[str, Value], Generic[Value]):
    """Some of the values of a mapping, which are read when they are asked for."""

    values_of: Mapping[str, Value]
    names: tuple[str, ...]

    def __getitem__(self, name: str) -> Value:
        return self.values_of[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class Shelves:
    """Makes shelves for so many symbols, on disk or in memory.

    Args:
        folder: where they are; None keeps everything in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._made = 0

    def make(self) -> Shelf[Value]:
        """A new, empty shelf."""
        if self.folder is None:
            return Shelf()
        self._made += 1
        place = self.folder / str(self._made)
        place.mkdir()
        return Shelf(place)


@contextmanager
def shelves(symbols: int) -> Iterator[Shelves]:
    """Shelves for values of so many symbols, while the context is open."""
    with ExitStack() as stack:
        many = symbols > IN_MEMORY
        yield Shelves(stack.enter_context(working_folder()) if many else None)


def array_on_disk(shape: tuple[int, ...], dtype: "type[np.generic]") -> "NDArray[Any]":
    """A new array of any content: on disk if it is large and there is room, else in memory.

    Args:
        shape: of the array.
        dtype: of its values.
    """
    import numpy as np

    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size >= LARGE and sys.platform == "linux":
        with suppress(OSError), tempfile.TemporaryFile() as file:
            # Without room for all of it a write to the array would end the process.
            os.posix_fallocate(file.fileno(), 0, size)
            mapped = mmap.mmap(file.fileno(), size)
            _MAPPED.add(mapped)
            return np.ndarray(shape, dtype, buffer=mapped)
    return np.empty(shape, dtype)


def let_go() -> None:
    """Take what was read of arrays on disk out of memory; it is read again when it is needed."""
    for mapped in list(_MAPPED):
        mapped.madvise(mmap.MADV_DONTNEED)
