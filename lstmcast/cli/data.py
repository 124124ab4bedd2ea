"""`lstmcast data`: what is in the local price store, and looking after it."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli import completion
from lstmcast.cli.command import Command, Group
from lstmcast.cli.confirm import confirm_removal
from lstmcast.cli.console import age, figures, note, out, print_json, print_table
from lstmcast.cli.options import DataDir, Json, data_dir
from lstmcast.errors import StoreError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from lstmcast.prices.history import PriceHistory
    from lstmcast.prices.store import PriceStore, StoreEntry

data_app = typer.Typer(
    cls=Group,
    name="data",
    help="List, check, export and remove stored prices.",
    no_args_is_help=True,
)

Symbol = Annotated[
    str,
    typer.Argument(
        metavar="SYMBOL",
        help="Symbol, or SOURCE:SYMBOL.",
        show_default=False,
        autocompletion=completion.symbols,
    ),
]
Symbols = Annotated[
    list[str],
    typer.Argument(
        metavar="SYMBOL",
        help="Symbols, or SOURCE:SYMBOL.",
        show_default=False,
        autocompletion=completion.symbols,
    ),
]
SomeSymbols = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SYMBOL",
        help="Symbols, or SOURCE:SYMBOL; by default all.",
        show_default=False,
        autocompletion=completion.symbols,
    ),
]


_ELSEWHERE = "choose another place with `--output`"


class FileFormat(StrEnum):
    """The formats of an export."""

    csv = "csv"
    parquet = "parquet"


@data_app.command("list", cls=Command)
def list_(data: DataDir = None, json: Json = False) -> None:
    """List the stored histories: source, size, and sessions behind the exchange."""
    from lstmcast.prices.maintenance import with_freshness

    store = _store(data)
    entries = list(with_freshness(store, store.entries()))
    if json:
        print_json([_entry_to_json(entry, behind) for entry, behind in entries])
        return
    if not entries:
        note("nothing is stored yet; start with: lstmcast fetch AAPL")
        return
    table = figures()
    for name in (*_WORDS[:2], "sessions", "first", "last", "behind", "fetched", "findings", ""):
        table.add_column(name, justify="left" if name in _WORDS else "right")
    for entry, behind in entries:
        if entry.problem is not None:
            table.add_row(entry.symbol, entry.source, "", "", "", "", "", "", entry.state)
            continue
        worst = {finding.level for finding in entry.findings}
        table.add_row(
            entry.symbol,
            entry.source,
            str(entry.rows),
            entry.first,
            entry.last,
            "-" if behind is None else f"{behind:,}",
            age(entry.fetched_at),
            str(len(entry.findings)),
            "suspect" if "suspect" in worst else "",
        )
    print_table(table)
    for entry, _ in entries:
        if entry.problem is not None:
            note(f"warning: {entry.problem}")


_WORDS = ("symbol", "source", "first", "last", "fetched", "")


@data_app.command("show", cls=Command)
def show(
    symbol: Symbol,
    rows: Annotated[int, typer.Option(min=1, help="Number of newest bars to show.")] = 5,
    data: DataDir = None,
    json: Json = False,
) -> None:
    """Show one history: provenance, findings, newest bars."""
    from lstmcast.prices.maintenance import find, sessions_behind

    store = _store(data)
    wanted = find(store, symbol)
    history = store.load(wanted.symbol, wanted.source)
    newest = history.bars.iloc[-rows:].drop(columns=list(history.missing))
    about = {
        "symbol": history.symbol,
        "source": history.source,
        "kind": history.kind,
        "currency": history.currency,
        "exchange": history.exchange,
        "timezone": history.timezone,
        "sessions": len(history),
        "first": str(history.first.date()),
        "last": str(history.last.date()),
        "sessions_behind": sessions_behind(history) if history.kind == "price" else None,
        "fetched_at": history.fetched_at,
        "missing": list(history.missing),
        "sha256": history.sha256,
        "path": str(store.path(wanted.symbol, wanted.source)),
        "details": dict(history.details),
    }
    if json:
        dates = [str(day.date()) for day in newest.index]
        bars = [
            {"date": day, **row} for day, row in zip(dates, newest.to_dict("records"), strict=True)
        ]
        found = [finding.to_json() for finding in history.findings]
        print_json({**about, "findings": found, "bars": bars})
        return
    _print_history(about, history)
    out().print()
    print_table(_bars_table(newest))


def _print_history(about: dict[str, Any], history: "PriceHistory") -> None:
    screen = out()
    for name, value in about.items():
        if name == "details":
            for key, detail in history.details.items():
                if detail:
                    screen.print(f"{key.replace('_', ' '):16}{detail}")
        elif value not in (None, []):
            text = ", ".join(value) if isinstance(value, list) else value
            screen.print(f"{name.replace('_', ' '):16}{text}")
    for finding in history.findings:
        screen.print(f"{finding.level:16}{finding.message}")


def _bars_table(bars: "pd.DataFrame") -> "Table":
    """Bars as they are stored, all prices with as many decimals."""
    from lstmcast.prices.digits import decimals_of, in_digits

    prices = [name for name in ("open", "high", "low", "close", "adj_close") if name in bars]
    table = figures()
    for name in ("date", *bars.columns):
        table.add_column(name, justify="left" if name == "date" else "right")
    alike = decimals_of(bars[prices].to_numpy().ravel())
    decimals = [alike if name in prices else decimals_of(bars[name]) for name in bars.columns]
    for day, row in zip(bars.index, bars.to_numpy(), strict=True):
        table.add_row(f"{day:%Y-%m-%d}", *map(in_digits, row, decimals))
    return table


@data_app.command("check", cls=Command)
def check(symbols: SomeSymbols = None, data: DataDir = None, json: Json = False) -> None:
    """Verify stored files against their content hash, and check the prices again."""
    from lstmcast.prices.findings import count as counted
    from lstmcast.prices.maintenance import verify

    store = _store(data)
    checked = list(verify(store, _chosen(store, symbols or [])))
    if json:
        print_json(
            [
                {
                    "symbol": item.symbol,
                    "source": item.source,
                    "path": str(item.path),
                    "rows": item.rows,
                    "problem": item.problem,
                    "findings": [finding.to_json() for finding in item.findings],
                }
                for item in checked
            ]
        )
    else:
        for item in checked:
            state = item.problem or f"{counted(item.rows, 'session')}, hash verified"
            out().print(f"{item.symbol} from {item.source}: {state}")
            for finding in item.findings:
                out().print(f"  {finding.level}: {finding.message}")
    damaged = [f"{item.source}:{item.symbol}" for item in checked if item.problem is not None]
    if damaged:
        raise StoreError(
            f"{len(damaged)} of {len(checked)} files cannot be used: {', '.join(damaged)}",
            hint="fetch those symbols again with `--full`"
            if all(item.readable for item in checked)
            else "give yourself the right to read them; fetch what is damaged with `--full`",
        )


@data_app.command("export", cls=Command)
def export_(
    symbols: Symbols,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|DIR",
            help="File or folder to write; by default stdout, for one symbol as CSV.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[FileFormat, typer.Option("--format", help="File format.")] = FileFormat.csv,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="Adjust prices for splits and dividends.")
    ] = False,
    data: DataDir = None,
) -> None:
    """Export histories to files that `--source csv` can read."""
    from lstmcast.files import make_folder, write_atomically
    from lstmcast.prices.findings import count as counted
    from lstmcast.prices.maintenance import export, export_path, find

    store = _store(data)
    histories = [
        store.load(found.symbol, found.source)
        for found in (find(store, symbol) for symbol in symbols)
    ]
    if output is None:
        if len(histories) > 1 or form is not FileFormat.csv:
            raise UsageError(
                "`--output` is missing: stdout takes one symbol as CSV",
                hint="name a folder for several symbols",
            )
        sys.stdout.write(export(histories[0], "csv", adjusted=adjusted).decode())
        return
    to_folder = len(histories) > 1 or output.is_dir()
    for history in histories:
        path = export_path(output, history, form.value) if to_folder else output
        make_folder(path.parent, _ELSEWHERE)
        write_atomically(path, export(history, form.value, adjusted=adjusted), _ELSEWHERE)
        sessions = counted(len(history), "session")
        note(f"{history.symbol} from {history.source}: {sessions} to {path}")


@data_app.command("remove", cls=Command)
def remove(
    symbols: Symbols,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    data: DataDir = None,
) -> None:
    """Delete histories from the store."""
    from lstmcast.prices.maintenance import find

    store = _store(data)
    found = [find(store, symbol) for symbol in symbols]
    names = ", ".join(f"{item.source}:{item.symbol}" for item in found)
    confirm_removal(names, yes=yes)
    for item in found:
        store.remove(item.symbol, item.source)
        note(f"{item.symbol} from {item.source}: removed")


def _store(given: Path | None) -> "PriceStore":
    from lstmcast.prices.store import PriceStore

    return PriceStore(data_dir(given))


def _chosen(store: "PriceStore", symbols: list[str]) -> list["StoreEntry"]:
    """Return the entries of the named symbols, all of their sources; every entry without names."""
    from lstmcast.prices.maintenance import find
    from lstmcast.prices.symbols import normalise_symbol

    entries = store.entries()
    if not symbols:
        return entries
    wanted: list[StoreEntry] = []
    for text in symbols:
        if ":" in text:
            one = find(store, text)
            keep = [item for item in entries if (item.source, item.symbol) == tuple(one)]
        else:
            keep = [item for item in entries if item.symbol == normalise_symbol(text)]
            if not keep:
                find(store, text)  # raises, and says what to do
        wanted += keep
    return wanted


def _entry_to_json(entry: "StoreEntry", behind: int | None) -> dict[str, Any]:
    return {
        "symbol": entry.symbol,
        "source": entry.source,
        "rows": entry.rows,
        "first": entry.first,
        "last": entry.last,
        "sessions_behind": behind,
        "fetched_at": entry.fetched_at,
        "currency": entry.currency,
        "sha256": entry.sha256,
        "path": str(entry.path),
        "problem": entry.problem,
        "findings": [finding.to_json() for finding in entry.findings],
    }
