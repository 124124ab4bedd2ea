"""Names typed on the command line, resolved to a run or to stored symbols."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError, RunError, StoreError, UsageError
from lstmcast.forecasting.prose import few
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.prices.store import PriceStore


@dataclass(frozen=True)
class NamedSymbol:
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


def resolve_names(
    names: Sequence[str], runs_dir: Path, store: "PriceStore"
) -> list[NamedSymbol] | None:
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
    resolved = [_named(name, runs_dir, store) for name in names]
    for name, named in zip(names, resolved, strict=True):
        if named is None and len(names) > 1:
            Run.open(Path(name), runs_dir)  # says what it is instead
    symbols = [named for named in resolved if named is not None]
    if not symbols:
        return None
    if len({named.symbol for named in symbols}) < len(symbols):
        raise UsageError(
            f"{', '.join(names)} names a symbol twice", "name each once, from one source"
        )
    return symbols


def _named(name: str, runs_dir: Path, store: "PriceStore") -> NamedSymbol | None:
    """The symbol of that name; None where it can only be meant as a run."""
    path = Path(name)
    try:
        reference = Reference.parse(name, "")
    except UsageError:
        return None  # opening it as a run says what is wrong
    try:
        sources = store.sources(reference.symbol)
        if not reference.source and sources:
            newest = _newest(store, reference.symbol, sources)
            return NamedSymbol(name, reference.symbol, Reference(newest, reference.symbol))
    except StoreError as error:
        return NamedSymbol(name, reference.symbol, None, error)
    if reference.source in sources:
        return NamedSymbol(name, reference.symbol, reference)
    if path.exists() or (runs_dir / path).exists():
        return None
    return NamedSymbol(
        name, reference.symbol, None, _neither(name, reference, sources, runs_dir, store)
    )


def _newest(store: "PriceStore", symbol: str, sources: Sequence[str]) -> str:
    """Of several sources the one that was fetched last."""
    from lstmcast.config import Data
    from lstmcast.prices.selection import choose_source

    return sources[0] if len(sources) == 1 else choose_source(store, Data(symbols=(symbol,)))


def _neither(
    name: str, reference: Reference, sources: Sequence[str], runs_dir: Path, store: "PriceStore"
) -> LstmcastError:
    """What runs and what symbols there are, where a name is neither."""
    from lstmcast.prices.store import fetch_command
    from lstmcast.run import list_runs

    runs = [run.name for run in reversed(list_runs(runs_dir))]
    symbols = list(dict.fromkeys(entry.symbol for entry in store.entries()))
    there = f"runs: {few(runs) or 'none'}; symbols: {few(symbols) or 'none'}"
    fetch = fetch_command(reference.source or "yahoo", reference.symbol)
    if sources:
        message = (
            f"{reference.symbol} is stored from {', '.join(sources)}, not from {reference.source}"
        )
        return StoreError(message, f"name it `{sources[0]}:{reference.symbol}`, or {fetch}")
    close = get_close_matches(name, runs, n=1)
    message = f"there is no run `{name}`, and no stored symbol {reference.symbol} ({there})"
    if close:
        return RunError(message, f"did you mean `{close[0]}`?")
    return StoreError(message, f"{fetch} gets its prices; without a name the newest run is taken")
