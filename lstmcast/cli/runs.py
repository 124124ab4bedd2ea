"""`lstmcast runs`: what was trained and how it did, runs side by side, and removing them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli import completion
from lstmcast.cli.command import Command, Group
from lstmcast.cli.compare_tables import print_compared
from lstmcast.cli.confirm import confirm_removal
from lstmcast.cli.console import age, figures, note, number, out, print_json, print_table, share
from lstmcast.cli.options import RUNS_DIR, Json, RunArgument, RunsDir
from lstmcast.cli.run_access import open_run
from lstmcast.errors import UsageError
from lstmcast.reading import size

if TYPE_CHECKING:
    from lstmcast.run import Run
    from lstmcast.run.inventory import Entry, Scored

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
        "-" if found is None or found.gain is None else f"{found.gain:+.1%}",
        "-" if found is None or found.coverage is None else share(found.coverage),
    ]


def _few(symbols: tuple[str, ...]) -> str:
    more = len(symbols) - FEW
    return ", ".join(symbols[:FEW]) + (f" +{more}" if more > 0 else "")


@runs_app.command("show", cls=Command)
def show(run: RunArgument = None, runs_dir: RunsDir = RUNS_DIR, json: Json = False) -> None:
    """Show one run: data and split, networks, timings, verdict."""
    from lstmcast.run.inventory import scored
    from lstmcast.run.removal import size_of

    opened = open_run(run, runs_dir)
    about = _about(opened)
    found = scored(opened.path)
    about["bytes"] = size_of(opened.path)
    if json:
        print_json({**about, "scored": None if found is None else vars(found)})
    else:
        _print_about(opened, about)
        _print_scored(opened, found)
    for fault in about["faults"]:
        note(f"warning: {fault}")


def _about(run: "Run") -> dict[str, Any]:
    """All facts of a run but its scores; what is damaged is null, and told under `faults`."""
    from lstmcast.errors import RunError

    record = run.record
    about: dict[str, Any] = {"run": run.name, "path": str(run.path), "faults": run.faults()}
    for name in _FACTS:
        about[name] = record.get(name)
    try:
        model = run.experiment()
        about["experiment"] = model.model_dump(mode="json")
    except RunError as error:
        about["experiment"] = None
        about["faults"] += [] if error.message in about["faults"] else [error.message]
    try:
        about["networks"] = [part.to_dict() for part in run.networks()]
    except RunError as error:
        about["networks"] = None
        about["faults"] += [] if error.message in about["faults"] else [error.message]
    about["movement"] = record.get("networks")
    return about


_FACTS = (
    "created", "status", "lstmcast", "python", "device", "seed", "threads", "seconds", "split",
    "parts", "symbols", "member_seeds", "diverged_members", "pool",
)  # fmt: skip


def _print_about(run: "Run", about: dict[str, Any]) -> None:
    screen = out()
    for name, value in _lines(about):
        screen.print(f"{name:16}{value}")
    table = figures("Data")
    for name in ("symbol", "source", "sessions", "first", "last", "training", "validation", "test"):
        table.add_column(name, justify="left" if name in ("symbol", "source") else "right")
    parts = about["parts"] or {}
    for entry in run.symbols:
        own = parts.get(entry.symbol, {})
        table.add_row(
            entry.symbol,
            entry.source,
            f"{entry.rows:,}",
            entry.first,
            entry.last,
            *(_count(own.get(name)) for name in ("train", "validation", "test")),
        )
    screen.print()
    print_table(table)
    for part in about["networks"] or ():
        screen.print()
        _print_networks(part, several=len(about["networks"]) > 1)


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"


def _lines(about: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands above the tables."""
    lines = [("run", about["path"]), ("trained", f"{about['created']}, {about['status']}")]
    if about["lstmcast"]:
        lines.append(("by", f"lstmcast {about['lstmcast']}, Python {about['python']}"))
    if about["experiment"]:
        lines += _of_experiment(about["experiment"])
    ends = about["split"]
    parts = f"training to {ends['train_end']}, validation to {ends['validation_end']}"
    lines.append(("split", f"{parts}, test to {ends['test_end']}"))
    seeds = about["member_seeds"] or [about["seed"]]
    lines.append(("seeds", ", ".join(map(str, seeds))))
    if lost := about["diverged_members"]:
        lines.append(("diverged", f"members {', '.join(map(str, lost))} are left out"))
    if about["seconds"]:
        spent = ", ".join(f"{name} {value:.1f}" for name, value in about["seconds"].items())
        where = f" on {about['device']}, {about['threads']} threads"
        lines.append(("seconds", f"{sum(about['seconds'].values()):.1f} ({spent}){where}"))
    lines.append(("size", size(about["bytes"])))
    return lines


def _of_experiment(experiment: dict[str, Any]) -> list[tuple[str, str]]:
    target, model = experiment["target"], experiment["model"]
    groups = ", ".join(experiment["features"] or ())
    return [
        ("experiment", experiment["name"]),
        ("target", f"{target['kind'].replace('_', ' ')}, 1 to {target['horizon']} sessions ahead"),
        ("features", groups),
        ("model", f"{model['network']}, head {model['head']}"),
    ]


def _print_networks(part: dict[str, Any], *, several: bool) -> None:
    count = part["networks"]
    of = f"Group {part['group']}: " if several else ""
    alike = "1 network" if count == 1 else f"{count} networks, each"
    table = figures(f"{of}{alike} of {part['parameters']:,} parameters")
    for name in ("layer", "weights", "parameters"):
        table.add_column(name, justify="right" if name == "parameters" else "left")
    for layer in part["layers"]:
        shapes = (
            f"{name} {'x'.join(map(str, shape)) or '1'}" for name, shape in layer["shapes"].items()
        )
        table.add_row(layer["name"], ", ".join(shapes), f"{layer['parameters']:,}")
    print_table(table)


def _print_scored(run: "Run", found: "Scored | None") -> None:
    screen = out()
    screen.print()
    if found is None:
        note(f"not evaluated yet: lstmcast evaluate {run.name}")
        return
    ahead = "one session" if found.horizon == 1 else f"{found.horizon} sessions"
    screen.print(found.verdict, style="bold")
    figures_ = [f"CRPS {found.crps:.4f}"] if found.crps is not None else []
    if found.log_score is not None:
        figures_.append(f"log score {found.log_score:.4f}")
    if found.gain is not None and found.best_baseline is not None:
        figures_.append(f"{found.gain:+.1%} beside {found.best_baseline}")
    if found.coverage is not None:
        figures_.append(f"80 % range held {found.coverage:.1%}")
    screen.print(
        f"{ahead} ahead, {found.forecasts:,} forecasts, {found.first} to {found.last}: "
        + ", ".join(figures_)
    )


@runs_app.command("compare", cls=Command)
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN",
            help="Run folders, or their names in the runs folder; the first is compared with.",
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
