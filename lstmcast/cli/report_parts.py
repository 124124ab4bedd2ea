"""What the pages of runs and of walks have alike."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lstmcast.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.evaluation import Report
    from lstmcast.prices.history import PriceHistory
    from lstmcast.report import Section

CHARTED = 12
"""Symbols of a pool whose curves are in the file, where none are named."""

NAMED = 3
"""Symbols that a title names."""

MOST_ROWS = 10_000
"""Test forecasts whose curves are in the file: some 60 bytes each."""


def chosen(known: Sequence[str], asked: Sequence[str] | None, name: str) -> list[str]:
    """The symbols whose curves are shown.

    Raises:
        UsageError: for one that is not known.
    """
    if not asked:
        return list(known[:CHARTED])
    wanted = [symbol.rpartition(":")[2].strip().upper() for symbol in asked]
    if lacking := [symbol for symbol in wanted if symbol not in known]:
        raise UsageError(
            f"`--symbol` {lacking[0]} is not in {name}", f"it has {', '.join(known[:CHARTED])}"
        )
    return list(dict.fromkeys(wanted))


def title(symbols: Sequence[str]) -> str:
    """What was forecast."""
    if len(symbols) <= NAMED:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:NAMED])} and {len(symbols) - NAMED} more"


def facts(evaluated: "Report", created: str = "") -> list[str]:
    """When it was made and what it was judged on."""
    rows = evaluated.rows.values()
    first, last = min(part.first for part in rows), max(part.last for part in rows)
    return [f"Made {created[:10]}", f"Judged on {first} to {last}"]


def judged_sections(
    evaluated: "Report",
    predictions: "pd.DataFrame",
    histories: "Mapping[str, PriceHistory]",
    shown: Sequence[str],
    fitted: str,
) -> "list[Section]":
    """Test forecasts, coverage and scores, which runs and walks have alike.

    Args:
        evaluated: what was found.
        predictions: the prediction table, or its rows of the shortest horizon.
        histories: of its symbols.
        shown: symbols whose curves are shown.
        fitted: what the baselines were fitted on, in words.
    """
    from lstmcast.evaluation.coverage import pit_shares
    from lstmcast.predictions import is_point
    from lstmcast.report import coverage_section, forecasts_section, scores_section

    horizon = evaluated.horizons[0]
    tested = _that_fit([symbol for symbol in shown if symbol in evaluated.rows], evaluated)
    total = predictions["symbol"].nunique()
    currencies = {symbol: history.currency for symbol, history in histories.items()}
    sections = []
    if tested:
        sections.append(
            forecasts_section(predictions, tested, horizon, currencies, int(total) - len(tested))
        )
    nearest = predictions[predictions["horizon"] == horizon]
    steps = [] if is_point(nearest) else pit_shares(nearest, horizon)
    if found := coverage_section(evaluated.ranges, evaluated.yearly, steps, horizon):
        sections.append(found)
    sections.append(scores_section(evaluated, fitted))
    return sections


def _that_fit(symbols: Sequence[str], evaluated: "Report") -> list[str]:
    """The first symbols whose test forecasts fit into the file, one at least."""
    fitting: list[str] = []
    rows = 0
    for symbol in symbols:
        rows += evaluated.rows[symbol].count
        if fitting and rows > MOST_ROWS:
            break
        fitting.append(symbol)
    return fitting


def checks_of(histories: "Sequence[PriceHistory]") -> list[tuple[str, str, str]]:
    """What checks find in the prices: symbol, level and words."""
    from lstmcast.prices.checks import examine

    return [
        (history.symbol, found.level, found.message)
        for history in histories
        for found in examine(history)
    ]
