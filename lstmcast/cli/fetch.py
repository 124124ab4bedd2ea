"""`lstmcast fetch`: prices from a source into the local store."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli import completion
from lstmcast.cli.console import note, print_json
from lstmcast.cli.fetch_dry_run import print_dry_run
from lstmcast.cli.fetch_output import outcome_json, print_summary, show_outcomes
from lstmcast.cli.options import DataDir, Json, data_dir, day
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.prices.sources import Source, SourceOptions
    from lstmcast.prices.store import PriceStore
    from lstmcast.prices.symbols import Reference


def fetch(
    symbols: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SYMBOL",
            help="Symbols, such as AAPL BRK-B ^GSPC 600036.SS fred:DGS10.",
            autocompletion=completion.symbols,
        ),
    ] = None,
    symbols_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Text file with more symbols.", show_default=False),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Where prices come from: yahoo, csv, sample, tushare, akshare or fred.",
            autocompletion=completion.source_names,
        ),
    ] = "yahoo",
    path: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|DIR",
            help="With --source csv: a file (CSV, Parquet, Excel, ...), or a folder of files.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="First day; by default that of the history.", show_default=False
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Last day; by default the newest.", show_default=False),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Skip symbols fetched in the last six hours."),
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Fetch the whole history again.")] = False,
    allow_gaps: Annotated[
        bool,
        typer.Option("--allow-gaps", help="Store a history even if many sessions are missing."),
    ] = False,
    accept_suspect: Annotated[
        bool,
        typer.Option(
            "--accept-suspect", help="Store suspect prices as they are; drop impossible rows."
        ),
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Let yfinance repair prices; it may invent splits.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Time limit for each symbol, in seconds.")
    ] = 60.0,
    proxy: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Proxy, such as http://host:port.", show_default=False),
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of trusted CA certificates.", show_default=False),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE=NAME,...",
            help="Columns of a file, such as date=DATE1,close=CLOSE_PRICE, or by number from 1.",
            show_default=False,
        ),
    ] = None,
    date_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Dates of a file: a pattern such as %d/%m/%Y; s, ms, us or ns since 1970; or"
            " excel.",
            show_default=False,
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(metavar=".|,", help="Decimal mark of a file.", show_default=False),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Encoding of a file, such as gb18030.", show_default=False
        ),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Sheet of a workbook.", show_default=False),
    ] = None,
    adjusted: Annotated[
        str | None,
        typer.Option(
            metavar="yes|no",
            help="Whether the closes of a file are adjusted for splits and dividends.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Fetch every symbol of the file.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be read, without storing it.")
    ] = False,
    jobs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Worker processes for 50 or more files; 0 uses every core. Other sources are asked"
            " for one symbol after the other.",
        ),
    ] = 0,
    data: DataDir = None,
    json: Json = False,
) -> None:
    """Fetch daily prices into the local store; repeated fetches add only new sessions."""
    from lstmcast.prices.batch import failure, fetch_each, read_symbols
    from lstmcast.prices.sources import SourceOptions, get_source
    from lstmcast.prices.sources.files import ReadOptions
    from lstmcast.prices.sources.files.memory import recall
    from lstmcast.prices.store import PriceStore
    from lstmcast.prices.update import Rules

    reading = ReadOptions.parse(columns, date_format, decimal, encoding, sheet, adjusted)
    if every:
        wanted = _every_symbol(symbols, symbols_file, source, SourceOptions(path, reading=reading))
    else:
        wanted = read_symbols(symbols or (), symbols_file, source)
    _check_paths(path, ca_bundle, {item.source for item in wanted})
    rules = Rules(
        start=day("--start", start),
        end=day("--end", end),
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
        reading=reading,
    )
    store = PriceStore(data_dir(data))
    count = len(wanted)
    if resume and not dry_run:
        wanted = _without_fresh(store, wanted)
    of_files = [item.symbol for item in wanted if item.source == "csv"]
    if of_files:
        options = replace(options, remembered=recall(store, of_files))
    sources = {name: get_source(name, options) for name in {item.source for item in wanted}}
    _one_file_for_each(sources, path, count)
    if dry_run:
        print_dry_run(sources, wanted, rules, json=json)
        return
    before = count - len(wanted)
    outcomes = show_outcomes(fetch_each(store, sources, wanted, rules, jobs), count, before)
    place = {reference: k for k, reference in enumerate(wanted)}
    outcomes.sort(key=lambda outcome: place[outcome.wanted])
    if json:
        print_json([outcome_json(outcome) for outcome in outcomes])
    elif len(outcomes) > 1:
        print_summary(outcomes)
    error = failure(outcomes, before)
    if error is not None:
        raise error


def _check_paths(path: Path | None, ca_bundle: Path | None, sources: set[str]) -> None:
    """Refuse a path that no source reads, and certificates that are not there."""
    from lstmcast.prices.sources import BUILT_IN

    if path is not None and sources <= BUILT_IN.keys() - {"csv"}:
        raise UsageError(
            f"`--path` is {str(path)!r}, and {min(sources)} reads no files",
            hint="add `--source csv`",
        )
    if ca_bundle is not None and not ca_bundle.is_file():
        raise UsageError(f"`--ca-bundle` is {str(ca_bundle)!r}, where there is no file")


def _without_fresh(store: "PriceStore", wanted: list["Reference"]) -> list["Reference"]:
    """What a fetch that was broken before has not got yet."""
    from lstmcast.prices.batch import fetched_lately

    fresh = set(fetched_lately(store, wanted, datetime.now(UTC)))
    if fresh:
        note(f"{len(fresh)} of {len(wanted)} symbols were fetched recently and are skipped")
    return [reference for reference in wanted if reference not in fresh]


def _every_symbol(
    symbols: list[str] | None, symbols_file: Path | None, source: str, options: "SourceOptions"
) -> list["Reference"]:
    """Return each symbol that the file of `--path` holds."""
    from lstmcast.prices.sources.files import FileSource
    from lstmcast.prices.sources.files.choice import as_symbol
    from lstmcast.prices.symbols import Reference

    if symbols or symbols_file:
        raise UsageError("`--all` and symbols were given", hint="leave one of them out")
    if source != "csv":
        raise UsageError(
            f"`--all` reads a file, and `--source` is {source!r}", hint="add `--source csv`"
        )
    names = FileSource(options).symbols()
    if not names:
        raise UsageError(
            f"`{options.path}` names no symbols",
            hint="name the one that it holds, or its column: `--columns symbol=NAME`",
        )
    return list(dict.fromkeys(Reference("csv", as_symbol(name)) for name in names))


def _one_file_for_each(sources: Mapping[str, "Source"], path: Path | None, count: int) -> None:
    """Refuse one file for several symbols, unless it says which rows are whose."""
    from lstmcast.prices.sources.files import FileSource

    files = sources.get("csv")
    if path is None or not path.is_file() or count < 2:
        return
    if not isinstance(files, FileSource) or not files.symbols():
        raise UsageError(
            f"`--path` is one file, and {count} symbols were given",
            hint="give a folder with a file for each, or fetch them one by one",
        )
