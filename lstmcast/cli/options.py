"""Options that several commands share, and the folders that they stand for."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import run_and_walk_names, run_names, symbols
from lstmcast.cli.folders import RUNS_DIR, data_dir
from lstmcast.errors import UsageError
from lstmcast.folders import DATA_VARIABLE, RUNS_VARIABLE

__all__ = [
    "RUNS_DIR", "Baselines", "Cluster", "ConfigOption", "DataDir", "FailUnless", "Json",
    "LedgerFile", "Overrides", "RunArgument", "RunOrWalk", "RunsDir", "SymbolsArgument",
    "data_dir", "day", "ledger_file",
]  # fmt: skip

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar=DATA_VARIABLE,
        help="Folder of the price store; by default the platform's user data folder.",
        show_default=False,
    ),
]

RunsDir = Annotated[
    Path,
    typer.Option("--runs-dir", envvar=RUNS_VARIABLE, help="Folder of the runs."),
]

RunArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        help="Run folder, or its name in the runs folder; by default the newest.",
        show_default=False,
        autocompletion=run_names,
    ),
]

RunOrWalk = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN | WALK",
        help="Folder of a run or of a walk of `backtest`, or its name in the runs folder; by"
        " default the newest run.",
        show_default=False,
        autocompletion=run_and_walk_names,
    ),
]

SymbolsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SYMBOL",
        help="Stored symbols, or SOURCE:SYMBOL, to train with the default settings instead of a"
        " file.",
        show_default=False,
        autocompletion=symbols,
    ),
]

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="YAML file of the experiment.", show_default=False
    ),
]

Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Compute on a Ray cluster: `auto`, `local` or `ray://HOST:PORT`.",
        show_default=False,
    ),
]

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override one key, as in --set model.members=3; may be repeated.",
        show_default=False,
    ),
]

Baselines = Annotated[
    str | None,
    typer.Option(
        "--baselines",
        metavar="NAME,...",
        help="Baselines by name, separated by commas; all by default.",
        show_default=False,
    ),
]

FailUnless = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-unless",
        metavar="CONDITION",
        help='Exit with an error unless this holds, such as "crps<garch" or "p<0.05";'
        " may be repeated.",
        show_default=False,
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]


LedgerFile = Annotated[
    Path | None,
    typer.Option(
        "--ledger",
        envvar="LSTMCAST_LEDGER",
        metavar="FILE",
        help="File of the ledger; by default beside the stored prices.",
        show_default=False,
    ),
]


def ledger_file(given: Path | None, data: Path | None) -> Path:
    """The file of the ledger."""
    return data_dir(data) / "ledger.sqlite" if given is None else given


def day(option: str, text: str | None) -> date | None:
    """The day that an option names; None where it is not given.

    Raises:
        UsageError: for what is not a date.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"`{option}` is {text!r}, which is not a date", hint="dates are written 2026-06-30"
        ) from None
