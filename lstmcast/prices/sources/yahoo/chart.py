"""What Yahoo's chart answer says of itself, read beside yfinance from the same bytes.

yfinance cleans the answer before anyone sees it: doubled and unordered rows, rows outside the range
and a missing block of adjusted closes all pass in silence. This module looks at the answer as it
came, for the metadata and for findings.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.errors import BadResponseError
from lstmcast.prices.bars import PRICES, iso_dates, session_dates
from lstmcast.prices.findings import Finding, list_dates
from lstmcast.prices.history import LONGEST_NAME
from lstmcast.reading import parse_json

FINISHED_AFTER = pd.Timedelta(minutes=20)
"""How long after the close a day's bar still changes."""


@dataclass(frozen=True)
class Chart:
    """The parts of one chart answer that matter beside the bars.

    `times` are the stamps in the order of the answer, in the exchange's time zone. `doubled` has
    the numbers of the days that have more than one row, by date: of each column the first there is.
    """

    symbol: str
    timezone: str
    currency: str | None
    exchange: str | None
    instrument: str | None
    granularity: str | None
    closes_at: pd.Timestamp | None
    times: pd.DatetimeIndex
    has_adjusted: bool
    doubled: pd.DataFrame
    events: frozenset[str] = field(default_factory=frozenset)

    def findings(self) -> list[Finding]:
        """Return what was wrong with the rows before yfinance cleaned them."""
        found = []
        days = self.times.tz_localize(None).normalize()
        twice = days[days.duplicated()].unique().sort_values()
        if len(twice):
            dates = iso_dates(twice)
            found.append(
                Finding(
                    "duplicate_rows",
                    "note",
                    f"Yahoo sent more than one row for {list_dates(dates)}; the one with numbers"
                    " was kept",
                    dates,
                )
            )
        if not self.times.is_monotonic_increasing:
            found.append(
                Finding("row_order", "note", "Yahoo's rows were out of order; they were sorted")
            )
        return found

    def is_unfinished(self, day: pd.Timestamp, now: pd.Timestamp) -> bool:
        """Tell whether the bar of `day` is today's and the session is not over, or just over."""
        today = now.tz_convert(self.timezone).date()
        if day.date() != today or self.closes_at is None:
            return day.date() > today
        return bool(now < self.closes_at + FINISHED_AFTER)


def read_chart(body: bytes, symbol: str) -> Chart:
    """Return the chart in an answer's body.

    Raises:
        BadResponseError: the body is no chart, or not the one that was asked for.
    """
    try:
        result = parse_json(body)["chart"]["result"][0]
        meta = result["meta"]
        stamps = np.asarray(result.get("timestamp") or [], dtype="int64")
        timezone = meta["exchangeTimezoneName"]
        times = pd.DatetimeIndex(pd.to_datetime(stamps, unit="s", utc=True)).tz_convert(timezone)
        chart = Chart(
            symbol=str(meta.get("symbol", "")),
            timezone=timezone,
            currency=meta.get("currency"),
            exchange=meta.get("exchangeName"),
            instrument=str(meta.get("instrumentType") or "")[:LONGEST_NAME] or None,
            granularity=meta.get("dataGranularity"),
            closes_at=_close_of_session(meta),
            times=times,
            doubled=_doubled(result, times),
            has_adjusted=_has_numbers(result, "adjclose"),
            events=frozenset(result.get("events") or ()),
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise unreadable(symbol, f"{type(error).__name__}: {error}") from error
    if chart.symbol.upper() != symbol:
        raise unreadable(symbol, f"it is about {chart.symbol or 'no symbol'}")
    if chart.granularity not in ("1d", None):
        raise unreadable(symbol, f"its bars are of {chart.granularity}, not of a day")
    if not chart.has_adjusted and chart.events:
        raise unreadable(
            symbol, f"it has {' and '.join(sorted(chart.events))} and no adjusted closes"
        )
    return chart


def _doubled(result: dict[str, Any], times: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the days of more than one row, with the numbers of whichever row has them."""
    days = session_dates(times, "Yahoo")
    twice = days.duplicated(keep=False)
    blocks = result.get("indicators", {})
    columns = {
        **((blocks.get("quote") or [{}])[0]),
        "adj_close": ((blocks.get("adjclose") or [{}])[0]).get("adjclose"),
    }
    rows = pd.DataFrame(
        {
            name: np.asarray(columns[name], dtype="float64")[twice]
            for name in (*PRICES, "volume")
            if columns.get(name) is not None and twice.any()
        },
        index=days[twice],
    )
    rows = rows.sort_index(kind="stable")
    # A row without a close tells nothing, whatever volume it has.
    return rows[rows["close"].notna()].groupby(level=0).first() if "close" in rows else rows


def unreadable(symbol: str, why: str) -> BadResponseError:
    """Return the error for an answer that cannot be used."""
    return BadResponseError(
        f"Yahoo's answer for {symbol} cannot be used: {' '.join(why.split())[:140]}",
        hint="try again later; the network's login page may be the cause",
    )


def _close_of_session(meta: dict[str, Any]) -> pd.Timestamp | None:
    end = ((meta.get("currentTradingPeriod") or {}).get("regular") or {}).get("end")
    return None if end is None else pd.Timestamp(end, unit="s", tz="UTC")


def _has_numbers(result: dict[str, Any], name: str) -> bool:
    blocks = result.get("indicators", {}).get(name) or [{}]
    return any(number is not None for number in blocks[0].get(name) or ())
