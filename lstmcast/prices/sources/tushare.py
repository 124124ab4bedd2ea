"""Chinese shares from Tushare, whose HTTP protocol is spoken here directly.

The package of that name sends the token over plain HTTP and writes it into the home folder; this
module sends it over HTTPS alone and keeps it nowhere. It comes from the environment variable
`TUSHARE_TOKEN`, never from the command line, where other users of the machine could read it.

`daily` gives raw prices, newest first, volume in lots of 100 shares. `adj_factor` gives the factor
that carries splits and dividends; accounts without the right to it get raw prices and are told so.
"""

import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, ClassVar

import pandas as pd

from lstmcast.errors import (
    BadResponseError,
    BlockedError,
    LstmcastError,
    NoDataInRangeError,
    RateLimitedError,
    SymbolNotFoundError,
    UsageError,
)
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.sources.http import OTHER_SOURCES, GuardedSession
from lstmcast.prices.sources.retry import ask_patiently
from lstmcast.prices.symbols import normalise_symbol
from lstmcast.reading import parse_json

URL = "https://api.tushare.pro/"
TOKEN = "TUSHARE_TOKEN"  # noqa: S105  # the name of the variable, not a token
ROWS = 6000
"""Most rows in one answer."""
EARLIEST = date(1990, 1, 1)
LOT = 100
_CODE = re.compile(r"(\d{6})\.(SH|SS|SZ|BJ)")
_EXCHANGES = {"SH": "SSE", "SZ": "SZSE", "BJ": "BSE"}

NO_RIGHT = (2002, 40203)
BAD_TOKEN = (-2001, 40101)
TOO_OFTEN = "每分钟"  # "per minute", in the text of every limit


class NoRightError(BlockedError):
    """The account may not call this part of the API."""


class TushareSource:
    """Daily bars of Shanghai, Shenzhen and Beijing."""

    name: ClassVar[str] = "tushare"
    incremental: ClassVar[bool] = True

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self.token = os.environ.get(TOKEN, "").strip()
        if not self.token:
            raise UsageError(
                f"`{TOKEN}` is not set, and Tushare requires a token",
                hint=f"register at tushare.pro, then `export {TOKEN}=...`",
            )
        self.session = GuardedSession("/", options.proxy, options.ca_bundle)

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the bars of `symbol`, such as 600036.SH, from `start` to `end`, both included."""
        symbol = normalise_symbol(symbol)
        code = _code(symbol)
        self.session.allow(self.options.timeout)
        span = (start or EARLIEST, end or date.today())  # noqa: DTZ011  # any zone's today will do
        bars = self._table("daily", code, span, "trade_date,open,high,low,close,vol")
        if bars.empty:
            raise NoDataInRangeError(
                f"Tushare has no bars of {symbol} from {span[0]} to {span[1]}",
                hint="check the code and the dates",
            )
        bars = bars.rename(columns={"vol": "volume"})
        bars["volume"] *= LOT
        bars, findings = self._adjusted(bars, code, span)
        return PriceHistory.from_frame(
            bars,
            symbol=symbol,
            source=self.name,
            currency="CNY",
            exchange=_EXCHANGES[code[-2:]],
            timezone="Asia/Shanghai",
            details={"code": code, "requests": str(len(self.session.exchanges))},
            findings=findings,
            accept_suspect=self.options.accept_suspect,
        )

    def _adjusted(
        self, bars: pd.DataFrame, code: str, span: tuple[date, date]
    ) -> tuple[pd.DataFrame, list[Finding]]:
        """Add `adj_close`, on the scale of the newest bar, where the account may know it."""
        try:
            factors = self._table("adj_factor", code, span, "trade_date,adj_factor")
        except NoRightError:
            factors = pd.DataFrame()
        if factors.empty:
            return bars, [
                Finding(
                    "raw_prices",
                    "warning",
                    "prices are unadjusted: this account may not read `adj_factor`, so splits and"
                    " dividends show as jumps",
                )
            ]
        factor = factors["adj_factor"].reindex(bars.index).ffill().bfill()
        newest = factor.loc[bars.index.max()]
        return bars.assign(adj_close=bars["close"] * factor / newest), []

    def _table(self, name: str, code: str, span: tuple[date, date], fields: str) -> pd.DataFrame:
        """Return a whole table by date: page after page, each with the rows before the last."""
        pages = list(self._pages(name, code, span, fields))
        table = pd.DataFrame([row for page in pages for row in page], columns=fields.split(","))
        table.index = pd.to_datetime(table.pop("trade_date"), format="%Y%m%d")
        return table[~table.index.duplicated()].sort_index().astype("float64")

    def _pages(
        self, name: str, code: str, span: tuple[date, date], fields: str
    ) -> Iterator[list[list[Any]]]:
        until = span[1]
        while until >= span[0]:
            params = {
                "ts_code": code,
                "start_date": f"{span[0]:%Y%m%d}",
                "end_date": f"{until:%Y%m%d}",
            }
            page, _ = ask_patiently(
                lambda params=params: self._ask(name, params, fields),  # type: ignore[misc]  # loop
                self.options.timeout,
            )
            yield page
            if len(page) < ROWS:
                return
            until = min(pd.Timestamp(row[0]).date() for row in page) - timedelta(days=1)

    def _ask(self, name: str, params: dict[str, str], fields: str) -> list[list[Any]]:
        """Return one page's rows, their values in the order of `fields`."""
        question = {"api_name": name, "token": self.token, "params": params, "fields": fields}
        answer = self.session.read("Tushare", "POST", URL, json=question)
        try:
            data = parse_json(answer.body)
            if data["code"] != 0:
                raise _refused(data["code"], " ".join(str(data.get("msg")).split())[:160])
            order = [data["data"]["fields"].index(field) for field in fields.split(",")]
            return [[item[at] for at in order] for item in data["data"]["items"]]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise BadResponseError(
                f"Tushare's answer cannot be read (HTTP {answer.status}): {type(error).__name__}",
                hint="try again later",
            ) from error


def _code(symbol: str) -> str:
    """Return Tushare's code of a symbol, which may have Yahoo's suffix for Shanghai."""
    match = _CODE.fullmatch(symbol)
    if match is None:
        raise SymbolNotFoundError(
            f"Tushare covers Chinese shares only, and {symbol} is not one",
            hint="codes are written 600036.SH, 000001.SZ or 430047.BJ",
        )
    return f"{match[1]}.{match[2].replace('SS', 'SH')}"


def _refused(code: int, text: str) -> LstmcastError:
    said = f"Tushare refuses ({code}): {text[:120]}"
    if TOO_OFTEN in text:
        return RateLimitedError(said, hint=f"wait a minute, {OTHER_SOURCES}")
    if code in NO_RIGHT:
        return NoRightError(said, hint=f"the account lacks the points for it; {OTHER_SOURCES}")
    if code in BAD_TOKEN:
        return BlockedError(said, hint=f"check `{TOKEN}`")
    return BadResponseError(said, hint=f"try again later, {OTHER_SOURCES}")
