"""`lstmcast fetch`: prices from a source into the local store."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.console import err, figures, print_json, print_table
from lstmcast.cli.options import DataDir, Json, data_dir
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.prices.batch import Outcome

MOST_FINDINGS = 12
"""Lines of findings shown; all of them are stored, and `lstmcast data check` shows the rest."""


def fetch(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(metavar="SYMBOL", help="Such as AAPL BRK-B ^GSPC 600036.SS fred:DGS10."),
    ] = None,
    symbols_file: Annotated[
        Path | None, typer.Option(help="Text file of further symbols.", show_default=False)
    ] = None,
    source: Annotated[
        str,
        typer.Option(help="Where prices come from: yahoo, csv, sample, tushare, akshare or fred."),
    ] = "yahoo",
    path: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|DIR",
            help="With --source csv: a CSV or Parquet file, or a folder of them named by symbol.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First day; by default all history.", show_default=False),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Last day; by default the newest.", show_default=False),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Fetch everything again.")] = False,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Store a history with many sessions missing.")
    ] = False,
    accept_suspect: Annotated[
        bool,
        typer.Option("--accept-suspect", help="Store suspect prices; drop impossible rows."),
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Let yfinance repair prices; it can invent splits.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds that one symbol may take.")
    ] = 60.0,
    proxy: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Proxy, as in http://host:port.", show_default=False),
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certificates to trust.", show_default=False),
    ] = None,
    data: DataDir = None,
    json: Json = False,
) -> None:
    """Fetch daily prices into the local store; later fetches ask only for what is new."""
    from lstmcast.prices.batch import failure, fetch_each, read_symbols
    from lstmcast.prices.sources import BUILT_IN, SourceOptions, get_source
    from lstmcast.prices.store import PriceStore
    from lstmcast.prices.update import Rules

    wanted = read_symbols(symbols or (), symbols_file, source)
    if path is not None and path.is_file() and len(wanted) > 1:
        raise UsageError(
            f"`--path` is one file, and {len(wanted)} symbols were given",
            hint="give a folder with a file for each, or fetch them one by one",
        )
    if path is not None and {item.source for item in wanted} <= BUILT_IN.keys() - {"csv"}:
        raise UsageError(
            f"`--path` is {str(path)!r}, and {wanted[0].source} reads no files",
            hint="add `--source csv`",
        )
    if ca_bundle is not None and not ca_bundle.is_file():
        raise UsageError(f"`--ca-bundle` is {str(ca_bundle)!r}, where there is no file")
    rules = Rules(
        start=_day("--start", start),
        end=_day("--end", end),
        full=full,
        allow_gaps=allow_gaps,
        accept_suspect=accept_suspect,
    )
    if rules.start and rules.end and rules.start > rules.end:
        raise UsageError(f"`--start` {rules.start} is after `--end` {rules.end}")
    options = SourceOptions(
        path=path,
        timeout=timeout,
        proxy=proxy,
        ca_bundle=ca_bundle,
        repair=repair,
        accept_suspect=accept_suspect,
    )
    store = PriceStore(data_dir(data))
    sources = {name: get_source(name, options) for name in {item.source for item in wanted}}
    outcomes = _shown(fetch_each(store, sources, wanted, rules), len(wanted))
    if json:
        print_json([_to_json(outcome) for outcome in outcomes])
    elif len(outcomes) > 1:
        _print_summary(outcomes)
    error = failure(outcomes)
    if error is not None:
        raise error


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"`{option}` is {text!r}, which is not a date", hint="dates are written 2026-06-30"
        ) from None


def _shown(outcomes: Iterable["Outcome"], count: int) -> list["Outcome"]:
    """Collect the outcomes and tell of each as it comes, with a bar where there are several."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    screen = err()
    done = []
    columns = (TextColumn("fetching"), BarColumn(), MofNCompleteColumn())
    several = count > 1 and screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=not several) as bar:
        task = bar.add_task("", total=count)
        for outcome in outcomes:
            done.append(outcome)
            bar.advance(task)
            for line in _lines(outcome, alone=count == 1):
                screen.print(line, markup=False)  # above the bar: it knows this console
    return done


def _lines(outcome: "Outcome", *, alone: bool) -> list[str]:
    """Return what there is to say of one symbol; its error only if it is not the program's own."""
    error, update = outcome.error, outcome.update
    if update is None:
        if error is None or alone:  # the program prints the error that ends it
            return []
        lines = [f"{outcome.wanted.symbol}: error: {error.message}"]
        return [*lines, f"  hint: {error.hint}"] if error.hint else lines
    history = update.history
    doing = {
        "new": f"{len(history)} sessions",
        "extended": f"{update.added} new, {len(history)} sessions",
        "unchanged": f"nothing new, {len(history)} sessions",
        "replaced": f"fetched again, {update.added} new, {len(history)} sessions",
    }[update.action]
    why = f" ({update.why})" if update.why else ""
    span = f"from {history.first.date()} to {history.last.date()}"
    lines = [f"{history.symbol} from {history.source}: {doing} {span}{why}"]
    shown = history.findings[:MOST_FINDINGS]
    checks = max((len(item.check) for item in shown), default=0)
    lines += [f"  {item.level:<7}  {item.check:<{checks}}  {item.message}" for item in shown]
    more = len(history.findings) - MOST_FINDINGS
    return [*lines, f"  and {more} more: `lstmcast data check`"] if more > 0 else lines


def _print_summary(outcomes: list["Outcome"]) -> None:
    table = figures()
    for name in ("symbol", "sessions", "new", "first", "last", "findings", "result"):
        table.add_column(
            name, justify="right" if name in ("sessions", "new", "findings") else "left"
        )
    for outcome in outcomes:
        if outcome.update is None:
            failed = "" if outcome.error is None else type(outcome.error).__name__
            table.add_row(outcome.wanted.symbol, "", "", "", "", "", failed)
            continue
        history = outcome.update.history
        table.add_row(
            outcome.wanted.symbol,
            str(len(history)),
            str(outcome.update.added),
            str(history.first.date()),
            str(history.last.date()),
            str(len(history.findings)),
            outcome.update.action,
        )
    print_table(table, err())


def _to_json(outcome: "Outcome") -> dict[str, Any]:
    about: dict[str, Any] = outcome.wanted._asdict()
    if outcome.error is not None:
        error = outcome.error
        return {
            **about,
            "error": {
                "kind": type(error).__name__,
                "exit_code": error.exit_code,
                "message": error.message,
                "hint": error.hint,
            },
        }
    if outcome.update is None:
        return about
    history = outcome.update.history
    return {
        **about,
        "action": outcome.update.action,
        "why": outcome.update.why,
        "rows": len(history),
        "added": outcome.update.added,
        "first": str(history.first.date()),
        "last": str(history.last.date()),
        "currency": history.currency,
        "missing": list(history.missing),
        "sha256": history.sha256,
        "path": str(outcome.update.path),
        "findings": [finding.to_json() for finding in history.findings],
    }
