"""Yahoo Finance for the loopback internet: the hosts and paths that yfinance 1.7 asks, and faults.

    fc.yahoo.com/                                     a cookie
    query1|query2.finance.yahoo.com/v1/test/getcrumb  a crumb
    guce.yahoo.com, consent.yahoo.com                 the European consent pages
    query2.finance.yahoo.com/v8/finance/chart/SYMBOL  the bars
    .../quoteSummary, /v7/finance/quote, ...          asked when a symbol is not found

The wire format follows what yfinance reads; it was not compared with the live service.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from lstmcast.prices.calendar import sessions_between
from support.loopback import Reply, Request

NOT_FOUND = {
    "chart": {
        "result": None,
        "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
    }
}
COOKIE = (
    "A3=d=AQABBFAKE&S=AQAAFAKE; Expires=Tue, 1 Jan 2030 00:00:00 GMT; Max-Age=31557600; "
    "Domain=.yahoo.com; Path=/; SameSite=None; Secure; HttpOnly"
)
CONSENT = (
    '<html><form><input name="csrfToken" value="token"><input name="sessionId" value="id"></form>'
    "</html>"
)
PREAMBLE = {
    "fc.yahoo.com": (
        "cookie",
        Reply(404, b"<html>not found</html>", "text/html", headers=(("Set-Cookie", COOKIE),)),
    ),
    "guce.yahoo.com": ("consent", Reply.html(CONSENT)),
    "consent.yahoo.com": ("consent", Reply.html(CONSENT)),
}
BARS = ("open", "high", "low", "close", "volume")


@dataclass
class Listing:
    """A symbol and its bars in Yahoo's convention: adjusted for splits, not for dividends.

    `bars` has the columns open, high, low, close, adj_close, volume, by session date. `stamps`
    overrides the time of a session's row (the open otherwise).
    """

    symbol: str
    bars: pd.DataFrame
    dividends: dict[date, float] = field(default_factory=dict)
    splits: dict[date, tuple[float, float]] = field(default_factory=dict)
    timezone: str = "America/New_York"
    opens: clock = clock(9, 30)
    meta: dict[str, Any] = field(default_factory=dict)
    stamps: dict[date, int] = field(default_factory=dict)

    def stamp(self, day: date) -> int:
        if day in self.stamps:
            return self.stamps[day]
        return int(datetime.combine(day, self.opens, ZoneInfo(self.timezone)).timestamp())

    def until(self, last: date) -> "Listing":
        """Return the listing as it looked at the end of `last`."""
        return replace(
            self,
            bars=self.bars.loc[: str(last)],
            dividends={day: paid for day, paid in self.dividends.items() if day <= last},
            splits={day: ratio for day, ratio in self.splits.items() if day <= last},
        )

    def chart(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the body of an answer about the sessions that `query` asks for."""
        stamps = {day.date(): self.stamp(day.date()) for day in self.bars.index}
        newest = max(stamps.values(), default=0)
        since = int(query.get("period1", newest - 86400))
        until = int(query.get("period2", newest + 86400))
        inside = [day for day, stamp in stamps.items() if since <= stamp < until]
        result: dict[str, Any] = {"meta": self._meta(query)}
        if not inside:
            result["indicators"] = {"quote": [{}], "adjclose": [{}]}
            return {"chart": {"result": [result], "error": None}}
        rows = self.bars.loc[[pd.Timestamp(day) for day in inside]]
        result["timestamp"] = [stamps[day] for day in inside]
        events = self._events(since, until)
        if events:
            result["events"] = events
        result["indicators"] = {
            "quote": [{name: rows[name].tolist() for name in BARS}],
            "adjclose": [{"adjclose": rows["adj_close"].tolist()}],
        }
        return {"chart": {"result": [result], "error": None}}

    def _events(self, since: int, until: int) -> dict[str, Any]:
        dividends = {
            str(self.stamp(day)): {"amount": paid, "date": self.stamp(day)}
            for day, paid in self.dividends.items()
            if since <= self.stamp(day) < until
        }
        splits = {
            str(self.stamp(day)): {
                "date": self.stamp(day),
                "numerator": new,
                "denominator": old,
                "splitRatio": f"{new:g}:{old:g}",
            }
            for day, (new, old) in self.splits.items()
            if since <= self.stamp(day) < until
        }
        both = {"dividends": dividends, "splits": splits}
        return {name: events for name, events in both.items() if events}

    def _meta(self, query: Mapping[str, str]) -> dict[str, Any]:
        zone = ZoneInfo(self.timezone)
        now = datetime.now(zone)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        offset = int((now.utcoffset() or timedelta()).total_seconds())

        def period(start: float, end: float) -> dict[str, Any]:
            return {
                "timezone": now.tzname(),
                "start": int((midnight + timedelta(hours=start)).timestamp()),
                "end": int((midnight + timedelta(hours=end)).timestamp()),
                "gmtoffset": offset,
            }

        return {
            "currency": "USD",
            "symbol": self.symbol,
            "exchangeName": "NMS",
            "fullExchangeName": "NasdaqGS",
            "instrumentType": "EQUITY",
            "firstTradeDate": self.stamp(self.bars.index[0].date()),
            "regularMarketTime": self.stamp(self.bars.index[-1].date()) + 23400,
            "hasPrePostMarketData": True,
            "gmtoffset": offset,
            "timezone": now.tzname(),
            "exchangeTimezoneName": self.timezone,
            "regularMarketPrice": float(self.bars["close"].iloc[-1]),
            "priceHint": 2,
            "currentTradingPeriod": {
                "pre": period(4, 9.5),
                "regular": period(9.5, 16),
                "post": period(16, 20),
            },
            "dataGranularity": query.get("interval", "1d"),
            "range": query.get("range", ""),
            "validRanges": ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"],
            **self.meta,
        }


