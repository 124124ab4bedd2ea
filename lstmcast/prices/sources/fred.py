"""Macroeconomic series from FRED, the database of the Federal Reserve Bank of St. Louis.

Its graphs can be had as CSV without a key. The numbers are levels (a rate, an index), not prices:
they serve as context for a forecast and are never the thing forecast.

Two things to know before using one. An observation is dated by the period it describes: consumer
prices of January are dated 1 January and published in mid-February, so a publication lag belongs to
every series (`lstmcast.features.context`). And FRED gives the numbers as revised since, not as
first published; where they are revised, what a model learns from them is a little too good.
"""

import io
import re
from datetime import date
from typing import ClassVar

import pandas as pd

from lstmcast.errors import BadResponseError, NoDataInRangeError, SymbolNotFoundError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.sources.http import GuardedSession
from lstmcast.prices.sources.retry import ask_patiently
from lstmcast.prices.symbols import normalise_symbol

URL = "https://fred.stlouisfed.org/graph/fredgraph.csv"
_SERIES = re.compile(r"[A-Z0-9_]+")


class FredSource:
    """Series of FRED, as histories of levels with a `close` alone."""

    name: ClassVar[str] = "fred"
    incremental: ClassVar[bool] = False  # the past is revised, and the whole series is small

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self.session = GuardedSession("/", options.proxy, options.ca_bundle)

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the observations of a series such as CPIAUCSL, from `start` to `end`."""
        symbol = normalise_symbol(symbol)
        if _SERIES.fullmatch(symbol) is None:
            raise _unknown(symbol)
        self.session.allow(self.options.timeout)
        params = {"id": symbol}
        if start is not None:
            params["cosd"] = start.isoformat()
        if end is not None:
            params["coed"] = end.isoformat()
        table, tries = ask_patiently(lambda: self._ask(symbol, params), self.options.timeout)
        if table.empty:
            raise NoDataInRangeError(
                f"FRED has no observations of {symbol} from {start or 'its start'} to"
                f" {end or 'today'}",
                hint="ask for other dates with `--start` and `--end`",
            )
        return PriceHistory.from_frame(
            table,
            symbol=symbol,
            source=self.name,
            details={"tries": str(tries)},
            kind="level",
        )

    def _ask(self, symbol: str, params: dict[str, str]) -> pd.DataFrame:
        answer = self.session.read("FRED", "GET", URL, params=params)
        if answer.status in (400, 404):
            raise _unknown(symbol)
        try:
            table = pd.read_csv(io.BytesIO(answer.body), na_values=["."])
            days = pd.to_datetime(table.iloc[:, 0], format="%Y-%m-%d")
            levels = table[symbol].astype("float64")
        except (ValueError, KeyError, IndexError, pd.errors.ParserError) as error:
            raise BadResponseError(
                f"FRED's answer for {symbol} cannot be read: {type(error).__name__}",
                hint="try again later; the network's login page may be the cause",
            ) from error
        frame = pd.DataFrame({"close": levels.to_numpy()}, index=pd.DatetimeIndex(days))
        return frame.dropna()  # holidays of a daily series, and what is not published yet


def _unknown(symbol: str) -> SymbolNotFoundError:
    return SymbolNotFoundError(
        f"FRED has no series {symbol}",
        hint="look up its name at fred.stlouisfed.org, such as CPIAUCSL or DGS10",
    )
