"""`lstmcast forecast`: dated ranges for the sessions to come, by runs or without any."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli import completion
from lstmcast.cli.console import err, failures, note, print_error, print_json
from lstmcast.cli.options import (
    RUNS_DIR,
    DataDir,
    Json,
    LedgerFile,
    RunsDir,
    data_dir,
    day,
    ledger_file,
)
from lstmcast.cli.recording import record_issued
from lstmcast.cli.run_access import open_run
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.forecasting.issued import Failure, Issued
    from lstmcast.forecasting.names import NamedSymbol
    from lstmcast.forecasting.request import ForecastRequest
    from lstmcast.prices.batch import Outcome
    from lstmcast.prices.store import PriceStore
    from lstmcast.run import Run

LEVELS, SUMMARY_LEVELS = (50.0, 80.0, 95.0), (80.0,)
"""Ranges that are shown where none are asked for, in %: of every session, and of a summary."""


def forecast(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN | SYMBOL",
            help="Run folder, or its name in the runs folder; by default the newest. Or stored"
            " symbols (SOURCE:SYMBOL): each is forecast by the newest run that holds it, else by"
            " the pretrained networks. A name that is both means the run.",
            show_default=False,
            autocompletion=completion.runs_and_symbols,
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Sessions ahead; by default all that the run was trained for, and 10 without a"
            " run.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PERCENT",
            help="A range to show, such as 80 or 0.8; may be repeated. By default 50, 80 and 95.",
            show_default=False,
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Forecast from the bars up to this day only, with networks fitted to no"
            " later bars.",
            show_default=False,
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SYMBOL",
            help="A stored symbol, or SOURCE:SYMBOL, to forecast instead of the run's; the"
            " networks need not have seen it; may be repeated.",
            show_default=False,
            autocompletion=completion.symbols,
        ),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="One row per symbol: the furthest session only.")
    ] = False,
    update: Annotated[
        bool,
        typer.Option("--update", help="Fetch newer prices first, each from its own source."),
    ] = False,
    fail_if_stale: Annotated[
        bool,
        typer.Option(
            "--fail-if-stale",
            help="Exit with an error, and write nothing, if a session to forecast is over.",
        ),
    ] = False,
    why: Annotated[
        bool,
        typer.Option("--why", help="Say what makes the next range wider or narrower than usual."),
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help="Write every quantile to a CSV file.", show_default=False
        ),
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(
            "--parquet",
            metavar="FILE",
            help="Write every quantile to a Parquet file.",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Worker processes for 16 or more symbols without a run; 0 uses every core.",
        ),
    ] = 0,
    record: Annotated[
        bool,
        typer.Option(
            "--record/--no-record",
            help="Append the forecasts to the ledger that `lstmcast track` grades.",
        ),
    ] = True,
    ledger: LedgerFile = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Forecast the coming sessions from the newest stored bars: a price range for each date.

    A run forecasts its symbols. Symbols named instead are forecast by the newest run that holds
    them, or by the pretrained networks that come with lstmcast, which need no training and 60
    sessions of prices. A symbol that fails does not stop the others.
    """
    from lstmcast.forecasting.levels import parse_levels
    from lstmcast.forecasting.names import resolve_names
    from lstmcast.prices.store import PriceStore

    levels = parse_levels(level) if level else SUMMARY_LEVELS if summary else LEVELS
    request = _request(horizon, day("--as-of", as_of), why=why, jobs=jobs)
    store = PriceStore(data_dir(data))
    named = resolve_names(names or (), runs_dir, store)
    if named is None:
        run = open_run(Path(names[0]) if names else None, runs_dir)
        issued = _by_run(run, store, symbol or (), request, update=update)
    else:
        _check_symbol_option(symbol)
        issued = _symbols(named, store, runs_dir, request, update=update)
    if fail_if_stale:
        from lstmcast.forecasting.forecast_warnings import refuse_stale

        refuse_stale(issued.warnings)
    unrecorded = None
    if record and issued.forecasts:
        file = ledger_file(ledger, data)
        unrecorded = record_issued(file, issued.forecasts, store, replayed=as_of is not None)
    _tell(issued)
    if issued.forecasts:
        _write(issued, levels, csv, parquet, summary=summary)
        _print(issued, levels, summary=summary, json=json)
    elif json:
        print_json(issued.to_dict())
    error = issued.failure()
    if error is not None and unrecorded is not None:
        print_error(unrecorded)
    if (last := error or unrecorded) is not None:
        raise last


