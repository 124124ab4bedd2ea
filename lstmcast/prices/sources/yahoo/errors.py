"""What went wrong with Yahoo, in words that a user can act on.

The status that Yahoo sent comes first, what yfinance raised second: it says "possibly delisted" of
refusals, of faults of the server and of time-outs.
"""

import json
from dataclasses import dataclass
from datetime import date

import peewee
from curl_cffi.requests import exceptions as curl

from lstmcast.errors import (
    DataError,
    LstmcastError,
    NoDataInRangeError,
    SourceError,
    SymbolNotFoundError,
)
from lstmcast.prices.sources.http import (
    Exchange,
    OutOfTimeError,
    network_trouble,
    plain,
    rate_limited,
    refusal,
)
from lstmcast.prices.sources.yahoo.chart import unreadable
from lstmcast.reading import parse_json

HOST = "query2.finance.yahoo.com"
MOST_WORDS = 160
"""Characters of Yahoo's own words that are shown: an answer may have megabytes."""


@dataclass(frozen=True)
class Wanted:
    """What was asked of Yahoo: the dates are included, None is the first and the newest."""

    symbol: str
    start: date | None
    end: date | None

    def no_bars(self, reason: str = "") -> NoDataInRangeError:
        """Return the error for an answer without bars, with Yahoo's reason if it gave one."""
        span = f"from {self.start or 'the first session'} to {self.end or 'today'}"
        return NoDataInRangeError(
            f"Yahoo has no finished bars of {self.symbol} {span}"
            + (f": {_in_short(reason)}" if reason else ""),
            hint="ask for other dates with `--start` and `--end`",
        )


def explain(
    error: Exception, answer: Exchange | None, wanted: Wanted, budget: float
) -> LstmcastError:
    """Return what went wrong in one try.

    Args:
        error: what yfinance or the session raised.
        answer: the newest exchange about prices.
        wanted: what was asked.
        budget: the seconds that all requests were allowed.
    """
    connection = OutOfTimeError | curl.RequestException
    if answer is not None and isinstance(answer.failure, connection):
        return network_trouble(answer.failure, HOST, budget)
    by_status = None if answer is None else _by_status(answer, wanted)
    if by_status is not None:
        return by_status
    if isinstance(error, connection):
        return network_trouble(error, HOST, budget)
    return _by_exception(error, wanted)


def _by_status(answer: Exchange, wanted: Wanted) -> LstmcastError | None:
    refused = refusal("Yahoo", answer)
    if refused is not None:
        return refused
    return _by_reason(answer, wanted) if (answer.status or 0) >= 400 else None


def _by_reason(answer: Exchange, wanted: Wanted) -> LstmcastError:
    """Read Yahoo's own words in an answer of 400 or 404."""
    try:
        reason = str(parse_json(answer.body)["chart"]["error"]["description"])
    except (ValueError, KeyError, TypeError):
        return unreadable(wanted.symbol, f"HTTP {answer.status} without a chart")
    if answer.status == 404:
        return SymbolNotFoundError(
            f"Yahoo has no symbol {wanted.symbol}: {_in_short(reason)}",
            hint="share classes take a hyphen (BRK-B), other exchanges a suffix (VOD.L, 600036.SS)",
        )
    return wanted.no_bars(reason)


def _in_short(reason: str) -> str:
    return " ".join(reason.split())[:MOST_WORDS]


def _by_exception(error: Exception, wanted: Wanted) -> LstmcastError:
    from yfinance import exceptions as yf

    if isinstance(error, yf.YFRateLimitError):
        return rate_limited("Yahoo", None)
    if isinstance(error, yf.YFPricesMissingError):
        return wanted.no_bars(error.yahoo_reason or "")
    if isinstance(error, peewee.PeeweeException):
        return SourceError(
            f"the cache of yfinance cannot be used: {plain(error)}",
            hint="delete the folder lstmcast/yfinance in your cache folder and try again",
        )
    if isinstance(error, ImportError):
        return DataError(
            f"`--repair` needs a package that is not installed: {plain(error)}",
            hint="install scipy and scikit-learn, or leave `--repair` out",
        )
    if isinstance(error, json.JSONDecodeError):
        return unreadable(wanted.symbol, "it is not JSON")
    return unreadable(wanted.symbol, f"{type(error).__name__}: {error}")
