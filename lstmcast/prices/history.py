"""What a price history is: daily bars of one symbol from one source, checked once, then trusted.

`PriceHistory.from_frame` is the only door: there a frame passes the rules of `prices.bars`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.errors import DataError, NoDataInRangeError
from lstmcast.harmless import harmless
from lstmcast.prices.adjust import apply_splits
from lstmcast.prices.bars import COLUMNS, PRICES, Kind, normalise
from lstmcast.prices.findings import Finding
from lstmcast.prices.symbols import normalise_symbol

__all__ = ["COLUMNS", "PRICES", "Context", "ContextOrigin", "PriceHistory"]

LONGEST_NAME = 64
"""Characters of a currency, an exchange or a time zone."""


@dataclass(frozen=True)
class ContextOrigin:
    """Where a context series is from, how late it was taken to be, and the hash of its bars."""

    symbol: str
    source: str
    kind: Kind
    lag: int
    unit: str
    sha256: str


@dataclass(frozen=True)
class Context:
    """Other series as they were known at the close of a history's sessions.

    Args:
        values: index as the history's bars, a column for each series, NaN before it begins.
        origins: for each column in turn, where it is from.
    """

    values: pd.DataFrame
    origins: tuple[ContextOrigin, ...]


@dataclass(frozen=True)
class PriceHistory:
    """Daily bars of one symbol from one source.

    Args:
        symbol: the ticker, upper case.
        source: the registered name of the source, such as `yahoo`.
        bars: index `date` (midnight, no time zone, strictly increasing), columns `COLUMNS`, all
            float64. Prices in `currency`, `splits` as new shares for one old (0 on other days).
            A session may lack `open`, `high` or `low`, which are NaN then.
        missing: the columns that the source lacks; they are all NaN.
        currency: ISO code, or None where the source does not say.
        exchange: the source's name for the exchange, or None.
        timezone: IANA name of the exchange's time zone, or None.
        fetched_at: when the source was asked, ISO 8601 in UTC.
        details: further provenance, such as the file read or the number of tries.
        findings: what the checks noticed, in the order of the checks.
        kind: whether the numbers are prices or levels.
        context: other series beside this one; attached for an experiment, never stored.
    """

    symbol: str
    source: str
    bars: pd.DataFrame
    missing: tuple[str, ...] = ()
    currency: str | None = None
    exchange: str | None = None
    timezone: str | None = None
    fetched_at: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    kind: Kind = "price"
    context: Context | None = None

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        symbol: str,
        source: str,
        currency: str | None = None,
        exchange: str | None = None,
        timezone: str | None = None,
        fetched_at: str | None = None,
        details: Mapping[str, str] | None = None,
        findings: Iterable[Finding] = (),
        kind: Kind = "price",
        accept_suspect: bool = False,
        start: date | None = None,
        end: date | None = None,
        raw: bool = False,
    ) -> "PriceHistory":
        """Validate and normalise `frame` into a history; columns not in `COLUMNS` are ignored.

        With `accept_suspect`, impossible rows are left out instead of refused. Rows before `start`
        or after `end` (both included) are not looked at. `raw` says that prices may be as traded:
        then `adj_close` is made to carry the recorded splits that they show.

        Raises:
            DataError: the bars break one of the rules of `lstmcast.prices.bars`, or what is given
                as a currency, an exchange or a time zone cannot be the name of one.
            NoDataInRangeError: no row is left.
        """
        symbol = normalise_symbol(symbol)
        where = f"{symbol} from {source}"
        bars, missing, found = normalise(
            frame, where, kind, accept_suspect=accept_suspect, start=start, end=end
        )
        names = {"currency": currency, "exchange": exchange, "time zone": timezone}
        for name, word in names.items():
            _check_name(name, word, where)
        if raw:
            bars, applied = apply_splits(bars)
            missing = tuple(name for name in missing if name != "adj_close" or not applied)
            found = (*found, *applied)
        return cls(
            symbol=symbol,
            source=source,
            bars=bars,
            missing=missing,
            currency=currency,
            exchange=exchange,
            timezone=timezone,
            fetched_at=fetched_at or now_utc(),
            details=dict(details or {}),
            findings=(*findings, *found),
            kind=kind,
        )

    def __len__(self) -> int:
        return len(self.bars)

    @property
    def dates(self) -> pd.DatetimeIndex:
        """The sessions."""
        return pd.DatetimeIndex(self.bars.index)

    @property
    def first(self) -> pd.Timestamp:
        """The first session."""
        return pd.Timestamp(self.bars.index[0])

    @property
    def last(self) -> pd.Timestamp:
        """The last session."""
        return pd.Timestamp(self.bars.index[-1])

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the dates and numbers, the same on every machine for the same bars."""
        return sha256_of(self.bars)

    @cached_property
    def gaps(self) -> dict[str, NDArray[np.bool_]]:
        """Of the columns that lack a value somewhere, the sessions where they do."""
        lacks = np.isnan(self.bars.to_numpy())
        columns = zip(self.bars.columns, lacks.T, strict=True)
        return {str(name): where for name, where in columns if where.any()}

    def adjusted(self) -> pd.DataFrame:
        """Return prices on one scale over splits and dividends, for features and forecasts.

        `open`, `high`, `low` and `close` are each multiplied by `adj_close / close` (by 1 where the
        source has no `adj_close`); `volume` stays as it is; `dollar_volume` is `close * volume`
        before the adjustment, which a split leaves unchanged whatever the source does with splits.

        Raises:
            DataError: the history holds levels, not prices.
        """
        return pd.DataFrame(self.adjusted_columns(), self.bars.index)

    def adjusted_columns(self) -> dict[str, NDArray[np.float64]]:
        """The columns of `adjusted`, each `(sessions,)`; some share memory with the bars.

        Raises:
            DataError: the history holds levels, not prices.
        """
        if self.kind != "price":
            raise DataError(
                f"{self.symbol} from {self.source} holds levels, not prices",
                hint="use it under `data.context`, not under `data.symbols`",
            )
        bars = dict(zip(self.bars.columns, self.bars.to_numpy().T, strict=True))
        columns = {name: bars[name] for name in ("open", "high", "low", "close")}
        if "adj_close" not in self.missing:
            factor = bars["adj_close"] / bars["close"]
            columns = {name: values * factor for name, values in columns.items()}
            columns["close"] = bars["adj_close"]  # exactly, without the rounding of the ratio
        columns["volume"] = bars["volume"]
        columns["dollar_volume"] = bars["close"] * bars["volume"]
        return columns

    def between(self, start: str | date | None, end: str | date | None) -> "PriceHistory":
        """Return the sessions from `start` to `end`, both included; None leaves that side open.

        Raises:
            NoDataInRangeError: no session lies there.
        """
        bars = self.bars.loc[
            slice(
                None if start is None else pd.Timestamp(start),
                None if end is None else pd.Timestamp(end),
            )
        ]
        if bars.empty:
            raise NoDataInRangeError(
                f"{self.symbol} from {self.source} has no bars from {start or 'its start'} to"
                f" {end or 'its end'}",
                hint=f"it has {self.first.date()} to {self.last.date()}",
            )
        context = self.context and replace(self.context, values=self.context.values.loc[bars.index])
        return replace(self, bars=bars, context=context)

    def require(self, columns: Iterable[str], wanted_by: str) -> None:
        """Make sure that the source has `columns`.

        Args:
            columns: names from `COLUMNS`.
            wanted_by: who needs them, for the message, such as "feature group `range`".

        Raises:
            DataError: one or more columns are missing; the message names them all.
        """
        lacking = [name for name in columns if name in self.missing]
        if lacking:
            names = ", ".join(f"`{name}`" for name in lacking)
            raise DataError(
                f"{wanted_by} needs {names}, which {self.symbol} from {self.source} lacks",
                hint="leave it out, or fetch the symbol from a source that has the column",
            )


def _check_name(name: str, word: object, where: str) -> None:
    """Refuse what would be stored and then not be read, or would act where it is shown.

    Raises:
        DataError: it is no text, too long, or not printable.
    """
    if word is None:
        return
    if isinstance(word, str) and len(word) <= LONGEST_NAME and harmless(word) == word:
        return
    raise DataError(
        f"the {name} of {where} is {repr(word)[:60]}, which cannot be one",
        hint="try again later, or take these prices from another source",
    )


def now_utc() -> str:
    """Return this moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def sha256_of(bars: pd.DataFrame) -> str:
    """Hex SHA-256 of the days and numbers of some bars."""
    days = bars.index.to_numpy().astype("datetime64[D]").astype("<i8")
    columns = bars if tuple(bars.columns) == COLUMNS else bars[list(COLUMNS)]
    values = columns.to_numpy(dtype="<f8", copy=True)
    values[np.isnan(values)] = np.nan  # one bit pattern for every NaN
    digest = hashlib.sha256(days.data)
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
