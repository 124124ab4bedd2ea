"""Prices that a program has already, as histories: DataFrames as yfinance and others hand them out.

Names of columns are read as they are commonly written (`Adj Close`, `adj_close`, `Stock Splits`);
what is in them passes the same rules as prices of every source.
"""

from collections.abc import Hashable, Mapping

import pandas as pd

from lstmcast.errors import DataError, UsageError
from lstmcast.prices.bars import COLUMNS
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.symbols import OWN, normalise_symbol

SYMBOL_COLUMNS = ("symbol", "ticker", "unique_id")
DATE_COLUMNS = ("date", "datetime", "ds", "timestamp")

_OTHER_NAMES = {
    "adjclose": "adj_close",
    "adjusted_close": "adj_close",
    "stock_splits": "splits",
    "split": "splits",
    "dividend": "dividends",
    "vol": "volume",
    **dict.fromkeys(SYMBOL_COLUMNS, "symbol"),
    **dict.fromkeys(DATE_COLUMNS, "date"),
}


def histories_of(
    prices: "pd.DataFrame | pd.Series | Mapping[str, pd.DataFrame]",
    symbol: str | None = None,
    *,
    currency: str | None = None,
    exchange: str | None = None,
    timezone: str | None = None,
    accept_suspect: bool = False,
) -> list[PriceHistory]:
    """Check prices in memory, and return the history of each symbol.

    Args:
        prices: a frame of one symbol, indexed by date or with a column of dates; a frame of several
            with a column `symbol`; one with two levels of columns, as `yfinance.download` returns
            it; a series of closes; or frames by symbol. Only `close` is required.
        symbol: whose prices they are, where they do not say.
        currency: ISO code of the prices, for texts.
        exchange: ISO code (MIC) of the exchange, whose calendar dates the sessions to come.
        timezone: IANA name of the exchange's time zone.
        accept_suspect: leave impossible rows out instead of refusing the prices.

    Raises:
        UsageError: if it is not told whose prices they are.
        DataError: if they cannot be prices; the message says which row or column.
    """
    if isinstance(prices, Mapping):
        parts = {str(name): _flat(frame, str(name)) for name, frame in prices.items()}
    elif isinstance(prices, pd.Series):
        name = _named(symbol or prices.name)
        parts = {name: prices.to_frame("close")}
    elif prices.columns.nlevels > 1:
        parts = _by_level(prices, symbol)
    else:
        parts = _by_column(_flat(prices, symbol or "prices"), symbol)
    if not parts:
        raise UsageError("no prices were given", "give a frame with a row for each session")
    return [
        PriceHistory.from_frame(
            _dated(frame, name),
            symbol=name,
            source=OWN,
            currency=currency,
            exchange=exchange,
            timezone=timezone,
            accept_suspect=accept_suspect,
        )
        for name, frame in parts.items()
    ]


def _named(symbol: Hashable) -> str:
    if symbol is None:
        raise UsageError(
            "`symbol` is missing: the prices name no symbol",
            "give it, as in `load_prices(frame, symbol='AAPL')`",
        )
    return normalise_symbol(str(symbol))


def _flat(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The frame with the names of columns that lstmcast knows.

    Raises:
        DataError: if two columns have one meaning.
    """
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(
            f"`prices` of {where} is a {type(frame).__name__}", "give a pandas DataFrame"
        )
    names = [_column(name) for name in frame.columns]
    known = [name for name in names if name in (*COLUMNS, "date", "symbol")]
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise DataError(
            f"{where}: two columns are `{twice[0]}`: {', '.join(map(str, frame.columns))}",
            "keep one of them",
        )
    return frame.set_axis(names, axis="columns")


def _column(name: Hashable) -> str:
    text = "_".join(str(name).strip().lower().replace("-", " ").replace(".", " ").split())
    return _OTHER_NAMES.get(text, text)


def _by_column(frame: pd.DataFrame, symbol: str | None) -> dict[str, pd.DataFrame]:
    """The rows of each symbol, where a column names it."""
    if "symbol" not in frame.columns:
        return {_named(symbol): frame}
    if frame["symbol"].isna().any():
        raise DataError("a row has no `symbol`", "drop such rows")
    parts = {_named(name): rows.drop(columns="symbol") for name, rows in frame.groupby("symbol")}
    return parts if symbol is None else {_named(symbol): _among(parts, symbol)}


def _by_level(frame: pd.DataFrame, symbol: str | None) -> dict[str, pd.DataFrame]:
    """The columns of each symbol, in whichever level they are not named like prices."""
    if frame.columns.nlevels == 2:
        for level in (0, 1):
            if "close" in {_column(name) for name in frame.columns.get_level_values(level)}:
                names = frame.columns.get_level_values(1 - level).unique()
                parts = {
                    _named(name): _flat(
                        pd.DataFrame(frame.xs(name, axis="columns", level=1 - level)), str(name)
                    )
                    for name in names
                }
                # Symbols that trade on other days have empty rows in a common index.
                parts = {
                    name: part.dropna(how="all", subset=[c for c in COLUMNS if c in part.columns])
                    for name, part in parts.items()
                }
                return parts if symbol is None else {_named(symbol): _among(parts, symbol)}
    raise DataError(
        "the columns have several levels, and none names a `close`",
        "give one level of columns for each symbol",
    )


def _among(parts: Mapping[str, pd.DataFrame], symbol: str) -> pd.DataFrame:
    wanted = _named(symbol)
    if wanted not in parts:
        raise UsageError(
            f"`symbol` is {symbol}, and the prices are of {', '.join(parts)}", "choose one of them"
        )
    return parts[wanted]


def _dated(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The frame by date, where dates are in a column, text, `date` objects or periods."""
    if "date" in frame.columns and not isinstance(frame.index, pd.DatetimeIndex):
        frame = frame.set_index("date")
    if isinstance(frame.index, pd.PeriodIndex):
        return frame.set_axis(frame.index.to_timestamp(), axis="index")
    if isinstance(frame.index, pd.DatetimeIndex) or not len(frame):
        return frame
    if pd.api.types.is_numeric_dtype(frame.index.dtype):
        raise DataError(
            f"{where}: the rows are numbered, not dated",
            "set the dates as index, or keep them in a column `date`",
        )
    try:
        dates = pd.to_datetime(frame.index, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{where}: the index holds {str(frame.index[0])[:40]!r}, which is not a date",
            "index the rows by date, as `pandas.to_datetime` makes them",
        ) from error
    return frame.set_axis(dates, axis="index")
