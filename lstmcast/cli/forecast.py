"""`lstmcast forecast`: dated ranges for the sessions to come, by a run or without one."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstmcast.cli.ahead import HORIZON, by_pretrained, by_run, check_options
from lstmcast.cli.asked import named_symbols
from lstmcast.cli.console import EN_DASH, figures, note, out, print_json, print_table, share
from lstmcast.cli.options import RUNS_DIR, DataDir, Json, RunsDir, data_dir
from lstmcast.cli.streams import spelled
from lstmcast.prices.digits import decimals_for, in_digits

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.forecasting import SymbolForecast

RANGES = {"50 %": ("q25", "q75"), "80 %": ("q10", "q90"), "95 %": ("q025", "q975")}


def forecast(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN | SYMBOL...]",
            help="Run folder, or its name in the runs folder; the newest by default. Or stored"
            " symbols, also as SOURCE:SYMBOL, to be forecast without a run.",
            show_default=False,
        ),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Sessions ahead; by default all that the run was trained for, and 10 of a symbol"
            " without a run.",
            show_default=False,
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None,
        typer.Option(
            help="A stored symbol, or SOURCE:SYMBOL, to forecast instead of the run's, also one"
            " that the networks never saw; may be repeated.",
            show_default=False,
        ),
    ] = None,
    fail_if_stale: Annotated[
        bool,
        typer.Option(
            "--fail-if-stale",
            help="End with an error, and write nothing, if a session to forecast is past.",
        ),
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="Write every quantile to this file.", show_default=False),
    ] = None,
    data: DataDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    json: Json = False,
) -> None:
    """Forecast the sessions to come from the newest stored bars: a range of prices a date.

    A run's networks forecast its symbols. Symbols that are named instead are forecast by the
    pretrained networks that come with lstmcast, without any training: 60 sessions are enough.
    """
    from lstmcast.prices.store import PriceStore

    store = PriceStore(data_dir(data))
    named = named_symbols(names, runs_dir, store) if names else None
    if named is None:
        run = Path(names[0]) if names else None
        said = by_run(
            run, runs_dir, store, horizon, symbol, today=_today(), fail_if_stale=fail_if_stale
        )
    else:
        check_options(symbol, horizon)
        said = by_pretrained(named, horizon or HORIZON, today=_today(), fail_if_stale=fail_if_stale)
    for warning in said.warned:
        note(f"warning: {warning.message}")
    if csv is not None:
        _write_csv(csv, said.forecasts)
        note(f"wrote {csv}")
    if json:
        print_json(said.to_dict())
        return
    for number, ahead in enumerate(said.forecasts):
        if number:
            out().print()
        _print_table(ahead)
        if ahead.symbol in said.own_trust:
            out().print()
            out().print(said.own_trust[ahead.symbol].line)
    if said.trust and not said.own_trust:
        out().print()
        out().print(said.trust.line)


def _today() -> date:
    return datetime.now(UTC).date()


def _print_table(ahead: "SymbolForecast") -> None:
    decimals = _decimals(ahead)
    close = in_digits(ahead.close, decimals)
    money = f" {ahead.currency}" if ahead.currency else ""
    table = figures(f"{ahead.symbol}: from the close of {ahead.origin:%Y-%m-%d} at {close}{money}")
    table.add_column("date", no_wrap=True)
    for name in ("median", *RANGES, "chance\nup"):
        table.add_column(name, justify="right")
    for row in ahead.table.to_dict("records"):
        table.add_row(
            f"{row['date']:%a %Y-%m-%d}{' ?' if row['assumed'] else ''}",
            in_digits(row["median"], decimals),
            *(_range(row[low], row[high], decimals) for low, high in RANGES.values()),
            share(row["chance_up"]),
        )
    if ahead.table["assumed"].any():
        table.caption = "? a day of the market's week, taken for a session; holidays move the dates"
    print_table(table)


def _decimals(ahead: "SymbolForecast") -> int:
    """Decimals of all prices of a table: those that its narrowest range needs."""
    rows, (low, high) = ahead.table, RANGES["50 %"]
    ends = [end for pair in RANGES.values() for end in pair]
    shown = [ahead.close, *rows[["median", *ends]].to_numpy(dtype=float).ravel()]
    return decimals_for((rows[high] - rows[low]).astype(float), shown)


def _range(low: float, high: float, decimals: int) -> str:
    """Two prices in few columns; one dash where none is stated."""
    if math.isnan(low):
        return "-"
    return f"{in_digits(low, decimals)}{spelled(EN_DASH)}{in_digits(high, decimals)}"


def _write_csv(path: Path, forecasts: "Sequence[SymbolForecast]") -> None:
    import pandas as pd

    from lstmcast.files import write_atomically

    tables = [_labelled(ahead) for ahead in forecasts]
    text = pd.concat(tables, ignore_index=True).to_csv(index=False, date_format="%Y-%m-%d")
    write_atomically(path, text.encode())


def _labelled(ahead: "SymbolForecast") -> "pd.DataFrame":
    table = ahead.table.copy()
    table.insert(0, "symbol", ahead.symbol)
    table.insert(1, "origin", ahead.origin)
    table.insert(2, "close_origin", ahead.close)
    return table
