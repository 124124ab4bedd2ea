"""What a shell offers after TAB: stored symbols, runs and sources, by their file names alone.

A shell asks at each press of the key, so nothing here opens a file or loads pandas or PyTorch, and
nothing is ever said: a folder that cannot be read has no names to offer.
"""

import os
from pathlib import Path

import typer

from lstmcast.cli.folders import RUNS_DIR, data_dir


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Folders in the runs folder that hold a run."""
    folder = ctx.params.get("runs_dir") or RUNS_DIR
    return sorted(name for name in _holding(Path(folder), "run.json") if _fits(name, incomplete))


def run_and_walk_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The same, and those that hold a walk."""
    folder = Path(ctx.params.get("runs_dir") or RUNS_DIR)
    walks = (name for name in _holding(folder, "plan.json") if _fits(name, incomplete))
    return sorted({*run_names(ctx, incomplete), *walks})


def symbols(ctx: typer.Context, incomplete: str) -> list[str]:
    """Stored symbols; with their source before them where one was begun, as in `csv:AA`."""
    from lstmcast.prices.symbols import stem_to_symbol

    source, colon, _ = incomplete.rpartition(":")
    prices = Path(data_dir(ctx.params.get("data"))) / "prices"
    found = {
        f"{source}{colon}{stem_to_symbol(name.removesuffix('.parquet'))}"
        for folder in ([source] if colon else _entries(prices))
        for name in _entries(prices / folder)
        if name.endswith(".parquet") and not name.startswith(".")
    }
    return sorted(name for name in found if _fits(name, incomplete))


def runs_and_symbols(ctx: typer.Context, incomplete: str) -> list[str]:
    """What `forecast` takes: a run or symbols."""
    return [*run_names(ctx, incomplete), *symbols(ctx, incomplete)]


def source_names(incomplete: str) -> list[str]:
    """The sources of lstmcast and those of other packages."""
    from lstmcast.prices.source_names import source_names as known

    return [name for name in known() if _fits(name, incomplete)]


def _holding(folder: Path, file: str) -> list[str]:
    """The folders in a folder that hold a file."""
    return [
        name
        for name in _entries(folder)
        if not name.startswith(".") and os.path.lexists(folder / name / file)
    ]


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names, without a Path for each
    except OSError:
        return []


def _fits(name: str, incomplete: str) -> bool:
    return name.startswith(incomplete)
