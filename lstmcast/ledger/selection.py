"""Selecting entries of the ledger by symbol, run and date, for every command of `track`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from lstmcast.errors import UsageError
from lstmcast.forecasting.issued import PRETRAINED
from lstmcast.ledger.entries import Entry
from lstmcast.prices.symbols import Reference

_MOST_NAMES = 5


@dataclass(frozen=True)
class Selection:
    """Entries with everything that is asked for; what is None or empty is not asked for.

    Args:
        symbols: any of these, as `SYMBOL` or `SOURCE:SYMBOL`.
        run: by this run, or by the pretrained networks.
        since: from this origin on.
        until: up to this origin.
        replayed: those that were made for an earlier date; the others if False.
    """

    symbols: Sequence[str] = ()
    run: str | None = None
    since: date | None = None
    until: date | None = None
    replayed: bool = False

    def of(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries that are selected, in their order.

        Raises:
            UsageError: if a symbol or run is in none of them, or the dates are the wrong way round.
        """
        if self.since and self.until and self.since > self.until:
            raise UsageError(
                f"`--since` {self.since} is after `--until` {self.until}", "swap the two"
            )
        wanted = [Reference.parse(name, "") for name in self.symbols]
        for name, reference in zip(self.symbols, wanted, strict=True):
            if not any(_is(entry, reference) for entry in entries):
                there = dict.fromkeys(entry.issued.symbol for entry in entries)
                raise UsageError(
                    f"`--symbol` {name} is not in the ledger", f"it has {_few(list(there))}"
                )
        runs = list(dict.fromkeys(by(entry) for entry in entries))
        if self.run is not None and self.run not in runs:
            raise UsageError(f"`--run` {self.run} is not in the ledger", f"it has {_few(runs)}")
        return [
            entry
            for entry in entries
            if entry.issued.replayed == self.replayed
            and (not wanted or any(_is(entry, reference) for reference in wanted))
            and self.run in (None, by(entry))
            and str(self.since or "") <= entry.issued.origin <= str(self.until or "9999")
        ]


def by(entry: Entry) -> str:
    """Who made a forecast: the run's name, or `PRETRAINED`."""
    return PRETRAINED if entry.issued.run is None else entry.issued.run


def _is(entry: Entry, reference: Reference) -> bool:
    return entry.issued.symbol == reference.symbol and reference.source in (
        "",
        entry.issued.source,
    )


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[-_MOST_NAMES:])
    if not names:
        return "no entry"
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
