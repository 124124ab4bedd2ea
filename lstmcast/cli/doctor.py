"""`lstmcast doctor`: whether everything that the commands need is there and works."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.console import figures, note, out, print_json, print_table
from lstmcast.cli.options import (
    RUNS_DIR,
    DataDir,
    Json,
    LedgerFile,
    RunsDir,
    data_dir,
    ledger_file,
)
from lstmcast.errors import HealthError
from lstmcast.reading import size

if TYPE_CHECKING:
    from lstmcast.doctor import Folder, Problem


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Do not contact any source.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Time limit for each source, in seconds.")
    ] = 5.0,
    ledger: LedgerFile = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Check versions, devices and their speed, sources, and the folders of prices and runs.

    Exits with an error if something that commands need is broken.
    """
    note("looking at packages, devices, folders" + ("" if offline else " and sources"))
    book = ledger_file(ledger, data)
    found, problems = examine(data_dir(data), runs_dir, book, timeout=timeout, offline=offline)
    if json:
        print_json({**found, "problems": [problem.to_dict() for problem in problems]})
    else:
        _print(found, problems)
    broken = [problem for problem in problems if problem.state == "broken"]
    if broken:
        things = "1 thing is" if len(broken) == 1 else f"{len(broken)} things are"
        raise HealthError(f"{things} broken: {broken[0].message}", broken[0].hint)


def examine(
    store: Path, runs: Path, ledger: Path, *, timeout: float, offline: bool
) -> "tuple[dict[str, Any], list[Problem]]":
    """Everything that `doctor` tells, as plain values, and what is wrong.

    Args:
        store: folder of prices.
        runs: folder of runs.
        ledger: file of issued forecasts.
        timeout: seconds that each source has.
        offline: ask none on the network.
    """
    try:
        from lstmcast import doctor as look
    except ImportError as error:
        raise HealthError(
            f"lstmcast is not completely installed: {error}",
            "install it again: `pip install lstmcast`",
        ) from error
    problems = look.requirements()
    nothing: list[look.Device] = []
    machine, wrong = look.guarded("the devices", partial(look.devices), nothing)
    problems += wrong
    folders = {}
    for name, path, at in (
        ("prices", store, look.look_at_store),
        ("runs", runs, look.look_at_runs),
    ):
        folder, wrong = look.guarded(f"`{path}`", partial(_plain, at, path), None)
        folders[name] = folder
        problems += wrong
    book, wrong = look.guarded(f"`{ledger}`", partial(look.look_at_ledger, ledger), None)
    problems += wrong
    sources = look.ask_sources(timeout, offline=offline)
    problems += [
        look.Problem("warning", f"{source.name}: {source.message}", source.hint)
        for source in sources
        if source.state == "failed"
    ]
    return {
        "versions": look.versions(),
        "extras": look.extras(),
        "devices": [vars(device) for device in machine],
        "folders": folders,
        "ledger": book,
        "sources": [source.to_dict() for source in sources],
        "tokens": {name: bool(os.environ.get(name)) for name in look.TOKENS},
    }, problems


def _plain(
    look: "Callable[[Path], tuple[Folder, list[Problem]]]", path: Path
) -> "tuple[dict[str, Any] | None, list[Problem]]":
    folder, problems = look(path)
    return folder.to_dict(), problems


def _print(found: dict[str, Any], problems: "list[Problem]") -> None:
    screen = out()
    versions = found["versions"]
    shown = (f"{name} {value or 'is missing'}" for name, value in versions.items())
    screen.print(", ".join(shown))
    screen.print()
    _print_devices(found["devices"])
    for name, folder in found["folders"].items():
        if folder is not None:
            screen.print(f"{name:10}{_folder(name, folder)}")
    if (book := found["ledger"]) is not None:
        count = f"{book['entries']} forecasts, {size(book['bytes'])}"
        screen.print(f"{'ledger':10}{book['path']}: {count if book['exists'] else 'not there yet'}")
    screen.print()
    _print_sources(found["sources"])
    missing = {name: command for name, command in found["extras"].items() if command}
    for name, command in missing.items():
        screen.print(f"the extra {name} is not installed: {command}")
    for problem in problems:
        screen.print()
        screen.print(f"{problem.state}: {problem.message}")
        if problem.hint:
            screen.print(f"hint: {problem.hint}")
    if not problems:
        screen.print()
        screen.print("nothing is wrong")


def _print_devices(devices: list[dict[str, Any]]) -> None:
    if not devices:
        return
    table = figures(
        caption="steps a second: an LSTM of 64 units on 32 sequences of 128 sessions, forward, "
        "backward and update"
    )
    for name in ("device", "model", "cores", "memory", "free", "steps a second"):
        table.add_column(name, justify="left" if name in ("device", "model") else "right")
    for device in devices:
        speed = device["steps_per_second"]
        table.add_row(
            device["name"],
            device["model"],
            "" if device["cores"] is None else str(device["cores"]),
            _size(device["memory"]),
            _size(device["free"]),
            "-" if speed is None else f"{speed:,.0f}",
        )
    print_table(table)
    out().print()


def _size(count: int | None) -> str:
    return "-" if count is None else size(count)


def _folder(name: str, folder: dict[str, Any]) -> str:
    """A folder in a line."""
    of = {"prices": ("history", "histories"), "runs": ("run", "runs")}[name]
    count = folder["entries"]
    parts = [
        f"{count} {of[count != 1]}" if folder["exists"] else "not there yet",
        f"{size(folder['bytes'])}, {size(folder['free'])} of room",
    ]
    if folder["damaged"]:
        parts.insert(1, f"{folder['damaged']} damaged")
    if folder["swept"]:
        parts.append(f"{folder['swept']} left by killed processes, removed now")
    if not folder["writable"]:
        parts.append("cannot be written")
    return f"{folder['path']}: {', '.join(parts)}"


def _print_sources(sources: list[dict[str, Any]]) -> None:
    screen = out()
    for source in sources:
        state = source["state"]
        said = state if state == "failed" else f"{state}: {source['message']}"
        if source["seconds"] is not None:
            said = f"answers in {source['seconds']:.1f} s: {source['message']}"
        screen.print(f"{source['name']:10}{said}")
