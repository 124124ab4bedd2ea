"""Other series beside a symbol's own bars: what each was known to be at the symbol's close.

`data.context` names them, as `SYMBOL[@LAG]` or `SOURCE:SYMBOL[@LAG]`:

    ^GSPC              lag by rule: none where both close together, one session otherwise
    ^VIX@1             one session: the value of the session before
    fred:CPIAUCSL@45d  45 days: the newest observation dated 45 days ago or earlier

Who closes together is told in `lstmcast.prices.closing`; of others, today's close may come after
the symbol's own. Levels (FRED) are dated by the period that they describe and
published weeks later, so there is no safe rule for them and the lag must be given, in days.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.errors import ConfigError, DataError, UsageError
from lstmcast.prices.closing import same_market
from lstmcast.prices.history import Context, ContextOrigin, PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference

Unit = Literal["sessions", "days"]

STALE_SPACINGS = 3
STALE_DAYS = 7
"""A value may be older than it should by three times the series' usual spacing, and a week."""

_LAG = re.compile(r"(\d{1,4})(d?)")


@dataclass(frozen=True)
class ContextReference:
    """One entry of `data.context`; `lag` is None where the rule decides."""

    reference: Reference
    lag: int | None
    unit: Unit

    @classmethod
    def parse(cls, text: str, default_source: str) -> "ContextReference":
        """Read `SYMBOL[@LAG]` or `SOURCE:SYMBOL[@LAG]`.

        Raises:
            ConfigError: it is neither, or a series of FRED has no lag in days.
        """
        name, at, lag = text.partition("@")
        try:
            reference = Reference.parse(name, default_source)
        except UsageError as error:
            raise _wrong(text, "not a symbol") from error
        match = _LAG.fullmatch(lag)
        if at and match is None:
            raise _wrong(text, f"its lag is {lag!r}")
        if match is None:
            if reference.source == "fred":
                raise _wrong(text, "without the days until it is published")
            return cls(reference, None, "sessions")
        return cls(reference, int(match[1]), "days" if match[2] else "sessions")


def attach_context(
    store: PriceStore, histories: Sequence[PriceHistory], entries: Sequence[str]
) -> list[PriceHistory]:
    """Return the histories with what was known of the named series at each of their closes.

    Args:
        store: where the series are kept; they are fetched like any symbol.
        histories: the symbols that are forecast, of one source.
        entries: as in `data.context`.

    Raises:
        ConfigError: an entry cannot be read, or lacks a lag that it needs.
        StoreError: a series has not been fetched.
        DataError: a series ends too early, or has a long gap.
    """
    if not entries:
        return list(histories)
    wanted = [ContextReference.parse(entry, histories[0].source) for entry in entries]
    symbols = [item.reference.symbol for item in wanted]
    for entry, symbol in zip(entries, symbols, strict=True):
        if symbols.count(symbol) > 1:
            raise _wrong(entry, "a series that is named twice")
    series = [store.load(item.reference.symbol, item.reference.source) for item in wanted]
    attached = []
    for history in histories:
        sessions = pd.DatetimeIndex(history.bars.index)
        columns, origins = {}, []
        for item, other in zip(wanted, series, strict=True):
            lag, unit = _lag(item, other, history)
            columns[other.symbol] = known_at_close(other, sessions, lag, unit)
            origins.append(
                ContextOrigin(other.symbol, other.source, other.kind, lag, unit, other.sha256)
            )
        attached.append(replace(history, context=Context(pd.DataFrame(columns), tuple(origins))))
    return attached


def known_at_close(
    series: PriceHistory, sessions: pd.DatetimeIndex, lag: int, unit: Unit
) -> pd.Series:
    """Return the value of a series that was known at the close of each session.

    Args:
        series: the other series; its adjusted close if it is a price, its level otherwise.
        sessions: the sessions of the symbol that is forecast.
        lag: sessions of the symbol, or days, that the series comes late.
        unit: which of the two.

    Returns:
        A value for each session, NaN before the series begins.

    Raises:
        DataError: the newest value that may be used is too old.
    """
    values = series.adjusted()["close"] if series.kind == "price" else series.bars["close"]
    observed = values.index.to_numpy()
    if unit == "days":
        until = sessions.to_numpy() - np.timedelta64(lag, "D")
    else:
        until = pd.Series(sessions).shift(lag).to_numpy()
    missing = np.isnat(until)
    place = observed.searchsorted(np.where(missing, observed[0], until), side="right") - 1
    known = ~missing & (place >= 0)
    spacing = np.median(np.diff(observed)) if len(observed) > 1 else np.timedelta64(1, "D")
    patience = STALE_SPACINGS * spacing + np.timedelta64(STALE_DAYS, "D")
    stale = known & (until - observed[place] > patience)
    if stale.any():
        at = int(stale.argmax())
        raise DataError(
            f"`data.context` {series.symbol} from {series.source} has nothing between"
            f" {str(observed[place[at]])[:10]} and {str(until[at])[:10]}",
            hint=f"fetch it again: `lstmcast fetch {series.source}:{series.symbol}`",
        )
    return pd.Series(np.where(known, values.to_numpy()[place], np.nan), index=sessions)


def _lag(item: ContextReference, series: PriceHistory, history: PriceHistory) -> tuple[int, Unit]:
    if series.kind == "level" and item.unit != "days":
        raise _wrong(series.symbol, "a level without the days until it is published")
    if item.lag is not None:
        return item.lag, item.unit
    return (0 if same_market(series, history) else 1), "sessions"


def _wrong(text: str, why: str) -> ConfigError:
    return ConfigError(
        f"`data.context` has {text!r}, {why}",
        hint="write entries as ^VIX, ^N225@1 (lag in sessions) or fred:CPIAUCSL@45d (lag in days)",
    )
