"""What a price history is: daily bars of one symbol from one source, checked once, then trusted.

`PriceHistory.from_frame` is the only door. It validates, then normalises, in this order:

 1. there is a `close` column, and every column that is read holds numbers
 2. the index holds session dates: no time, no time zone, the exchange's own date
 3. rows are put in the order of their dates; two rows of one date are an error
 4. rows that lack a price are dropped and named
 5. prices are finite and above zero, volumes and dividends not negative
 6. `high >= low`, and both enclose `open` and `close`: a difference as small as rounding is widened
    away and noted, a larger one is an error

What 5 and 6 refuse can be accepted (`accept_suspect`): then the impossible rows are dropped and the
ranges widened, and the history says so in its findings.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.errors import DataError, NoDataInRangeError
from lstmcast.prices.findings import Finding, count, list_dates
from lstmcast.prices.symbols import normalise_symbol

PRICES = ("open", "high", "low", "close", "adj_close")
COLUMNS = (*PRICES, "volume", "dividends", "splits")
INDEX_DTYPE = "datetime64[us]"

ROUNDING = 5e-3
"""How far `open` or `close` may lie outside `low..high` and still pass for rounding, as a fraction.
Adjusted and converted prices are off by up to a few tenths of a percent."""

SINGLE = 1e-6
"""What single precision loses, as a fraction: Yahoo's prices went through it. Not worth a word."""

Kind = Literal["price", "level"]
"""`price`: positive, so it has log returns. `level`: any number, such as an interest
rate; a level can be context for a forecast and is never the thing forecast."""


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
    ) -> "PriceHistory":
        """Validate and normalise `frame` into a history; columns not in `COLUMNS` are ignored.

        Raises:
            DataError: the bars break one of the rules at the head of this module.
            NoDataInRangeError: no row is left.
        """
        symbol = normalise_symbol(symbol)
        where = f"{symbol} from {source}"
        notes = list(findings)
        bars = _numbers(frame, where)
        bars.index = session_dates(bars.index, where)
        bars = _in_order(bars, where, notes)
        present = [name for name in COLUMNS if not bars[name].isna().all()]
        if "volume" in present and not bars["volume"].fillna(0.0).any():
            present.remove("volume")  # currencies and some indices come with zeros throughout
            bars = bars.assign(volume=np.nan)
        bars = _complete_rows(bars, [name for name in present if name in PRICES], where, notes)
        bars = _possible_rows(bars, present, kind, where, notes, accept_suspect=accept_suspect)
        bars = _enclosing_ranges(bars, present, where, notes, accept_suspect=accept_suspect)
        if bars.empty:
            raise NoDataInRangeError(f"{where}: no complete bar is left")
        bars = bars.fillna({name: 0.0 for name in COLUMNS[5:] if name in present})
        return cls(
            symbol=symbol,
            source=source,
            bars=bars,
            missing=tuple(name for name in COLUMNS if name not in present),
            currency=currency,
            exchange=exchange,
            timezone=timezone,
            fetched_at=fetched_at or now_utc(),
            details=dict(details or {}),
            findings=tuple(notes),
            kind=kind,
        )

    def __len__(self) -> int:
        return len(self.bars)

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
        days = self.bars.index.to_numpy().astype("datetime64[D]").astype("<i8")
        values = self.bars[list(COLUMNS)].to_numpy(dtype="<f8", copy=True)
        values[np.isnan(values)] = np.nan  # one bit pattern for every NaN
        digest = hashlib.sha256(days.tobytes())
        digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    def adjusted(self) -> pd.DataFrame:
        """Return prices on one scale over splits and dividends, for features and forecasts.

        `open`, `high`, `low` and `close` are each multiplied by `adj_close / close` (by 1 where the
        source has no `adj_close`); `volume` stays as it is; `dollar_volume` is `close * volume`
        before the adjustment, which a split leaves unchanged whatever the source does with splits.

        Raises:
            DataError: the history holds levels, not prices.
        """
        if self.kind != "price":
            raise DataError(
                f"{self.symbol} from {self.source} holds levels, not prices",
                hint="use it under `data.context`, not under `data.symbols`",
            )
        bars = self.bars
        adjusted = bars[["open", "high", "low", "close"]].copy()
        if "adj_close" not in self.missing:
            adjusted = adjusted.mul(bars["adj_close"] / bars["close"], axis=0)
            adjusted["close"] = bars["adj_close"]  # exactly, without the rounding of the ratio
        adjusted["volume"] = bars["volume"]
        adjusted["dollar_volume"] = bars["close"] * bars["volume"]
        return adjusted

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


