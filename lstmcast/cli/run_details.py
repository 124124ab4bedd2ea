"""What `lstmcast runs show` says of a run: data, split, networks, timings, verdict."""

import os
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import figures, note, out, print_table, signed
from lstmcast.reading import size

if TYPE_CHECKING:
    from lstmcast.run import Run
    from lstmcast.run.inventory import Scored

_FACTS = (
    "created", "status", "lstmcast", "python", "device", "seed", "threads", "seconds", "split",
    "parts", "symbols", "member_seeds", "diverged_members", "pool",
)  # fmt: skip


def run_details(run: "Run") -> dict[str, Any]:
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


def print_run(run: "Run", about: dict[str, Any]) -> None:
    """Print a run's details."""
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
    furthest = target["horizon"]
    reach = "1 session" if furthest == 1 else f"1 to {furthest} sessions"
    return [
        ("experiment", experiment["name"]),
        ("target", f"{target['kind'].replace('_', ' ')}, {reach} ahead"),
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


def print_scored(run: "Run", found: "Scored | None") -> None:
    """Print what `evaluate` found of the run, if it did; scores that cannot be read are a fault."""
    screen = out()
    screen.print()
    if found is None and os.path.lexists(run.path / "metrics.json"):
        return
    if found is None:
        note(f"not evaluated yet: lstmcast evaluate {run.name}")
        return
    ahead = "one session" if found.horizon == 1 else f"{found.horizon} sessions"
    screen.print(found.verdict, style="bold")
    figures_ = [f"CRPS {found.crps:.4f}"] if found.crps is not None else []
    if found.log_score is not None:
        figures_.append(f"log score {found.log_score:.4f}")
    if found.gain is not None and found.best_baseline is not None:
        figures_.append(f"{signed(found.gain)} beside {found.best_baseline}")
    if found.coverage is not None:
        figures_.append(f"80 % range held {found.coverage:.1%}")
    screen.print(
        f"{ahead} ahead, {found.forecasts:,} forecasts, {found.first} to {found.last}: "
        + ", ".join(figures_)
    )
