"""What it takes to start: `--help` of every command and cheap calls, beside `python -c pass`.

    python benchmarks/startup.py
    python benchmarks/startup.py --repeat 9 --checkout ../another-checkout

Each call is a process of its own; the calls take turns, so that a busy minute slows all of them.
Seconds are medians. CPU seconds (user and system) hardly depend on what else the machine does, so
the ratio is of those: 1 is what Python itself takes to start. Calls that a checkout does not have
are left out.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

LIST = """
import json, sys, typer
from lstmcast.cli.app import app
def paths(group, path=()):
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from paths(command, (*path, name))
json.dump(list(paths(typer.main.get_command(app))), sys.stdout)
"""

CALLS = (
    ("--version",),
    ("data", "list"),
    ("data", "show", "AAPL"),
    ("fetch", "AAPL", "--source", "sample"),
    ("forecast", "AAPL"),
    ("forecast",),
    ("evaluate", "--baselines", "random_walk"),
    ("plot",),
    ("runs", "list"),
    ("runs", "show"),
    ("doctor", "--offline"),
)
"""Real work on one stock and one run, all of it done in seconds."""

AS_A_SHELL_CALLS_IT = """
import sys
sys.argv[0] = "lstmcast"
from lstmcast.__main__ import main
main()
"""

COMPLETIONS = ("lstmcast ", "lstmcast data show ", "lstmcast evaluate ", "lstmcast fetch --source ")
"""Command lines whose last word a shell asks to complete."""


@dataclass
class Timed:
    """A call and what it took, a number for each repetition."""

    name: str
    words: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self, environment: dict[str, str]) -> None:
        """Run it once.

        Raises:
            RuntimeError: if it fails.
        """
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, *self.words],
            env={**environment, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise RuntimeError(f"{self.name} ended with {done.returncode}: {done.stderr}")
        self.wall.append(time.perf_counter() - began)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def environment_of(checkout: Path, folder: Path) -> dict[str, str]:
    """The environment in which a checkout runs on folders of its own."""
    return {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
        "LSTMCAST_DATA_DIR": str(folder / "data"),
        "LSTMCAST_RUNS_DIR": str(folder / "runs"),
    }


def prepare(checkout: Path, folder: Path, environment: dict[str, str]) -> None:
    """A store with one stock, and a run of the pretrained networks."""
    config = checkout / "configs" / "aapl.yaml"
    quick = ["--set", "training.epochs=0", "--set", "data.start=2009-01-01"]
    for words in (["fetch", "AAPL", "--source", "sample"], ["train", "-c", str(config), *quick]):
        subprocess.run(
            [sys.executable, "-m", "lstmcast", *words],
            env=environment,
            cwd=folder,
            capture_output=True,
            check=True,
        )


def calls_of(environment: dict[str, str]) -> list[Timed]:
    """What is timed: Python, help of every command, cheap calls, completion."""
    listed = subprocess.run(
        [sys.executable, "-c", LIST], env=environment, capture_output=True, text=True, check=True
    )
    paths = [tuple(path) for path in json.loads(listed.stdout)]
    calls = [
        Timed("python -c pass", ("-c", "pass")),
        Timed("python -c 'import torch'", ("-c", "import torch")),
    ]
    program = ("-m", "lstmcast")
    for path in paths:
        name = " ".join(("lstmcast", *path, "--help"))
        calls.append(Timed(name, (*program, *path, "--help")))
    calls += [
        Timed(" ".join(("lstmcast", *words)), (*program, *words))
        for words in CALLS
        if words[0].startswith("-") or (words[0],) in paths
    ]
    if ("runs",) in paths:  # completion came with it
        for line in COMPLETIONS:
            asked = {"_LSTMCAST_COMPLETE": "complete_bash", "COMP_WORDS": line}
            asked["COMP_CWORD"] = str(len(line.split(" ")) - 1)
            calls.append(Timed(f"TAB after `{line}`", ("-c", AS_A_SHELL_CALLS_IT), asked))
    return calls


def main() -> None:
    """Time every call and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--repeat", type=int, default=5, help="runs of each call")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="the checkout to time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = environment_of(arguments.checkout.resolve(), folder)
        prepare(arguments.checkout, folder, environment)
        calls = calls_of(environment)
        for call in calls:  # once unmeasured: files come into memory, bytecode is written
            call.run(environment)
            call.wall.clear()
            call.cpu.clear()
        for _ in range(arguments.repeat):
            for call in calls:
                call.run(environment)
    usual = statistics.median(calls[0].cpu)
    width = max(len(call.name) for call in calls)
    print(f"{'call':{width}}  seconds  CPU seconds  ratio")
    for call in calls:
        wall, cpu = statistics.median(call.wall), statistics.median(call.cpu)
        print(f"{call.name:{width}}  {wall:7.2f}  {cpu:11.2f}  {cpu / usual:5.1f}")


if __name__ == "__main__":
    main()
