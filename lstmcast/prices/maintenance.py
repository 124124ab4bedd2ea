"""Looking after the store: finding a history, verifying files, exporting them, their freshness."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import pandas as pd

from lstmcast.errors import StoreError, UsageError
from lstmcast.prices.calendar import calendar_for, sessions_between
from lstmcast.prices.checks import examine
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore, StoreEntry
from lstmcast.prices.symbols import Reference, normalise_symbol, symbol_to_stem
from lstmcast.prices.weeks import FEWEST

Format = Literal["csv", "parquet"]

RECENT = 2
"""Years of bars by which an exchange's calendar is told where only the newest days matter."""


@dataclass(frozen=True)
class Checked:
    """One stored file after verification.

    `problem` says why it cannot be used; None for a file whose bars match their content hash, whose
    `findings` are then those of the fetch and those of today's checks.
    """

    symbol: str
    source: str
    path: Path
    rows: int = 0
    problem: str | None = None
    findings: tuple[Finding, ...] = ()
    readable: bool = True
    """Whether the system lets the file be read; it may be whole where it does not."""


def find(store: PriceStore, text: str, source: str | None = None) -> Reference:
    """Return the stored history that `SYMBOL` or `SOURCE:SYMBOL` means.

    Raises:
        StoreError: it is not stored.
        UsageError: it is stored from several sources, and none was named.
    """
    named, colon, rest = text.rpartition(":")
    symbol = normalise_symbol(rest)
    wanted = named.lower() if colon else source
    stored = store.sources(symbol)
    if wanted is None and len(stored) > 1:
        raise UsageError(
            f"`{symbol}` is stored from {' and '.join(stored)}",
            hint=f"say which, as in {stored[0]}:{symbol}",
        )
    if wanted is None and not stored:
        wanted = "yahoo"  # so that the error names the command that would fetch it
    found = Reference(wanted or stored[0], symbol)
    if found.source not in stored:
        store.load(found.symbol, found.source)  # raises, and says what is there instead
    return found


def verify(store: PriceStore, entries: Iterable[StoreEntry]) -> Iterator[Checked]:
    """Read every file, compare its bars with its hash, and look at them again."""
    for entry in entries:
        if entry.problem is not None:
            yield Checked(
                entry.symbol,
                entry.source,
                entry.path,
                problem=entry.problem,
                readable=entry.state != "unreadable",
            )
            continue
        try:
            history = store.load(entry.symbol, entry.source)
        except StoreError as error:
            yield Checked(entry.symbol, entry.source, entry.path, problem=error.message)
            continue
        found = examine(history)
        again = {finding.check for finding in found}
        kept = [item for item in history.findings if item.check not in again]
        yield Checked(entry.symbol, entry.source, entry.path, len(history), None, (*kept, *found))


def sessions_behind(history: PriceHistory, today: date | None = None) -> int:
    """Return how many sessions there were after the last bar and before today.

    The exchange's calendar is told by the bars of the last `RECENT` years, so that those of many
    symbols are built once.
    """
    yesterday = (today or datetime.now(UTC).date()).toordinal() - 1
    until = date.fromordinal(yesterday)
    if until <= history.last.date():
        return 0
    newest = history.between(history.last - pd.DateOffset(years=RECENT), None)
    followed = newest if len(newest) >= FEWEST else history
    sessions = sessions_between(calendar_for(followed), history.last.date(), until)
    return len(sessions.days) - 1


def with_freshness(
    store: PriceStore, entries: Iterable[StoreEntry], today: date | None = None
) -> Iterator[tuple[StoreEntry, int | None]]:
    """Yield each entry and how many sessions it is behind; None for what are no prices.

    Their bars are read for that, and so an entry whose bars are damaged comes with its problem.
    """
    for entry in entries:
        if entry.problem is not None:
            yield entry, None
            continue
        try:
            history = store.load(entry.symbol, entry.source)
        except StoreError as error:
            yield replace(entry, problem=error.message, state="damaged"), None
            continue
        yield entry, sessions_behind(history, today) if history.kind == "price" else None


def export(history: PriceHistory, form: Format, *, adjusted: bool = False) -> bytes:
    """Return a history as a file's content, which `--source csv` reads back.

    Args:
        history: what to export; columns that its source lacks are left out.
        form: CSV with a header and ISO dates, or Parquet with the dates as its index.
        adjusted: prices on one scale over splits and dividends, and no `adj_close`.
    """
    if adjusted:
        lacking = [name for name in history.missing if name in ("open", "high", "low", "volume")]
        bars = history.adjusted().drop(columns=["dollar_volume", *lacking])
    else:
        bars = history.bars.drop(columns=list(history.missing))
    if form == "parquet":
        buffer = io.BytesIO()
        bars.to_parquet(buffer)
        return buffer.getvalue()
    return bars.to_csv(date_format="%Y-%m-%d", lineterminator="\n").encode()


def export_path(folder: Path, history: PriceHistory, form: Format) -> Path:
    """Return the file in a folder that an exported history gets."""
    return folder / f"{symbol_to_stem(history.symbol)}.{form}"
