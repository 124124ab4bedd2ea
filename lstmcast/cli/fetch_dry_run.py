"""`lstmcast fetch --dry-run`: what would be read, shown and not stored."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lstmcast.cli.console import err, figures, print_json, print_table
from lstmcast.cli.fetch_output import finding_lines, read_line

if TYPE_CHECKING:
    from lstmcast.prices.history import PriceHistory
    from lstmcast.prices.sources import Source
    from lstmcast.prices.symbols import Reference
    from lstmcast.prices.update import Rules

ENDS = 3
"""Rows at the beginning and at the end that are shown."""


def print_dry_run(
    sources: Mapping[str, "Source"], wanted: list["Reference"], rules: "Rules", *, json: bool
) -> None:
    """Show what a fetch would read and find, and store nothing."""
    from lstmcast.prices.checks import examine

    shown = []
    for reference in wanted:
        history = sources[reference.source].fetch(reference.symbol, rules.start, rules.end)
        history = replace(history, findings=(*history.findings, *examine(history)))
        shown.append(_dry_json(history))
        if json:
            continue
        screen = err()
        span = f"{len(history)} sessions from {history.first.date()} to {history.last.date()}"
        screen.print(f"{history.symbol} from {history.source}: {span}, not stored")
        for line in (*read_line(history), *finding_lines(history)):
            screen.print(line)
        _print_ends(history)
    if json:
        print_json(shown)


def _dry_json(history: "PriceHistory") -> dict[str, Any]:
    bars = history.bars.drop(columns=list(history.missing))
    rows = {
        name: [
            {"date": str(day)[:10], **{key: _or_null(value) for key, value in row.items()}}
            for day, row in zip(part.index, part.to_dict("records"), strict=True)
        ]
        for name, part in (("first_rows", bars.head(ENDS)), ("last_rows", bars.tail(ENDS)))
    }
    return {
        "source": history.source,
        "symbol": history.symbol,
        "rows": len(history),
        "first": str(history.first.date()),
        "last": str(history.last.date()),
        "missing": list(history.missing),
        "read": history.details.get("read"),
        "findings": [finding.to_json() for finding in history.findings],
        **rows,
    }


def _or_null(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124  # NaN is not itself


def _print_ends(history: "PriceHistory") -> None:
    bars = history.bars.drop(columns=list(history.missing))
    table = figures()
    for name in ("date", *bars.columns):
        table.add_column(name, justify="left" if name == "date" else "right")
    few = len(bars) <= 2 * ENDS
    for part in (bars,) if few else (bars.head(ENDS), bars.tail(ENDS)):
        if part is not bars and part.index[0] != bars.index[0]:
            table.add_row("...")
        for day, row in zip(part.index, part.to_numpy(), strict=True):
            table.add_row(
                str(day)[:10], *("-" if _or_null(x) is None else f"{x:.10g}" for x in row)
            )
    print_table(table)
