"""`lstmcast forecast`: dated ranges for the sessions to come."""

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmcast.cli.console import EN_DASH, figures, note, out, print_json, print_table, share
from lstmcast.cli.opening import open_run
from lstmcast.cli.options import RUNS_DIR, DataDir, Json, RunArgument, RunsDir, data_dir
from lstmcast.cli.streams import spelled
from lstmcast.cli.trust import (
    about_symbols,
    how_old,
    how_to_fetch,
    names,
    on_test_days,
    refuse_stale,
    sessions_past,
)
from lstmcast.prices.digits import decimals_for, in_digits

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.forecasting import SymbolForecast

RANGES = {"50 %": ("q25", "q75"), "80 %": ("q10", "q90"), "95 %": ("q025", "q975")}


def forecast(
    run: RunArgument = None,
    horizon: Annotated[
        int | None,
        typer.Option(
            min=1, help="Sessions ahead; by default all that were trained.", show_default=False
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
    """Forecast the sessions to come from the newest stored bars: a range of prices a date."""
    from lstmcast.prices.store import PriceStore
    from lstmcast.prices.symbols import Reference

    opened = open_run(run, runs_dir)
    store = PriceStore(data_dir(data))
    histories = (
        opened.newest_histories(store, symbol) if symbol else opened.histories(store, newest=True)
    )
    from lstmcast.forecasting import forecast_ahead

    if opened.shares_features:
        newest = max(history.last for history in histories)
        late = [history for history in histories if history.last < newest]
        if late:
            note(
                f"{names(late)}: no bar of {newest:%Y-%m-%d}; what the run's symbols do together "
                f"on that day is taken from the others{how_to_fetch(late)}"
            )
    wanted = [Reference.parse(name, "").symbol for name in symbol] if symbol else None
    forecasts = forecast_ahead(opened.forecaster(), histories, horizon, wanted)
    today = _today()
    warned = how_old(forecasts, histories, today)
    if fail_if_stale:
        refuse_stale(warned)
    trust, doubts = on_test_days(opened, histories, len(forecasts[0].table))
    by_symbol = {history.symbol: history for history in histories}
    warned += doubts + about_symbols(forecasts, by_symbol, trust.symbols if trust else ())
    for warning in warned:
        note(f"warning: {warning.message}")
    if csv is not None:
        _write_csv(csv, forecasts)
        note(f"wrote {csv}")
    if json:
        print_json(
            {
                "run": opened.name,
                "trust": trust.to_dict() if trust else None,
                "warnings": [warning.to_dict() for warning in warned],
                "symbols": [_plain(ahead, sessions_past(ahead, today)) for ahead in forecasts],
            }
        )
        return
    for number, ahead in enumerate(forecasts):
        if number:
            out().print()
        _print_table(ahead)
    if trust:
        out().print()
        out().print(trust.line)


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


def _write_csv(path: Path, forecasts: list["SymbolForecast"]) -> None:
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


def _plain(ahead: "SymbolForecast", past: int) -> dict[str, Any]:
    """The forecast as JSON values: dates as text, what is not stated as null."""
    rows = []
    for row in ahead.table.to_dict("records"):
        values: dict[str, Any] = {
            str(name): None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        values["date"] = f"{row['date']:%Y-%m-%d}"
        rows.append(values)
    return {
        "symbol": ahead.symbol,
        "currency": ahead.currency,
        "origin": f"{ahead.origin:%Y-%m-%d}",
        "close_origin": ahead.close,
        "sessions_past": past,
        "stale": past > 0,
        "all_past": past == len(rows),
        "sessions": rows,
    }
