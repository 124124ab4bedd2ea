"""The bundled sample: four American stocks over 13 years, for trying lstmcast without a network.

AAPL, IBM and MSFT from 2000-03-01 and GOOG from 2004-08-19, all to 2013-03-01: daily bars of the
Quandl WIKI database, which was given to the public domain. Prices are as traded, with
splits not applied; `adj_close` carries splits and dividends. `sample_data/README.md` tells where
the file is from and `scripts/build_sample.py` wrote it.
"""

from datetime import date
from importlib.resources import files
from typing import ClassVar

import pandas as pd

from lstmcast.errors import SymbolNotFoundError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.prices.symbols import normalise_symbol

RESOURCE = "sample_data/wiki-2000-2013.csv.gz"


class SampleSource:
    """Bars from the file that comes with lstmcast."""

    name: ClassVar[str] = "sample"
    incremental: ClassVar[bool] = False

    def __init__(self, options: SourceOptions) -> None:
        self.accept_suspect = options.accept_suspect

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the bundled bars of `symbol`, from `start` to `end`, both included."""
        symbol = normalise_symbol(symbol)
        every = read_sample()
        bars = every[every["symbol"] == symbol]
        if bars.empty:
            raise SymbolNotFoundError(
                f"the sample holds {', '.join(sorted(every['symbol'].unique()))}, not {symbol}",
                hint=f"`lstmcast fetch {symbol}` asks Yahoo",
            )
        history = PriceHistory.from_frame(
            bars.set_index("date"),
            symbol=symbol,
            source=self.name,
            currency="USD",
            exchange="NMS" if symbol != "IBM" else "NYQ",
            timezone="America/New_York",
            details={"origin": "Quandl WIKI, public domain"},
            accept_suspect=self.accept_suspect,
        )
        return history.between(start, end)


def read_sample() -> pd.DataFrame:
    """Return every row of the bundled file: `symbol`, `date`, prices and `volume`."""
    with files("lstmcast.prices.sources").joinpath(RESOURCE).open("rb") as file:
        return pd.read_csv(file, compression="gzip", parse_dates=["date"])
