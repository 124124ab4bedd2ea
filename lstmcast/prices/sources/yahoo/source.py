"""Yahoo Finance through yfinance, with what yfinance leaves to its caller.

One call of yfinance (`Ticker.history`) does the talking. Around it: a time budget over all
requests, retries of what may pass, errors by the status that Yahoo sent, and a look at the answer
as it came. Prices are stored as Yahoo gives them, adjusted for splits and not for dividends, with
`adj_close` beside them for both.

Yahoo's terms allow personal use; none of its data comes with lstmcast.
"""

import warnings
from datetime import date
from typing import ClassVar

import pandas as pd

from lstmcast.prices.bars import session_dates
from lstmcast.prices.findings import Finding
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.sources.http import PER_REQUEST, GuardedSession
from lstmcast.prices.sources.retry import ask_patiently
from lstmcast.prices.sources.yahoo.chart import Chart, read_chart, unreadable
from lstmcast.prices.sources.yahoo.client import failures, load_yfinance
from lstmcast.prices.sources.yahoo.errors import Wanted, explain
from lstmcast.prices.symbols import normalise_symbol

CHART = "/v8/finance/chart/"

NAMES = {
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Adj Close": "adj_close",
    "Volume": "volume",
    "Dividends": "dividends",
    "Stock Splits": "splits",
}


class YahooSource:
    """Daily bars from Yahoo Finance."""

    name: ClassVar[str] = "yahoo"
    incremental: ClassVar[bool] = True

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self.session = GuardedSession(CHART, options.proxy, options.ca_bundle)

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the finished bars of `symbol` from `start` to `end`, both included."""
        wanted = Wanted(normalise_symbol(symbol), start, end)
        self.session.allow(self.options.timeout)
        budget = self.options.timeout
        (bars, chart), tries = ask_patiently(lambda: self._ask(wanted), budget)
        details = {
            "instrument": chart.instrument or "",
            "tries": str(tries),
            "requests": str(len(self.session.exchanges)),
            "repaired": "yes" if self.options.repair else "no",
        }
        return self._history(wanted, bars, chart, details)

    def _ask(self, wanted: Wanted) -> tuple[pd.DataFrame, Chart]:
        """Try once; every way in which that fails becomes an error of lstmcast's own."""
        yfinance = load_yfinance()
        from yfinance.data import YfData

        YfData.cache_get.cache_clear()  # it keeps bad answers, a 500 too, for the process's life
        # No `end`: that keeps the answer out of the same cache. The days after it are cut later.
        start = wanted.start
        asked = {"period": "max"} if start is None else {"start": start.isoformat()}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a dozen of pandas' deprecations for each call
                bars = yfinance.Ticker(wanted.symbol, session=self.session).history(
                    **asked,
                    interval="1d",
                    auto_adjust=False,
                    actions=True,
                    repair=self.options.repair,
                    keepna=True,
                    raise_errors=True,
                    timeout=PER_REQUEST,
                )
        except failures() as error:
            said = explain(error, self.session.last_answer, wanted, self.options.timeout)
            raise self.session.told(said) from error
        # the time-zone probe before it asks for a range, and a repair asks for hours
        answers = [
            item.body
            for item in self.session.exchanges
            if item.status == 200
            and item.params.get("interval") == "1d"
            and "period1" in item.params
        ]
        if not answers:
            raise unreadable(wanted.symbol, "no bars of a day were received")
        return bars, read_chart(answers[-1], wanted.symbol)

    def _history(
        self, wanted: Wanted, bars: pd.DataFrame, chart: Chart, details: dict[str, str]
    ) -> PriceHistory:
        findings = chart.findings()
        now = pd.Timestamp.now("UTC")
        bars = bars.rename(columns=NAMES)
        while len(bars) and chart.is_unfinished(bars.index[-1], now):
            day = str(bars.index[-1].date())
            bars = bars.iloc[:-1]
            findings.append(
                Finding(
                    "unfinished_bar", "note", f"the unfinished bar of {day} was left out", (day,)
                )
            )
        bars.index = session_dates(bars.index, wanted.symbol)
        bars = with_numbers(bars, chart.doubled)
        start, end = wanted.start and str(wanted.start), wanted.end and str(wanted.end)
        bars = bars.loc[slice(start, end)]
        if bars.empty:
            raise wanted.no_bars()
        return PriceHistory.from_frame(
            bars,
            symbol=wanted.symbol,
            source=self.name,
            currency=chart.currency,
            exchange=chart.exchange,
            timezone=chart.timezone,
            details=details,
            findings=findings,
            accept_suspect=self.options.accept_suspect,
        )


def with_numbers(bars: pd.DataFrame, doubled: pd.DataFrame) -> pd.DataFrame:
    """Return bars in which a day that was sent twice has the numbers of its other row.

    yfinance keeps the first row of a day, which may be the empty one.
    """
    days = bars.index.intersection(doubled.index)
    empty = days[bars.loc[days, "close"].isna()]
    if not len(empty):
        return bars
    filled = bars.copy()
    for name in doubled.columns.intersection(bars.columns):
        filled[name] = filled[name].astype("float64")
        filled.loc[empty, name] = doubled.loc[empty, name]
    return filled
