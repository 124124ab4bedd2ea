"""`lstmcast pretrain`: networks that learn from simulated markets alone, to a file."""

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.console import note, print_json
from lstmcast.cli.options import Json
from lstmcast.cli.progress import lines_or_bars

if TYPE_CHECKING:
    from lstmcast.pretraining.observers import Interrupted, Observer
    from lstmcast.pretraining.settings import Settings
    from lstmcast.pretraining.weights import Pretrained

INTERRUPTED = 130


def pretrain(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File for the weights (safetensors).",
            show_default=False,
        ),
    ],
    minutes: Annotated[
        float | None,
        typer.Option(help="Minutes of training for each network.", show_default=False),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Steps of training for each network; with --minutes, whichever ends first.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    networks: Annotated[
        int, typer.Option(help="Networks to train, one after the other, each from another seed.")
    ] = 1,
    batch: Annotated[
        int | None,
        typer.Option(help="Simulated markets per step; 32 by default.", show_default=False, min=1),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            help="Processes that simulate markets; a GPU needs about a dozen.", min=1, max=256
        ),
    ] = 1,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Part of the simulated markets to leave out; may be repeated.",
            metavar="PART",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from FILE.partial.")] = False,
    json: Json = False,
) -> None:
    """Train networks on simulated markets alone, and write their weights to a file.

    No prices are read. Every two minutes, and on Ctrl-C, progress is saved in FILE.partial; the
    same command with --resume continues from there.
    """
    # cuBLAS promises an LSTM with the same bits twice only with a workspace of its own; it reads
    # this when it is loaded.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    partial = out.with_name(out.name + ".partial")
    _check_files(out, partial, resume=resume)
    if minutes is None and steps is None:
        from lstmcast.errors import UsageError

        raise UsageError(
            "`--minutes` or `--steps` is missing", "say how long to train, as in `--minutes 10`"
        )
    from lstmcast.pretraining.settings import Settings
    from lstmcast.training.device import keep_freed_memory, resolve_device

    settings = Settings(
        minutes=minutes,
        steps=steps,
        device=str(resolve_device(device, "--device", "--device ")),
        seed=seed,
        networks=networks,
        **({} if batch is None else {"batch": batch}),
        without=tuple(without or ()),
    )
    keep_freed_memory()
    from lstmcast.pretraining.observers import Interrupted
    from lstmcast.pretraining.training import pretrain as train_on_simulations

    if not resume:
        note(f"simulating markets for {_count(networks, 'network')} on {settings.device}")
    try:
        with _stop_on_ctrl_c() as stop, _progress(settings) as observer:
            made = train_on_simulations(
                settings, observer, partial_file=partial, resume=resume, stop=stop, jobs=jobs
            )
    except Interrupted as interrupted:
        _tell_of_interruption(interrupted, json=json)
        raise typer.Exit(INTERRUPTED) from None
    from lstmcast.files import write_atomically

    content = made.dump()
    write_atomically(out, content)
    partial.unlink(missing_ok=True)
    _report(out, len(content), made, json=json)


def _check_files(out: Path, partial: Path, *, resume: bool) -> None:
    """Fail before a long training, not after it."""
    from lstmcast.errors import OutputError, UsageError
    from lstmcast.files import make_folder

    hint = "choose another file with `--out`"
    if out.is_dir():
        raise OutputError(f"`--out` {out} is a folder", hint)
    make_folder(out.parent, hint)
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise OutputError(f"`--out` {out}: the folder {out.parent} cannot be written", hint)
    if partial.exists() and not resume:
        raise UsageError(
            f"{partial} keeps a pretraining that was interrupted",
            "continue it with `--resume`, or delete the file to start again",
        )


@contextmanager
def _stop_on_ctrl_c() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second ends the program at once."""
    stop = threading.Event()

    def on_ctrl_c(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        stop.set()

    before = signal.getsignal(signal.SIGINT)
    # Where Ctrl-C is ignored, as in the background of a shell, it stays so.
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, on_ctrl_c)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(settings: "Settings") -> Iterator["Observer"]:
    """A bar for each network on a terminal, plain lines elsewhere; both on stderr."""
    from lstmcast.cli.pretrain_progress import BarProgress, LineProgress

    with lines_or_bars(LineProgress, BarProgress)(settings.networks) as observer:
        yield observer


def _tell_of_interruption(interrupted: "Interrupted", *, json: bool) -> None:
    kept = interrupted.kept
    if json:
        partial = None if kept is None else str(kept)
        print_json({"status": "interrupted", "steps": interrupted.steps, "partial": partial})
    if kept is None:
        note("interrupted before the first step: nothing was trained")
        return
    note(f"interrupted after {_count(interrupted.steps, 'step')}; {kept} keeps what was trained")
    note(f"to go on: {_command_to_resume()}")


def _command_to_resume() -> str:
    """The command as it was called, with `--resume`."""
    words = sys.argv[1:]
    return shlex.join(["lstmcast", *words, *(["--resume"] if "--resume" not in words else [])])


def _report(out: Path, size: int, made: "Pretrained", *, json: bool) -> None:
    """Say what came out."""
    record: dict[str, Any] = dict(made.record)
    if json:
        print_json({"status": "complete", "out": str(out), "bytes": size, **record})
        return
    note(
        f"trained {_count(len(made.states), 'network')} in {record['minutes']:.1f} minutes:"
        f" {_count(record['steps'], 'step')}, {record['markets']:,} markets"
    )
    found = ", ".join(f"{each['held_out']['1']:.4f}" for each in record["networks"])
    note(
        f"held-out loss of the next session: {found}; untrained {record['untrained']['1']:.4f},"
        f" knowing the simulator's volatility {record['known_volatility']['1']:.4f}"
    )
    note(f"wrote {out} ({size / 1e6:.2f} MB)")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
