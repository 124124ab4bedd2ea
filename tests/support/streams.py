"""The program on streams of the test's own, such as a pipe that nobody reads."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from lstmcast.cli import app


def run(monkeypatch: pytest.MonkeyPatch, *words: object, **given: TextIO | None) -> int:
    """Run the program on the given `stdout` and `stderr`; its exit code."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, given.get(name, io.StringIO()))
    monkeypatch.setattr(sys, "argv", ["lstmcast", *map(str, words)])
    code = app.ending()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        stream.flush()
        if given.get(name, stream) is None:
            stream.close()
    return code


@contextmanager
def unread(encoding: str = "utf-8") -> Iterator[TextIO]:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding=encoding, closefd=False) as stream:
        yield stream
    os.close(writer)
