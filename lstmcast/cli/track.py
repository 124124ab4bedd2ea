"""`lstmcast track`: the record of issued forecasts, and what came of them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli.command import Command, Group
from lstmcast.cli.console import note, out, print_json
from lstmcast.cli.options import DataDir, Json, LedgerFile, data_dir, day, ledger_file
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.ledger import Entry, Selection, StoredBars

track_app = typer.Typer(
    cls=Group,
    name="track",
    help="Grade the forecasts that were issued, and check that their ranges still hold.",
    no_args_is_help=True,
)

Symbol = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SYMBOL",
        help="Forecasts of this symbol, or SOURCE:SYMBOL; may be repeated.",
        show_default=False,
    ),
]
RunName = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="NAME",
        help="Forecasts by this run, or by `pretrained`.",
        show_default=False,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Forecasts from this session on.", show_default=False),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Forecasts up to this session.", show_default=False),
]
Replayed = Annotated[
    bool,
    typer.Option(
        "--replayed", help="Forecasts made for an earlier date (--as-of) instead of issued ones."
    ),
]
Horizon = Annotated[
    int | None,
    typer.Option(min=1, help="Sessions ahead; by default the shortest.", show_default=False),
]


class ExportFormat(StrEnum):
    """The formats of an export."""

    csv = "csv"
    parquet = "parquet"
    json = "json"


class Level(StrEnum):
    """The ranges that are watched, in percent."""

    p50 = "50"
    p80 = "80"
    p90 = "90"
    p95 = "95"


@track_app.command("score", cls=Command)
def score(
    symbol: Symbol = None,
    run: RunName = None,
    since: Since = None,
    until: Until = None,
    replayed: Replayed = False,
    horizon: Horizon = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Exit with an error if coverage is too low by more than sampling error, such as"
            ' "coverage_80<0.75" or "coverage_95@5<0.9"; may be repeated. Allows for daily checks.',
            show_default=False,
        ),
    ] = None,
    ledger: LedgerFile = None,
    data: DataDir = None,
    json: Json = False,
) -> None:
    """Grade the forecasts that have come true, beside the baselines issued with them."""
    from lstmcast.cli.track_tables import print_findings, print_tracked
    from lstmcast.ledger import check_coverage_conditions, parse_conditions, track
    from lstmcast.ledger.conditions import refuse

    conditions = parse_conditions(fail_if or [])
    chosen = _selection(symbol, run, since, until, replayed=replayed)
    _, graded, bars = _graded(chosen, ledger, data)
    tracked = track(graded)
    findings = check_coverage_conditions(graded, conditions, bars.markets)
    if json:
        told = [found.to_dict() for found in findings]
        print_json({**tracked.to_dict(), "conditions": told})
    else:
        print_tracked(tracked, graded, horizon, replayed=replayed)
        print_findings(findings)
    refuse(findings)


@track_app.command("show", cls=Command)
def show(
    symbol: Symbol = None,
    run: RunName = None,
    since: Since = None,
    until: Until = None,
    replayed: Replayed = False,
    limit: Annotated[int, typer.Option(min=1, help="Number of entries.")] = 20,
    ledger: LedgerFile = None,
    data: DataDir = None,
    json: Json = False,
) -> None:
    """Show the newest entries: who forecast what, when, and what the next session brought."""
    from lstmcast.cli.track_tables import print_entries
    from lstmcast.ledger.tables import entry_values

    chosen = _selection(symbol, run, since, until, replayed=replayed)
    entries, graded, _ = _graded(chosen, ledger, data)
    newest = entries[-limit:]
    if json:
        print_json(entry_values(newest, graded) if newest else [])
        return
    if not newest:
        note("no entry is like that")
        return
    print_entries(newest, graded, len(entries))


@track_app.command("export", cls=Command)
def export(
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write.", show_default=False)
    ],
    form: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="File format; by default from the name.", show_default=False),
    ] = None,
    symbol: Symbol = None,
    run: RunName = None,
    since: Since = None,
    until: Until = None,
    replayed: Replayed = False,
    ledger: LedgerFile = None,
    data: DataDir = None,
) -> None:
    """Export every forecast with its quantiles and outcome, as CSV, Parquet or JSON."""
    from lstmcast.files import write_atomically
    from lstmcast.ledger.tables import FORMATS, exported

    suffix = output.suffix.lower().removeprefix(".")
    if form is None and suffix not in FORMATS:
        raise UsageError(
            f"`FILE` {output} does not say which format it is to have",
            f"end it with .{', .'.join(FORMATS)}, or use `--format`",
        )
    chosen = _selection(symbol, run, since, until, replayed=replayed)
    _, graded, _ = _graded(chosen, ledger, data)
    write_atomically(output, exported(graded, form.value if form else suffix))
    note(f"wrote {len(graded)} rows to {output}")


@track_app.command("check", cls=Command)
def check(
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="SHA256",
            help="Hash of an entry, noted earlier, that the chain must contain.",
            show_default=False,
        ),
    ] = None,
    ledger: LedgerFile = None,
    data: DataDir = None,
    json: Json = False,
) -> None:
    """Verify the hash chain: no entry was altered, and none is missing before the last."""
    from lstmcast.ledger import Ledger

    book = Ledger(ledger_file(ledger, data))
    found = book.check(None if expect is None else expect.strip().lower())
    if json:
        print_json({"path": str(book.path), "entries": found.entries, "sha256": found.sha256})
        return
    out().print(f"{found.entries} entries as they were written; the last has {found.sha256}")


@track_app.command("plot", cls=Command)
def plot(
    level: Annotated[Level, typer.Option(help="The range, in percent.")] = Level.p80,
    horizon: Horizon = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write, as .png, .svg or .pdf; by default in `charts` beside the ledger.",
            show_default=False,
        ),
    ] = None,
    symbol: Symbol = None,
    run: RunName = None,
    since: Since = None,
    until: Until = None,
    replayed: Replayed = False,
    ledger: LedgerFile = None,
    data: DataDir = None,
) -> None:
    """Draw coverage so far, with a band of sampling error that allows for daily checks."""
    from lstmcast.files import make_folder
    from lstmcast.ledger.coverage_path import coverage_path
    from lstmcast.plots import coverage_chart, save_figure

    chosen = _selection(symbol, run, since, until, replayed=replayed)
    _, graded, bars = _graded(chosen, ledger, data)
    nominal = int(level.value)
    followed = coverage_path(graded, nominal, horizon, bars.markets)
    figure = coverage_chart(
        followed.table,
        nominal=nominal,
        title=followed.title,
        details=f"ledger of {followed.first:%Y-%m-%d} to {followed.last:%Y-%m-%d}"
        + (f", {run}" if run else ""),
    )
    if output is None:
        folder = ledger_file(ledger, data).parent / "charts"
        make_folder(folder, "use `--output` to write elsewhere")
        name = f"coverage-{nominal}" + (f"-{horizon}" if horizon else "")
        output = folder / f"{name}.png"
    note(f"wrote {save_figure(figure, output)}")


def _selection(
    symbol: list[str] | None,
    run: str | None,
    since: str | None,
    until: str | None,
    *,
    replayed: bool,
) -> "Selection":
    from lstmcast.ledger import Selection

    return Selection(
        tuple(symbol or ()), run, day("--since", since), day("--until", until), replayed
    )


def _graded(
    chosen: "Selection", ledger: Path | None, data: Path | None
) -> "tuple[list[Entry], pd.DataFrame, StoredBars]":
    """The entries that are selected, graded by the stored bars."""
    from lstmcast.ledger import Ledger, StoredBars, grade
    from lstmcast.prices.store import PriceStore

    entries = chosen.of(Ledger(ledger_file(ledger, data)).entries())
    bars = StoredBars(PriceStore(data_dir(data)))
    graded = grade(entries, bars)
    for problem in bars.problems:
        note(f"warning: not graded: {problem}")
    return entries, graded, bars
