"""A backend that computes here as if it were elsewhere: what goes there and back is pickled.

What all items have in common comes as workers of this machine see it: its arrays are views of a
file, which cannot be written to.
"""

import pickle
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from joblib import dump, load

from lstmcast import parallel, worker
from lstmcast.left_overs import working_folder
from lstmcast.processes import Processes


class Elsewhere:
    """The last item first, each by a worker that shares nothing with this process.

    Args:
        monkeypatch: makes this process a worker while one computes.
        results: after so many a Ctrl-C comes; None for no Ctrl-C.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, results: int | None = None) -> None:
        self._patch, self._left = monkeypatch, results
        self.items: list[Any] = []
        self.threads: set[int] = set()

    def capacity(self) -> int:
        """Cores in all."""
        return 4

    def run(
        self,
        function: Callable[[Any, Any], Any],
        common: Any,
        items: Sequence[Any],
        *,
        workers: int,  # noqa: ARG002 - there is one
        threads: int,
    ) -> Generator[tuple[int, Any]]:
        """See `lstmcast.parallel.Backend.run`."""
        self.threads.add(threads)
        sent = pickle.dumps(function)
        with working_folder() as folder:
            yield from self._results(sent, common, items, threads, folder / "common")

    def _results(
        self, sent: bytes, common: Any, items: Sequence[Any], threads: int, put: Path
    ) -> Generator[tuple[int, Any]]:
        dump(common, put)
        for number in reversed(range(len(items))):
            if self._left == 0:
                raise KeyboardInterrupt
            theirs = pickle.loads(sent)  # noqa: S301 - it is the test's own
            shared = load(put, mmap_mode="r")
            item = pickle.loads(pickle.dumps(items[number]))  # noqa: S301
            with self._patch.context() as patch:
                patch.setattr(worker, "_inside", True)
                patch.setattr(parallel, "_backend", Processes())
                result = worker.compute(theirs, shared, item, threads)
            self.items.append(items[number])
            if self._left is not None:
                self._left -= 1
            yield number, pickle.loads(pickle.dumps(result))  # noqa: S301
