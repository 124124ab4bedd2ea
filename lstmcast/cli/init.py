"""`lstmcast init`: a commented configuration for some symbols, to change and to train."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.console import note
from lstmcast.cli.experiment import asked_symbols
from lstmcast.cli.options import DataDir, data_dir
from lstmcast.errors import LstmcastError, OutputError, StoreError
from lstmcast.prices.symbols import AUTO

if TYPE_CHECKING:
    from lstmcast.config import Experiment
    from lstmcast.prices.history import PriceHistory

MOST_LINES = 8
"""Symbols whose stored prices are told one by one."""


def init(
    symbols: Annotated[
        list[str],
        typer.Argument(
            metavar="SYMBOL",
            help="Symbols to forecast, or SOURCE:SYMBOL; several are pooled.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write; by default named after the symbols, such as aapl.yaml.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    data: DataDir = None,
) -> None:
    """Write a commented configuration file for some symbols, and check that it can be trained.

    Prices need not be fetched first; if they are, the file says what is stored.
    """
    from lstmcast.config import default_experiment, name_for, parse_experiment, template
    from lstmcast.files import write_atomically
    from lstmcast.prices.selection import select_histories
    from lstmcast.prices.store import PriceStore

    source, wanted = asked_symbols(symbols, "--output")
    path = output or Path(f"{name_for(wanted)}.yaml")
    device = path.is_absolute() and path.parts[1] in {"dev", "proc"}
    if not (force or device):
        _refuse_to_overwrite(path)
    usual = default_experiment(wanted, source)
    store = PriceStore(data_dir(data))
    lacking, histories = "", list["PriceHistory"]()
    try:
        histories = select_histories(store, usual.data)
    except StoreError as error:
        lacking = f"{error.message}; {error.hint}"
    shown: dict[str, Any] = {"stored": ["Not stored yet: fetch the prices first."]}
    if histories:
        from lstmcast.features import default_groups

        source = histories[0].source if source == AUTO else source
        first = max(history.first for history in histories)
        shown = {
            "stored": _lines(histories),
            "first": f"{first:%Y-%m-%d}",
            "groups": default_groups(histories),
        }
    called = shlex.quote(f"{usual.name}.yaml" if device else str(path))
    text = template(wanted, source, file=called, **shown)
    experiment = parse_experiment(text, origin=str(path))
    write_atomically(path, text.encode())
    note(f"wrote {path}")
    if histories:
        _say_whether_it_trains(experiment, histories)
    else:
        note(f"note: {lacking}")
    note(f"next: lstmcast train --config {called}")


def _refuse_to_overwrite(path: Path) -> None:
    """A file that somebody may have changed is not replaced."""
    if path.is_file():
        raise OutputError(
            f"`{path}` is there already",
            "overwrite it with `--force`, or name another file with `--output`",
        )


def _lines(histories: "Sequence[PriceHistory]") -> list[str]:
    """What is stored, as comments in the file."""
    lines = [
        f"Stored: {history.symbol} from {history.source}, {len(history)} sessions, "
        f"{history.first:%Y-%m-%d} to {history.last:%Y-%m-%d}."
        for history in histories[:MOST_LINES]
    ]
    more = len(histories) - MOST_LINES
    return [*lines, *([f"Stored: {more} more symbols."] if more > 0 else [])]


def _say_whether_it_trains(experiment: "Experiment", histories: "Sequence[PriceHistory]") -> None:
    """Prepare what training would begin with: too short a history is told now."""
    from lstmcast.training.prepare import prepare

    try:
        prepare(experiment, histories)
    except LstmcastError as error:
        note(f"warning: it cannot be trained on these prices: {error.message}")
        if error.hint:
            note(f"hint: {error.hint}")
