"""Values by name, on disk where there are many: what is computed symbol by symbol fits any memory.

A shelf of few values keeps them in memory. One of many writes each into a temporary folder, from
which the command's worker processes read it; the folder goes with the command.
"""

import hashlib
import pickle
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from lstmcast.left_overs import working_folder

Value = TypeVar("Value")

IN_MEMORY = 24
"""Symbols whose values are kept in memory."""


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
