"""What it takes to start: `--help` of every command and cheap calls, beside `python -c pass`.

    python benchmarks/startup.py
    python benchmarks/startup.py --repeat 9 --checkout . --checkout ../another-checkout
    python benchmarks/startup.py --only "forecast AAPL"

Each call is a process of its own; the calls take turns, so that a busy minute slows all of them.
Seconds are medians. CPU seconds (user and system) hardly depend on what else the machine does.
Ratios are to `import torch`. `anew` is a forecast with nothing kept from before, as on the first
call after new bars came. Modules are compiled before anything is timed, as an installed package's
are. Calls that a checkout does not have are left out.
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
    ("forecast", "GOOG"),
    ("forecast",),
    ("forecast", "AAPL", "GOOG", "IBM", "MSFT", "--summary"),
    ("track", "score"),
    ("evaluate", "--baselines", "random_walk"),
    ("plot",),
    ("runs", "list"),
    ("runs", "show"),
    ("doctor", "--offline"),
)
"""Real work on four stocks and one run of AAPL, all of it done in seconds."""

ANEW = (("forecast", "AAPL"), ("forecast", "GOOG"))
"""Forecasts that are timed with nothing kept as well: by the run, by the pretrained networks."""

FORGETTING = """
import os, shutil, sys
shutil.rmtree(os.path.join(os.environ["LSTMCAST_CACHE_DIR"], "forecasts"), ignore_errors=True)
sys.argv[0] = "lstmcast"
from lstmcast.__main__ import main
main()
"""

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
    ours = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {
        **ours,
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
        "LSTMCAST_DATA_DIR": str(folder / "data"),
        "LSTMCAST_RUNS_DIR": str(folder / "runs"),
        "LSTMCAST_CACHE_DIR": str(folder / "cache"),
    }


def prepare(checkout: Path, folder: Path, environment: dict[str, str]) -> None:
    """A store with four stocks, and a run of one of them that is the pretrained networks."""
    config = checkout / "configs" / "aapl.yaml"
    quick = ["--set", "training.epochs=0", "--set", "data.start=2009-01-01"]
    fetch = ["fetch", "AAPL", "GOOG", "IBM", "MSFT", "--source", "sample"]
    for words in (fetch, ["train", "-c", str(config), *quick]):
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
    apart = {"LSTMCAST_CACHE_DIR": environment["LSTMCAST_CACHE_DIR"] + "-anew"}
    calls += [
        Timed(" ".join(("lstmcast", *words, "(anew)")), ("-c", FORGETTING, *words), apart)
        for words in ANEW
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
    parser.add_argument(
        "--checkout", type=Path, action="append", help="a checkout to time; several take turns"
    )
    parser.add_argument("--only", default="", help="time calls with these words alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        timed: list[tuple[Timed, dict[str, str]]] = []
        tables: dict[Path, list[Timed]] = {}
        for number, checkout in enumerate(arguments.checkout or [ROOT]):
            folder = Path(name, str(number))
            folder.mkdir()
            environment = environment_of(checkout.resolve(), folder)
            prepare(checkout.resolve(), folder, environment)
            calls = calls_of(environment)
            usual, others = calls[1], [calls[0], *calls[2:]]
            chosen = [call for call in others if arguments.only in call.name]
            tables[checkout] = [usual, *chosen]
            timed += [(call, environment) for call in tables[checkout]]
        for (
            call,
            environment,
        ) in timed:  # once unmeasured: files come into memory, bytecode is written
            call.run(environment)
            call.wall.clear()
            call.cpu.clear()
        for _ in range(arguments.repeat):
            for call, environment in timed:
                call.run(environment)
    for checkout, calls in tables.items():
        print(f"\n{checkout}")
        show(calls)


def show(calls: Sequence[Timed]) -> None:
    """Print a table; the first call is what the others are compared with."""
    median = statistics.median
    usual = median(calls[0].wall), median(calls[0].cpu)
    width = max(len(call.name) for call in calls)
    print(f"{'call':{width}}  seconds  ratio  CPU seconds  ratio")
    for call in calls:
        wall, cpu = median(call.wall), median(call.cpu)
        print(
            f"{call.name:{width}}  {wall:7.2f}  {wall / usual[0]:5.2f}  {cpu:11.2f}"
            f"  {cpu / usual[1]:5.2f}"
        )


if __name__ == "__main__":
    main()