def listing(
    symbol: str = "AAPL",
    sessions: int = 120,
    last: date = date(2026, 6, 30),
    *,
    dividend: float = 0.25,
    split: float = 4.0,
) -> Listing:
    """Return made-up bars ending at `last`: a split halfway, a dividend at three quarters."""
    first = last - timedelta(days=2 * sessions + 30)
    days = sessions_between("XNYS", first, last).days[-sessions:]
    random = np.random.default_rng(7)
    close = np.round(200 * np.exp(np.cumsum(random.normal(0.0005, 0.015, sessions))), 2)
    opened = np.round(close * (1 + random.normal(0, 0.004, sessions)), 2)
    high = np.round(np.maximum(opened, close) * (1 + abs(random.normal(0, 0.004, sessions))), 2)
    low = np.round(np.minimum(opened, close) * (1 - abs(random.normal(0, 0.004, sessions))), 2)
    volume = random.integers(30_000_000, 90_000_000, sessions)
    bars = pd.DataFrame(
        {"open": opened, "high": high, "low": low, "close": close, "adj_close": close}, index=days
    ).assign(volume=volume)
    made = Listing(symbol, bars)
    if split:
        made.splits[days[sessions // 2].date()] = (split, 1.0)
    return pay(made, days[sessions * 3 // 4].date(), dividend) if dividend else made


def pay(old: Listing, day: date, amount: float) -> Listing:
    """Return the listing after a dividend: the adjusted closes before `day` shrink."""
    before = old.bars.index < pd.Timestamp(day)
    factor = 1 - amount / float(old.bars["close"][before].iloc[-1])
    bars = old.bars.assign(
        adj_close=old.bars["adj_close"].where(~before, old.bars["adj_close"] * factor)
    )
    return replace(old, bars=bars, dividends={**old.dividends, day: amount})


def divide(old: Listing, day: date, ratio: float) -> Listing:
    """Return the listing after a split: prices on the new scale throughout, the past's too."""
    prices = ["open", "high", "low", "close", "adj_close"]
    bars = old.bars.astype({"volume": "float64"})
    bars[prices] /= ratio
    bars["volume"] *= ratio
    return replace(
        old,
        bars=bars,
        dividends={when: paid / ratio for when, paid in old.dividends.items()},
        splits={**old.splits, day: (ratio, 1.0)},
    )


@dataclass
class Fault:
    """A reply in place of the normal one, for the next `times` requests of a kind (None: all)."""

    kind: str
    reply: Reply | Callable[[Reply], Reply]
    times: int | None = None
    when: Callable[[Mapping[str, str]], bool] = lambda _: True


class FakeYahoo:
    """Answers for Yahoo's hosts; add listings and faults, then look at `kinds`."""

    def __init__(self) -> None:
        self.listings: dict[str, Listing] = {}
        self.faults: list[Fault] = []
        self.kinds: list[str] = []
        self._lock = threading.Lock()

    def add(self, *listings: Listing) -> None:
        self.listings.update({item.symbol: item for item in listings})

    def __call__(self, request: Request) -> Reply:
        kind, normal = self._route(request)
        with self._lock:
            self.kinds.append(kind)
            for fault in self.faults:
                if fault.kind in (kind, "any") and fault.times != 0 and fault.when(request.query):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault.reply(normal) if callable(fault.reply) else fault.reply
        return normal

    def _route(self, request: Request) -> tuple[str, Reply]:
        path, last = request.path, request.path.rpartition("/")[2]
        if request.host in PREAMBLE:
            return PREAMBLE[request.host]
        if path == "/v1/test/getcrumb":
            return "crumb", Reply(body=b"aBcD/eF.123")
        if path.startswith("/v8/finance/chart/"):
            known = self.listings.get(last)
            if known is None:
                return "chart", Reply.of(NOT_FOUND, 404)
            return "chart", Reply.of(known.chart(request.query))
        return "other", self._about_unknown(path, last)

    def _about_unknown(self, path: str, symbol: str) -> Reply:
        """Answer what yfinance asks when a symbol has no time zone."""
        if path.startswith("/v10/finance/quoteSummary/"):
            error = {"code": "Not Found", "description": f"Quote not found for symbol: {symbol}"}
            return Reply.of({"quoteSummary": {"result": None, "error": error}}, 404)
        if path == "/v7/finance/quote":
            return Reply.of({"quoteResponse": {"result": [], "error": None}})
        return Reply.of({"timeseries": {"result": [{"meta": {"symbol": [symbol]}}]}})


def edited(change: Callable[[dict[str, Any]], None]) -> Callable[[Reply], Reply]:
    """Return a fault's reply: the normal one with its chart changed in place."""

    def reply(normal: Reply) -> Reply:
        data = json.loads(normal.body)
        if data["chart"]["result"] and data["chart"]["result"][0].get("timestamp"):
            change(data["chart"]["result"][0])
        return Reply.of(data)

    return reply


def asks_for_range(query: Mapping[str, str]) -> bool:
    """Tell the request for bars from the one that only learns the time zone."""
    return "period1" in query
