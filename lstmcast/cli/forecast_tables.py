"""Forecasts as tables on a terminal: a table for each symbol, or a row."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import EN_DASH, figures, out, print_table, share
from lstmcast.cli.streams import spelled
from lstmcast.forecasting.levels import columns_of, label
from lstmcast.prices.digits import decimals_for, in_digits

if TYPE_CHECKING:
    from rich.table import Table

    from lstmcast.forecasting.issued import Issued, IssuedForecast

WIDTH_OF = 80.0
"""The level whose width is shown, or the one nearest to it."""


def print_forecasts(issued: "Issued", levels: Sequence[float]) -> None:
    """A table for each symbol, and under it how such ranges held."""
    for number, one in enumerate(issued.forecasts):
        if number:
            out().print()
        _print_sessions(one, levels)
        if one.why is not None:
            out().print()
            out().print(one.why.sentence)
        following = issued.forecasts[number + 1 : number + 2]
        if one.trust is not None and not any(other.trust is one.trust for other in following):
            out().print()
            out().print(one.trust.line)


def print_summary(issued: "Issued", levels: Sequence[float]) -> None:
    """A row for each symbol: its last session."""
    table = figures()
    table.add_column("symbol", no_wrap=True)
    for name in ("close", "until", "median"):
        table.add_column(name, justify="right", no_wrap=True)
    _add_range_columns(table, levels)
    for name in ("chance\nup", "80 %\ncoverage"):
        table.add_column(name, justify="right")
    table.add_column("by", no_wrap=True)
    for one in issued.forecasts:
        row = one.summary(levels).to_dict("records")[0]
        decimals = _decimals([row], levels, row["close_origin"])
        table.add_row(
            one.symbol,
            in_digits(row["close_origin"], decimals),
            _date(row),
            in_digits(row["median"], decimals),
            *_range_cells(row, levels, decimals),
            share(row["chance_up"]),
            share(row["coverage_80"]),
            one.forecaster,
        )
    told = [_caption(one.ahead.table["assumed"].any() for one in issued.forecasts)]
    if any(one.trust is not None and len(one.trust.symbols) > 1 for one in issued.forecasts):
        told.append("80 % coverage: by a run of several symbols, the mean of all of them")
    table.caption = "\n".join(line for line in told if line) or None
    print_table(table)


def _print_sessions(one: "IssuedForecast", levels: Sequence[float]) -> None:
    rows = one.sessions(levels).to_dict("records")
    decimals = _decimals(rows, levels, one.ahead.close)
    close = in_digits(one.ahead.close, decimals)
    money = f" {one.ahead.currency}" if one.ahead.currency else ""
    table = figures(
        f"{one.symbol}: from the close of {one.ahead.origin:%Y-%m-%d} at {close}{money}"
    )
    table.add_column("date", no_wrap=True)
    table.add_column("median", justify="right")
    _add_range_columns(table, levels)
    table.add_column("chance\nup", justify="right")
    for row in rows:
        table.add_row(
            _date(row, "%a %Y-%m-%d"),
            in_digits(row["median"], decimals),
            *_range_cells(row, levels, decimals),
            share(row["chance_up"]),
        )
    table.caption = _caption([one.ahead.table["assumed"].any()])
    print_table(table)


def _date(row: dict[Any, Any], pattern: str = "%Y-%m-%d") -> str:
    return f"{row['date']:{pattern}}{' ?' if row['assumed'] else ''}"


def _caption(assumed: Any) -> str | None:
    if not any(assumed):
        return None
    return "? a day of the market's week, taken for a session; holidays move the dates"


def _add_range_columns(table: "Table", levels: Sequence[float]) -> None:
    """A column for each range, and one for the width of one of them."""
    for level in levels:
        table.add_column(f"{label(level)} %", justify="right")
    table.add_column(f"{label(_shown_width(levels))} %\nwidth", justify="right")


def _range_cells(row: dict[Any, Any], levels: Sequence[float], decimals: int) -> list[str]:
    width = row[columns_of(_shown_width(levels))[2]]
    ends = [columns_of(level)[:2] for level in levels]
    cells = [_range(row[low], row[high], decimals) for low, high in ends]
    return [*cells, "-" if math.isnan(width) else f"{width:.1f}%"]


def _shown_width(levels: Sequence[float]) -> float:
    return min(levels, key=lambda level: abs(level - WIDTH_OF))


def _range(low: float, high: float, decimals: int) -> str:
    """Two prices in few columns; one dash where none is stated."""
    if math.isnan(low):
        return "-"
    return f"{in_digits(low, decimals)}{spelled(EN_DASH)}{in_digits(high, decimals)}"


def _decimals(rows: Sequence[dict[Any, Any]], levels: Sequence[float], close: float) -> int:
    """Decimals of all prices of a table: those that its narrowest range needs."""
    ends = [columns_of(level)[:2] for level in levels]
    widths = [row[high] - row[low] for row in rows for low, high in ends]
    prices = [row[name] for row in rows for name in ("median", *(n for pair in ends for n in pair))]
    return decimals_for(widths, [close, *prices])
