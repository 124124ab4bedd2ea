"""The program as a user runs it: a store and runs in folders of their own, a small experiment."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner, Result

from lstmcast.cli.app import app
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from support.experiments import SMALL
from support.histories import simulated


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it, the program itself first."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*path, name))


EVERY = dict(_commands(typer.main.get_command(app)))

START = (
    # A shell that runs tests in the background has Ctrl-C ignored, and children inherit that.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "import runpy; runpy.run_module('lstmcast', run_name='__main__', alter_sys=True)"
)


@dataclass(frozen=True)
class Workplace:
    """A folder with a store, a runs folder and an experiment."""

    root: Path

    @classmethod
    def make(cls, root: Path, *histories: PriceHistory) -> "Workplace":
        """Put the histories into the store and write the small experiment."""
        place = cls(root)
        for history in histories or (simulated(),):
            place.store.save(history)
        place.config.write_text(SMALL, encoding="utf-8")
        return place

    @property
    def store(self) -> PriceStore:
        return PriceStore(self.root / "data")

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def config(self) -> Path:
        return self.root / "small.yaml"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LSTMCAST_DATA_DIR": str(self.root / "data"),
            "LSTMCAST_RUNS_DIR": str(self.runs),
        }

    def invoke(self, *arguments: str | Path) -> Result:
        """Run a command in this process."""
        return CliRunner(env=self.environment).invoke(app, [str(word) for word in arguments])

    def run(
        self, *arguments: str | Path, first: str = "pass"
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command as a program of its own, after the Python statement `first`."""
        return subprocess.run(
            [sys.executable, "-c", f"{first}; {START}", *map(str, arguments)],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @contextmanager
    def start(
        self, *arguments: str | Path, stderr: int = subprocess.PIPE, session: bool = False
    ) -> Iterator["subprocess.Popen[str]"]:
        """Start a command, in a session of its own if asked to, and end it with the context."""
        process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, arguments)],
            env={**os.environ, **self.environment, "TERM": "xterm-256color", "COLUMNS": "120"},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=session,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()
