"""What names stand for: a run, or stored symbols."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError, RunError, StoreError, UsageError
from lstmcast.forecasting.warned import few
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.prices.store import PriceStore


@dataclass(frozen=True)
class Asked:
    """One symbol that was named.

    Args:
        name: as typed.
        symbol: in the program's own spelling.
        reference: with the source that its prices are stored from; None where they are not stored.
        missing: why not.
    """

    name: str
    symbol: str
    reference: Reference | None
    missing: LstmcastError | None = None


def ask(names: Sequence[str], runs_dir: Path, store: "PriceStore") -> list[Asked] | None:
    """The symbols that were named; None where a run was, or nothing.

    A run goes before a symbol of the same name: `SOURCE:SYMBOL` always is the symbol.

    Args:
        names: as typed: a run's path or name, or `SYMBOL` and `SOURCE:SYMBOL`.
        runs_dir: where runs are.
        store: where prices are.

    Raises:
        UsageError: if a run is among several names, or a symbol is named twice.
        RunError: if one of several names can be neither a symbol nor a run.
    """
    from lstmcast.run import Run

    runs = [name for name in names if Run.exists(Path(name), runs_dir)]
    if runs and len(names) > 1:
        raise UsageError(
            f"`{runs[0]}` is a run, and {len(names)} names were given",
            "name one run alone, or symbols alone; symbols of a run are chosen with `--symbol`",
        )
    if runs or not names:
        return None
    asked = [_asked(name, runs_dir, store) for name in names]
    for name, found in zip(names, asked, strict=True):
        if found is None and len(names) > 1:
            Run.open(Path(name), runs_dir)  # says what it is instead
    wanted = [found for found in asked if found is not None]
    if not wanted:
        return None
    if len({found.symbol for found in wanted}) < len(wanted):
        raise UsageError(
            f"{', '.join(names)} names a symbol twice", "name each once, from one source"
        )
    return wanted


def _asked(name: str, runs_dir: Path, store: "PriceStore") -> Asked | None:
    """The symbol of that name; None where it can only be meant as a run."""
    path = Path(name)
    try:
        asked = Reference.parse(name, "")
    except UsageError:
        return None  # opening it as a run says what is wrong
    try:
        sources = store.sources(asked.symbol)
        if not asked.source and sources:
            found = Reference(_newest(store, asked.symbol, sources), asked.symbol)
            return Asked(name, asked.symbol, found)
    except StoreError as error:
        return Asked(name, asked.symbol, None, error)
    if asked.source in sources:
        return Asked(name, asked.symbol, asked)
    if path.exists() or (runs_dir / path).exists():
        return None
    return Asked(name, asked.symbol, None, _neither(name, asked, sources, runs_dir, store))


def _newest(store: "PriceStore", symbol: str, sources: Sequence[str]) -> str:
    """Of several sources the one that was fetched last."""
    from lstmcast.config import Data
    from lstmcast.prices.selection import choose_source

    return sources[0] if len(sources) == 1 else choose_source(store, Data(symbols=(symbol,)))


def _neither(
    name: str, asked: Reference, sources: Sequence[str], runs_dir: Path, store: "PriceStore"
) -> LstmcastError:
    """What runs and what symbols there are, where a name is neither."""
    from lstmcast.prices.store import fetch_command
    from lstmcast.run import list_runs

    runs = [run.name for run in reversed(list_runs(runs_dir))]
    symbols = list(dict.fromkeys(entry.symbol for entry in store.entries()))
    there = f"runs: {few(runs) or 'none'}; symbols: {few(symbols) or 'none'}"
    fetch = fetch_command(asked.source or "yahoo", asked.symbol)
    if sources:
        message = f"{asked.symbol} is stored from {', '.join(sources)}, not from {asked.source}"
        return StoreError(message, f"name it `{sources[0]}:{asked.symbol}`, or {fetch}")
    close = get_close_matches(name, runs, n=1)
    message = f"there is no run `{name}`, and no stored symbol {asked.symbol} ({there})"
    if close:
        return RunError(message, f"did you mean `{close[0]}`?")
    return StoreError(message, f"{fetch} gets its prices; without a name the newest run is taken")
