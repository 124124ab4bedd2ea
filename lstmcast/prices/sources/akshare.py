"""Chinese shares from Eastmoney through AKShare, which needs no token.

AKShare is an optional extra (`pip install lstmcast[akshare]`). It is asked twice: for prices as
traded, and for closes adjusted forward ("qfq"), which carry splits and dividends as `adj_close`.
Eastmoney bars addresses that ask often; a table that comes empty may mean just that.
"""

import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from datetime import time as clock
from typing import Any, ClassVar
from unittest.mock import patch

import pandas as pd

from lstmcast.errors import (
    BadResponseError,
    NetworkTroubleError,
    NoDataInRangeError,
    SymbolNotFoundError,
    UsageError,
)
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.sources.http import ANSWER_BYTES, plain
from lstmcast.prices.sources.retry import ask_patiently
from lstmcast.prices.symbols import normalise_symbol
from lstmcast.reading import size

_CODE = re.compile(r"(\d{6})(?:\.(?:SS|SH|SZ|BJ))?")
LOT = 100
ZONE = "Asia/Shanghai"
FINISHED = clock(15, 20)
"""When a day's bar changes no more: the close at three, and twenty minutes."""
NAMES = {
    "开盘": "open",
    "最高": "high",
    "最低": "low",
    "收盘": "close",
    "成交量": "volume",
}
DATE = "日期"
"""AKShare's column names: date; open, high, low, close, volume in lots of 100 shares."""


class AkshareSource:
    """Daily bars of Shanghai, Shenzhen and Beijing."""

    name: ClassVar[str] = "akshare"
    incremental: ClassVar[bool] = True

    def __init__(self, options: SourceOptions) -> None:
        if options.proxy is not None or options.ca_bundle is not None:
            raise UsageError(
                "AKShare does not use `--proxy` and `--ca-bundle`",
                hint="set HTTPS_PROXY and REQUESTS_CA_BUNDLE instead",
            )
        self.options = options
        self.akshare = _load()

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the bars of `symbol`, such as 600036.SS, from `start` to `end`, both included."""
        symbol = normalise_symbol(symbol)
        match = _CODE.fullmatch(symbol)
        if match is None:
            raise SymbolNotFoundError(
                f"AKShare covers Chinese shares only, and {symbol} is not one",
                hint="codes are written 600036.SS, 000001.SZ or 430047.BJ",
            )
        started = time.monotonic()
        span = {
            "start_date": f"{start or date(1970, 1, 1):%Y%m%d}",
            "end_date": f"{end or date(2050, 1, 1):%Y%m%d}",
        }
        raw, tries = ask_patiently(lambda: self._ask(match[1], span, ""), self.options.timeout)
        if raw.empty:
            raise NoDataInRangeError(
                f"AKShare has no bars of {symbol} from {start or 'its start'} to {end or 'today'}",
                hint="check the code; too many requests from one address also return nothing",
            )
        left = self.options.timeout - (time.monotonic() - started)
        adjusted, more = ask_patiently(lambda: self._ask(match[1], span, "qfq"), left)
        bars = raw.assign(adj_close=adjusted["close"] if len(adjusted) else float("nan"))
        bars["volume"] *= LOT
        bars, findings = _finished(bars)
        return PriceHistory.from_frame(
            bars,
            symbol=symbol,
            source=self.name,
            currency="CNY",
            timezone=ZONE,
            details={"code": match[1], "tries": str(tries + more), "from": "Eastmoney"},
            findings=findings,
            accept_suspect=self.options.accept_suspect,
        )

    def _ask(self, code: str, span: dict[str, str], adjust: str) -> pd.DataFrame:
        import requests

        # connecting and each wait for data may take this long, so four of them stay in the budget
        patience = self.options.timeout / 4
        try:
            with warnings.catch_warnings(), _bounded():
                warnings.simplefilter("ignore")
                table = self.akshare.stock_zh_a_hist(
                    symbol=code, period="daily", adjust=adjust, timeout=patience, **span
                )
        except requests.exceptions.JSONDecodeError as error:
            raise _unreadable(code, error) from error
        except requests.RequestException as error:
            raise NetworkTroubleError(
                f"Eastmoney could not be reached: {plain(error)}",
                hint="check the connection, or HTTPS_PROXY and REQUESTS_CA_BUNDLE",
                reached=not isinstance(error, requests.ConnectionError),
            ) from error
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise _unreadable(code, error) from error
        if table.empty:
            return pd.DataFrame()
        bars = pd.DataFrame(table).rename(columns=NAMES)
        bars.index = pd.DatetimeIndex(pd.to_datetime(bars[DATE]))
        return bars[list(NAMES.values())].astype("float64")


@contextmanager
def _bounded() -> Iterator[None]:
    """AKShare opens sessions of its own: let none of their answers grow without end."""
    import requests

    original = requests.Response.iter_content

    def counted(self: requests.Response, *args: Any, **options: Any) -> Iterator[bytes]:
        total = 0
        for piece in original(self, *args, **options):
            total += len(piece)
            if total > ANSWER_BYTES:
                raise requests.exceptions.ContentDecodingError(
                    f"the answer has more than {size(ANSWER_BYTES)}"
                )
            yield piece

    with patch.object(requests.Response, "iter_content", counted):
        yield


def _finished(bars: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Leave today's bar out until the session is over: Eastmoney serves it as it forms."""
    now = pd.Timestamp.now(ZONE)
    last = bars.index[-1]
    if last.date() != now.date() or now.time() > FINISHED:
        return bars, []
    day = str(last.date())
    note = Finding("unfinished_bar", "note", f"the unfinished bar of {day} was left out", (day,))
    return bars.iloc[:-1], [note]


def _load() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import akshare
    except ImportError as error:
        raise UsageError(
            f"`--source akshare` needs a package that is not installed: {error}",
            hint="`pip install 'lstmcast[akshare]'`",
        ) from error
    return akshare


def _unreadable(code: str, error: Exception) -> BadResponseError:
    return BadResponseError(
        f"Eastmoney's answer for {code} cannot be read: {plain(error)}", hint="try again later"
    )
