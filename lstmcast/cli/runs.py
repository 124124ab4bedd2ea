"""`lstmcast runs`: what was trained and how it did, runs side by side, and removing them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli import completion
from lstmcast.cli.command import Command, Group
from lstmcast.cli.compare_tables import print_compared
from lstmcast.cli.confirm import confirm_removal
from lstmcast.cli.console import age, figures, note, number, print_json, print_table, share, signed
from lstmcast.cli.options import RUNS_DIR, Json, RunArgument, RunsDir
from lstmcast.cli.run_access import open_run
from lstmcast.cli.run_details import print_run, print_scored, run_details
from lstmcast.errors import UsageError
from lstmcast.reading import size

if TYPE_CHECKING:
    from lstmcast.run.inventory import Entry

runs_app = typer.Typer(
    cls=Group,
    name="runs",
    help="List, show, compare and remove runs and walks.",
    no_args_is_help=True,
)

FEW = 3
"""Symbols of a run that a row of the list names."""


@runs_app.command("list", cls=Command)
def list_(runs_dir: RunsDir = RUNS_DIR, json: Json = False) -> None:
    """List what was trained: when, on what, its scores and its size."""
    from lstmcast.run.inventory import inventory

    if runs_dir.exists() and not runs_dir.is_dir():
        raise UsageError(f"`--runs-dir` {runs_dir} is not a folder", "name the folder of the runs")
    entries = inventory(runs_dir)
    if json:
        print_json([entry.to_dict() for entry in entries])
        return
    if not entries:
        note(f"there is no run under {runs_dir} yet; `lstmcast train` makes one")
        return
    table = figures(
        caption="CRPS of the return in %, lower is better; gain: below that of the best baseline\n"
        "80 %: share of closes inside the 80 % range; -: not evaluated"
    )
    for name in ("run", "made", "symbols", "status", "size", "CRPS", "gain", "80 %"):
        table.add_column(name, justify="left" if name in _WORDS else "right", no_wrap=True)
    for entry in entries:
        table.add_row(*_row(entry))
    print_table(table)
    for entry in entries:
        if entry.problem is not None:
            note(f"warning: {entry.problem}")


_WORDS = ("run", "made", "symbols", "status")


def _row(entry: "Entry") -> list[str]:
    found = entry.scored
    return [
        entry.name,
        age(entry.created) if entry.created else "",
        _few(entry.symbols),
        entry.status,
        size(entry.bytes),
        number(float("nan") if found is None or found.crps is None else found.crps),
        "-" if found is None or found.gain is None else signed(found.gain),
        "-" if found is None or found.coverage is None else share(found.coverage),
    ]


def _few(symbols: tuple[str, ...]) -> str:
    more = len(symbols) - FEW
    return ", ".join(symbols[:FEW]) + (f" +{more}" if more > 0 else "")


@runs_app.command("show", cls=Command)
def show(run: RunArgument = None, runs_dir: RunsDir = RUNS_DIR, json: Json = False) -> None:
    """Show one run: data and split, networks, timings, verdict."""
    from lstmcast.run.inventory import scored, unreadable_scores
    from lstmcast.run.removal import size_of

    opened = open_run(run, runs_dir)
    about = run_details(opened)
    found = scored(opened.path, opened.owner)
    problem = None if found else unreadable_scores(opened.path, "run", opened.owner)
    if problem is not None:
        about["faults"].append(problem)
    about["bytes"] = size_of(opened.path)
    if json:
        print_json({**about, "scored": None if found is None else vars(found)})
    else:
        print_run(opened, about)
        print_scored(opened, found)
    for fault in about["faults"]:
        note(f"warning: {fault}")


@runs_app.command("compare", cls=Command)
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Run folders, or their names in the runs folder; each is compared with the first.",
            show_default=False,
            autocompletion=completion.run_names,
        ),
    ],
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Compare runs on the test rows that they share, and test the differences."""
    from lstmcast.evaluation.paired_comparison import compare_tables
    from lstmcast.run.differences import differing_facts, differing_keys

    if len(runs) == 1:
        raise UsageError(
            f"`{runs[0]}` is alone, and it takes two runs or more", "name another beside it"
        )
    opened = [open_run(run, runs_dir) for run in runs]
    paths = [run.path.resolve() for run in opened]
    if len(set(paths)) < len(paths):
        raise UsageError("a run was named twice", "name each run once")
    names = [run.name for run in opened]
    if len(set(names)) < len(names):  # of two runs folders
        names = [str(run.path) for run in opened]
    keys = differing_keys([run.experiment() for run in opened])
    facts = differing_facts(opened)
    paired = compare_tables(
        {name: run.predictions() for name, run in zip(names, opened, strict=True)}
    )
    if json:
        print_json(
            {
                "runs": names,
                **paired.to_dict(),
                "keys": _by_run(names, keys),
                "facts": _by_run(names, facts),
            }
        )
        return
    print_compared(paired, keys, facts)


def _by_run(names: list[str], found: Mapping[str, list[Any]]) -> dict[str, dict[str, Any]]:
    return {key: dict(zip(names, values, strict=True)) for key, values in found.items()}


@runs_app.command("remove", cls=Command)
def remove(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Runs or walks in the runs folder, damaged ones too.",
            show_default=False,
            autocompletion=completion.run_and_walk_names,
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    runs_dir: RunsDir = RUNS_DIR,
) -> None:
    """Delete runs or walks and everything in their folders; those in use are kept."""
    from lstmcast.run.removal import removable, size_of
    from lstmcast.run.removal import remove as remove_run

    found = removable(runs, runs_dir)
    total = sum(map(size_of, found))
    confirm_removal(f"{', '.join(path.name for path in found)} ({size(total)})", yes=yes)
    for path in found:
        remove_run(path)
        note(f"{path.name}: removed")
