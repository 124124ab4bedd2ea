"""From a prediction table to what a chart draws: one symbol, one horizon, in prices.

Quantiles of the log return become prices exactly, `close_origin * exp(q)`, because the exponential
keeps order: the price at a quantile of the return is that quantile of the price.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.errors import DataError, UsageError
from lstmcast.evaluation.significance import enough_days
from lstmcast.predictions import RANGES, inside_ranges

FloatArray = NDArray[np.float64]

_NEEDED = (
    *("symbol", "origin", "date", "horizon", "close_origin", "close_actual", "return_actual"),
    *("q50", "mean"),
)
_BANDS = (95, 80)
"""The ranges that are drawn, in %, the widest first."""


@dataclass(frozen=True)
class Band:
    """A central range of prices, session by session; NaN where none was stated.

    Args:
        percent: the probability that the range claims to hold.
        low: `(rows,)` its lower end.
        high: `(rows,)` its upper end.
        inside: `(rows,)` 1 where it contained the close, 0 where not, NaN where it is not known.
    """

    percent: int
    low: FloatArray
    high: FloatArray
    inside: FloatArray

    @property
    def stated(self) -> bool:
        """Whether any row has this range."""
        return bool((np.isfinite(self.low) & np.isfinite(self.high)).any())

    @property
    def coverage(self) -> float:
        """Share of the known closes that it contained; NaN without any."""
        known = self.inside[np.isfinite(self.inside)]
        return float(known.mean()) if known.size else float("nan")


@dataclass(frozen=True)
class PriceForecasts:
    """The forecasts of one symbol at one horizon, in prices, in the order of their dates.

    Args:
        symbol: the symbol.
        horizon: sessions from origin to date.
        origins: the sessions at whose close the forecasts were made.
        dates: the sessions that they are about.
        previous: `(rows,)` closes at the origins, which are also the random walk's forecasts.
        actual: `(rows,)` closes that came; NaN where not known.
        median: `(rows,)` the forecast: the median, or the single number of a point model.
        bands: the stated ranges, the widest first; empty for a point model.
    """

    symbol: str
    horizon: int
    origins: pd.DatetimeIndex
    dates: pd.DatetimeIndex
    previous: FloatArray
    actual: FloatArray
    median: FloatArray
    bands: tuple[Band, ...]

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def conclusive(self) -> bool:
        """Whether there are sessions enough for an error or a share to tell anything."""
        return enough_days(len(self), self.horizon)

    def last(self, count: int) -> "PriceForecasts":
        """The last `count` rows."""
        return self._some(slice(max(0, len(self) - count), None))

    def until(self, date: pd.Timestamp) -> "PriceForecasts":
        """The rows whose close came by a date."""
        return self._some(slice(0, int(self.dates.searchsorted(date, side="right"))))

    def after(self, date: pd.Timestamp) -> "PriceForecasts":
        """The rows whose close came after a date."""
        return self._some(slice(int(self.dates.searchsorted(date, side="right")), None))

    def on_basis_of(self, closes: "pd.Series[float]") -> "PriceForecasts":
        """The same in prices of which the closes are: a later dividend re-bases earlier ones."""
        if self.origins[0] not in closes.index:
            return self
        factor = float(closes.loc[self.origins[0]]) / float(self.previous[0])
        return replace(
            self,
            previous=factor * self.previous,
            actual=factor * self.actual,
            median=factor * self.median,
            bands=tuple(
                replace(band, low=factor * band.low, high=factor * band.high) for band in self.bands
            ),
        )

    def _some(self, rows: slice) -> "PriceForecasts":
        return PriceForecasts(
            self.symbol,
            self.horizon,
            self.origins[rows],
            self.dates[rows],
            self.previous[rows],
            self.actual[rows],
            self.median[rows],
            tuple(
                Band(band.percent, band.low[rows], band.high[rows], band.inside[rows])
                for band in self.bands
            ),
        )

    def rmse(self) -> float:
        """Root mean squared error of the forecast, in the currency."""
        return _root_mean_square(self.actual - self.median)

    def rmse_of_random_walk(self) -> float:
        """Root mean squared error of "it stays where it is" on the same rows, in the currency."""
        known = np.where(np.isfinite(self.median), self.actual - self.previous, np.nan)
        return _root_mean_square(known)

    def outside(self) -> NDArray[np.bool_]:
        """Which closes fell outside the widest range."""
        if not self.bands:
            return np.zeros(len(self), dtype=np.bool_)
        missed: NDArray[np.bool_] = self.bands[0].inside == 0
        return missed

    def extent(self) -> tuple[float, float]:
        """The lowest and the highest price that a chart of these rows has to hold."""
        ends = [end for band in self.bands for end in (band.low, band.high)]
        drawn = np.concatenate([self.actual, self.median, self.previous, *ends])
        return float(np.nanmin(drawn)), float(np.nanmax(drawn))


def select(predictions: pd.DataFrame, symbol: str | None, horizon: int) -> PriceForecasts:
    """Take one symbol and one horizon out of a prediction table.

    Args:
        predictions: the table of `predictions.parquet`.
        symbol: which symbol; None if the table has just one.
        horizon: sessions ahead.

    Raises:
        DataError: if the table is empty or lacks a column.
        UsageError: if the symbol or the horizon is not in it, or several symbols are and none is
            named.
    """
    ends = [name for percent in _BANDS for name in RANGES[percent]]
    missing = [name for name in (*_NEEDED, *ends) if name not in predictions.columns]
    if missing:
        raise DataError(
            f"`predictions` lacks {', '.join(missing)}", "train the run again with `lstmcast train`"
        )
    if predictions.empty:
        raise DataError(
            "`predictions` has no rows, so there is nothing to draw",
            "give the test period more sessions in `split`",
        )
    name = _choose_symbol(predictions, symbol)
    of_symbol = predictions[predictions["symbol"] == name]
    horizons = sorted({int(value) for value in of_symbol["horizon"]})
    if horizon not in horizons:
        raise UsageError(
            f"`horizon` {horizon} was not forecast for {name}",
            f"choose from {', '.join(map(str, horizons))}",
        )
    return _in_prices(of_symbol[of_symbol["horizon"] == horizon], name, horizon)


def _choose_symbol(predictions: pd.DataFrame, symbol: str | None) -> str:
    symbols = [str(name) for name in predictions["symbol"].unique()]
    if symbol is None:
        if len(symbols) > 1:
            raise UsageError(
                f"`symbol` is needed: the run has {len(symbols)} of them",
                f"choose from {', '.join(symbols)}",
            )
        return symbols[0]
    if symbol not in symbols:
        raise UsageError(
            f"`symbol` {symbol} is not in the run", f"choose from {', '.join(symbols)}"
        )
    return symbol


def _in_prices(table: pd.DataFrame, symbol: str, horizon: int) -> PriceForecasts:
    table = table.assign(
        origin=pd.to_datetime(table["origin"]), date=pd.to_datetime(table["date"])
    ).sort_values("date", kind="stable")
    previous = _floats(table["close_origin"])
    point = _floats(table["q50"].astype("float64").fillna(table["mean"].astype("float64")))
    inside = inside_ranges(table)
    bands = tuple(
        Band(
            percent,
            previous * np.exp(_floats(table[low])),
            previous * np.exp(_floats(table[high])),
            inside[f"inside_{percent}"],
        )
        for percent, (low, high) in ((percent, RANGES[percent]) for percent in _BANDS)
    )
    return PriceForecasts(
        symbol=symbol,
        horizon=horizon,
        origins=pd.DatetimeIndex(table["origin"]),
        dates=pd.DatetimeIndex(table["date"]),
        previous=previous,
        actual=_floats(table["close_actual"]),
        median=previous * np.exp(point),
        bands=tuple(band for band in bands if band.stated),
    )


def _floats(column: pd.Series) -> FloatArray:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _root_mean_square(errors: FloatArray) -> float:
    known = errors[np.isfinite(errors)]
    return float(np.sqrt(np.mean(known**2))) if known.size else float("nan")
