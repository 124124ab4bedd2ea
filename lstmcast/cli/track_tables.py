"""What `lstmcast track` prints."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lstmcast.cli.console import (
    decimals_of_scores,
    figures,
    note,
    number,
    out,
    print_table,
    share,
)
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.ledger import ConditionResult, Entry, TrackRecord
    from lstmcast.ledger.scoring import Line, Lines

_RANGES = (50, 80, 90, 95)
_LABELS = {
    "model": "model",
    "random_walk": "random walk",
    "ewma": "EWMA",
    "har": "HAR",
}


def print_tracked(
    tracked: "TrackRecord", graded: "pd.DataFrame", horizon: int | None, *, replayed: bool = False
) -> None:
    """Scores over everything, by symbol and by month, and what does not count and why."""
    if not tracked.overall:
        note(f"nothing that counts has come true yet: {_states(tracked) or 'no forecast'}")
        return
    known = sorted(tracked.overall)
    wanted = horizon or known[0]
    if wanted not in known:
        raise UsageError(
            f"`--horizon` {wanted} has no outcome", f"choose from {', '.join(map(str, known))}"
        )
    rows = graded[(graded["horizon"] == wanted) & (graded["state"] == "counted")]
    ahead = "one session ahead" if wanted == 1 else f"{wanted} sessions ahead"
    period = f"{rows['date'].min():%Y-%m-%d} to {rows['date'].max():%Y-%m-%d}"
    kind = "Replayed" if replayed else "Issued"
    _print_forecasters(tracked.overall[wanted], f"{kind} forecasts, {ahead}, {period}")
    for title, parts in (("symbol", tracked.symbols), ("month", tracked.months)):
        out().print()
        _print_parts(parts, wanted, title)
    out().print()
    out().print(f"rows at all horizons: {_states(tracked)}")


def _states(tracked: "TrackRecord") -> str:
    return ", ".join(f"{count} {state}" for state, count in tracked.states.items() if count)


def _print_forecasters(lines: "Mapping[str, Line]", title: str) -> None:
    decimals = decimals_of_scores(_value(line, "crps") for line in lines.values())
    table = figures(
        title,
        "log score, CRPS: of the return in %\n"
        "gain: by how much the model's CRPS is lower on the same rows",
    )
    table.add_column("forecaster")
    _add_columns(table, ("gain",))
    for name, line in lines.items():
        gain = "" if name == "model" else number(_value(line, "crps_gain"), decimals)
        table.add_row(_LABELS[name], *_cells(line, decimals), gain)
    print_table(table)


def _print_parts(parts: "Mapping[str, Lines]", horizon: int, what: str) -> None:
    """The model's scores by symbol or month, with its gain on each baseline."""
    shown = {name: lines[horizon] for name, lines in parts.items() if horizon in lines}
    decimals = decimals_of_scores(_value(lines["model"], "crps") for lines in shown.values())
    rivals = [name for name in _LABELS if name != "model"]
    table = figures()
    table.add_column(what)
    _add_columns(table, [f"gain on\n{_LABELS[name]}" for name in rivals])
    for name, lines in shown.items():
        gains = [number(_value(lines.get(rival, {}), "crps_gain"), decimals) for rival in rivals]
        table.add_row(name, *_cells(lines["model"], decimals), *gains)
    print_table(table)


def _add_columns(table: "object", further: Sequence[str]) -> None:
    for name in ("rows", *(f"{nominal} %" for nominal in _RANGES), "CRPS", "log score", *further):
        table.add_column(name, justify="right")  # type: ignore[attr-defined] # a rich table


def _cells(line: "Line", decimals: int) -> list[str]:
    return [
        str(line["rows"]),
        *(share(_value(line, f"coverage_{nominal}")) for nominal in _RANGES),
        number(_value(line, "crps"), decimals),
        number(_value(line, "log_score")),
    ]


def _value(line: "Line", name: str) -> float:
    found = line.get(name)
    return math.nan if found is None else float(found)


def print_findings(findings: "Sequence[ConditionResult]") -> None:
    """What the outcomes say of each condition."""
    for found in findings:
        if found.coverage is None:
            out().print(f"{found.condition}: no outcome yet")
            continue
        state = f"holds since {found.since:%Y-%m-%d}" if found.since else "does not hold"
        out().print(
            f"{found.condition}: {state}; {found.coverage:.1%} of {found.rows} outcomes on "
            f"{found.days} days were inside, evidence {found.evidence:.3g} of {found.needed:.3g}"
        )


def print_entries(entries: "Sequence[Entry]", graded: "pd.DataFrame", total: int) -> None:
    """A row an entry, with the 80 % range of the next session and its outcome."""
    from lstmcast.ledger.selection import by

    table = figures(
        f"{len(entries)} of {total} entries" if len(entries) < total else f"{total} entries",
        "80 % range, outcome: of the next session's return, in percent",
    )
    for name in ("entry", "issued (UTC)", "symbol", "origin", "by", "sessions", "80 % range",
                 "outcome", ""):  # fmt: skip
        numeric = name in {"entry", "sessions", "80 % range", "outcome"}
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    nearest = graded[(graded["forecaster"] == "model") & (graded["horizon"] == 1)]
    rows = {int(row["entry"]): row for row in nearest.to_dict("records")}
    for entry in entries:
        issued, row = entry.issued, rows[entry.number]
        table.add_row(
            str(entry.number),
            f"{issued.moment:%Y-%m-%d %H:%M}",
            issued.symbol,
            issued.origin,
            by(entry),
            str(issued.horizons),
            _range(100 * float(row["q10"]), 100 * float(row["q90"])),
            "" if math.isnan(row["return_actual"]) else f"{100 * row['return_actual']:+z.2f}",
            str(row["state"]),
        )
    print_table(table)


def _range(low: float, high: float) -> str:
    if math.isnan(low):
        return "-"
    return f"{low:+z.2f} to {high:+z.2f}"