def now_utc() -> str:
    """Return this moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def iso_dates(index: pd.Index) -> tuple[str, ...]:
    """Return the dates of an index of sessions, as ISO text."""
    return tuple(str(day)[:10] for day in index.to_numpy().astype("datetime64[D]"))


def session_dates(index: pd.Index, where: str) -> pd.DatetimeIndex:
    """Return `index` as session dates: the date that each stamp shows in its own time zone.

    Converting to UTC first would move the sessions of Asian exchanges to the day before.

    Raises:
        DataError: the index does not hold dates.
    """
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(f"{where}: the index is {index.dtype}, not dates")
    if index.hasnans:
        raise DataError(f"{where}: a row has no date")
    days = index.tz_localize(None).normalize().astype(INDEX_DTYPE)
    return pd.DatetimeIndex(days, name="date")


def _numbers(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    if "close" not in frame.columns:
        raise DataError(
            f"{where}: there is no `close` column among {', '.join(map(str, frame.columns))!r}",
            hint="date and close are needed; open, high, low, adj_close and volume are optional",
        )
    columns: dict[str, pd.Series] = {}
    for name in COLUMNS:
        if name not in frame.columns:
            columns[name] = pd.Series(np.nan, index=frame.index, dtype="float64")
            continue
        numbers = pd.to_numeric(frame[name], errors="coerce").astype("float64")
        wrong = numbers.isna() & frame[name].notna()
        if wrong.any():
            at = int(np.argmax(wrong.to_numpy()))
            raise DataError(
                f"{where}: `{name}` is {frame[name].iloc[at]!r} on {str(frame.index[at])[:10]}",
                hint="numbers need a decimal point and no thousands separator or currency sign",
            )
        columns[name] = numbers
    return pd.DataFrame(columns, index=frame.index)


def _in_order(bars: pd.DataFrame, where: str, notes: list[Finding]) -> pd.DataFrame:
    if not bars.index.is_monotonic_increasing:
        if not bars.index.is_monotonic_decreasing:  # newest first is a habit, not a fault
            notes.append(Finding("row_order", "note", "rows were not in the order of their dates"))
        bars = bars.sort_index(kind="stable")
    twice = bars.index[bars.index.duplicated()].unique()
    if len(twice):
        raise DataError(
            f"{where}: more than one row for {list_dates(iso_dates(twice))}",
            hint="daily bars need one row a session; intraday data must be reduced first",
        )
    return bars


def _complete_rows(
    bars: pd.DataFrame, prices: list[str], where: str, notes: list[Finding]
) -> pd.DataFrame:
    if "close" not in prices:
        raise NoDataInRangeError(f"{where}: no row has a `close`")
    incomplete = bars[prices].isna().any(axis=1)
    if incomplete.any():
        dates = iso_dates(bars.index[incomplete])
        notes.append(
            Finding(
                "missing_prices",
                "warning",
                f"{count(len(dates), 'row')} without a price left out: {list_dates(dates)}",
                dates,
            )
        )
    return bars[~incomplete]


def _possible_rows(
    bars: pd.DataFrame,
    present: list[str],
    kind: Kind,
    where: str,
    notes: list[Finding],
    *,
    accept_suspect: bool,
) -> pd.DataFrame:
    """Refuse, or drop where accepted, the rows that no market can have had."""
    impossible = pd.Series(data=False, index=bars.index)
    for name in present:
        column = bars[name]
        wrong = ~np.isfinite(column.fillna(0.0))
        if name in PRICES and kind == "price":
            wrong |= column <= 0
        elif name not in PRICES:
            wrong |= column < 0
        if wrong.any() and not accept_suspect:
            day, value = iso_dates(bars.index[wrong])[0], float(column[wrong].iloc[0])
            rule = "above 0" if name in PRICES else "0 or more"
            raise DataError(
                f"{where}: `{name}` is {value:g} on {day}, and must be {rule}"
                + _others(int(wrong.sum())),
                hint="correct the row, or drop such rows with `--accept-suspect`",
            )
        impossible |= wrong
    if "high" in present and "low" in present:
        wrong = bars["high"] < bars["low"] * (1 - ROUNDING)
        if wrong.any() and not accept_suspect:
            row = bars[wrong].iloc[0]
            raise DataError(
                f"{where}: `high` {row['high']:g} is below `low` {row['low']:g} on"
                f" {iso_dates(bars.index[wrong])[0]}" + _others(int(wrong.sum())),
                hint="correct the row, or drop such rows with `--accept-suspect`",
            )
        impossible |= wrong
    if impossible.any():
        dates = iso_dates(bars.index[impossible])
        notes.append(
            Finding(
                "impossible_rows",
                "warning",
                f"{count(len(dates), 'row')} of impossible prices left out: {list_dates(dates)}",
                dates,
            )
        )
    return bars[~impossible]


def _enclosing_ranges(
    bars: pd.DataFrame,
    present: list[str],
    where: str,
    notes: list[Finding],
    *,
    accept_suspect: bool,
) -> pd.DataFrame:
    """Widen `low..high` to enclose `open` and `close` where rounding left them just outside."""
    ends = [name for name in ("open", "close") if name in present]
    for name, extreme in (("high", bars[ends].max(axis=1)), ("low", bars[ends].min(axis=1))):
        if name not in present:
            continue
        other = bars["low" if name == "high" else "high"]
        if name == "high":
            target = np.maximum(extreme, other) if "low" in present else extreme
            outside = bars[name] < target
        else:
            target = extreme
            outside = bars[name] > target
        if not outside.any():
            continue
        by = (target / bars[name] - 1).abs()
        dates = iso_dates(bars.index[outside])
        far = outside & (by > ROUNDING)
        if far.any() and not accept_suspect:
            raise DataError(
                f"{where}: `{name}` {bars[name][far].iloc[0]:g} does not enclose `open` and `close`"
                f" on {iso_dates(bars.index[far])[0]}" + _others(int(far.sum())),
                hint="correct the row, or widen such ranges with `--accept-suspect`",
            )
        if by[outside].max() <= SINGLE:
            bars = bars.assign(**{name: bars[name].where(~outside, target)})
            continue
        notes.append(
            Finding(
                "range_widened",
                "warning" if far.any() else "note",
                f"`{name}` was moved by up to {100 * by[outside].max():.2g} % to enclose `open` and"
                f" `close` on {list_dates(dates)}",
                dates,
            )
        )
        bars = bars.assign(**{name: bars[name].where(~outside, target)})
    return bars


def _others(days: int) -> str:
    return "" if days == 1 else f" (and on {count(days - 1, 'more day')})"