def _today() -> date:
    return datetime.now(UTC).date()


def _request(horizon: int | None, as_of: date | None, *, why: bool, jobs: int) -> "ForecastRequest":
    """How far ahead, and from which day.

    Raises:
        UsageError: for a day to come.
    """
    from lstmcast.forecasting.request import ForecastRequest

    if as_of is not None and as_of > datetime.now(UTC).date():
        raise UsageError(f"`--as-of` {as_of} is in the future", "leave it out for the newest bars")
    return ForecastRequest(_today(), horizon, as_of, why, jobs)


def _check_symbol_option(symbol: Sequence[str] | None) -> None:
    if symbol:
        raise UsageError(
            f"`--symbol` {', '.join(symbol)} chooses among a run's symbols, and symbols are named "
            "without a run",
            "name them all without `--symbol`",
        )


def _by_run(
    run: "Run",
    store: "PriceStore",
    symbols: Sequence[str],
    request: "ForecastRequest",
    *,
    update: bool,
) -> "Issued":
    from lstmcast.forecasting.issue import issue_by_run

    old: list[Failure] = []
    if update:
        from lstmcast.forecasting.updating import needed_by_run, update_each

        old = _updated(list(update_each(store, needed_by_run(run, symbols))))
    return issue_by_run(run, store, symbols, request, note).with_failures(old)


def _symbols(
    named: "Sequence[NamedSymbol]",
    store: "PriceStore",
    runs_dir: Path,
    request: "ForecastRequest",
    *,
    update: bool,
) -> "Issued":
    from lstmcast.forecasting.issue import issue_symbols

    old: list[Failure] = []
    if update:
        from lstmcast.forecasting.names import resolve_names
        from lstmcast.forecasting.updating import needed_by_symbols, update_each

        old = _updated(list(update_each(store, needed_by_symbols(named, runs_dir, request))))
        named = resolve_names([one.name for one in named], runs_dir, store) or named
    return issue_symbols(named, store, runs_dir, request, note).with_failures(old)


def _updated(outcomes: "Sequence[Outcome]") -> "list[Failure]":
    """Say what is new; the symbols that could not be brought up to date."""
    from lstmcast.forecasting.issued import Failure

    added = sum(outcome.update.added for outcome in outcomes if outcome.update is not None)
    there = sum(outcome.update is not None for outcome in outcomes)
    note(f"fetched {added} new sessions of {there} symbols")
    return [
        Failure(outcome.wanted.symbol, outcome.error)
        for outcome in outcomes
        if outcome.error is not None
    ]


def _tell(issued: "Issued") -> None:
    """Warnings, and errors but for one that the program itself ends with."""
    for warning in issued.warnings:
        note(f"warning: {warning.message}")
    last = issued.failure()
    for failure in issued.failures:
        if failure.error is last:
            continue
        screen = failures(err())
        screen.print(f"{failure.symbol}: error: {failure.error.message}")
        if failure.error.hint:
            screen.print(f"  hint: {failure.error.hint}")


def _print(issued: "Issued", levels: Sequence[float], *, summary: bool, json: bool) -> None:
    if json:
        print_json(issued.to_dict(levels, summary=summary))
        return
    from lstmcast.cli.forecast_tables import print_forecasts, print_summary

    (print_summary if summary else print_forecasts)(issued, levels)


def _write(
    issued: "Issued",
    levels: Sequence[float],
    csv: Path | None,
    parquet: Path | None,
    *,
    summary: bool,
) -> None:
    """Write the files that were asked for, whole or not at all."""
    if csv is None and parquet is None:
        return
    from lstmcast.files import write_atomically

    table = issued.summary(levels) if summary else issued.sessions(levels)
    if csv is not None:
        write_atomically(csv, table.to_csv(index=False, date_format="%Y-%m-%d").encode())
        note(f"wrote {csv}")
    if parquet is not None:
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        write_atomically(parquet, buffer.getvalue())
        note(f"wrote {parquet}")
