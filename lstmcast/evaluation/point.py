"""Tests of the median forecast: is it more than a copy of the last close?

The famous charts in which a forecast hugs the price are forecasts that repeat the last close one
day late. Three looks tell: which shift of the price the forecast fits best, whether it correlates
more with the last close than with the coming one, and whether the move that it forecasts has
anything to do with the move that came. R2 on price levels is not offered: it is near 1 for a copy.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.direction import pesaran_timmermann
from lstmcast.evaluation.plain_values import plain_fields
from lstmcast.evaluation.ratios import skill
from lstmcast.evaluation.significance import (
    degrees_of_freedom,
    long_run_variance,
    newey_west_lags,
)

SHIFTS = 6
"""Shifts of 0 .. 5 sessions are tried."""


@dataclass(frozen=True)
class PointReport:
    """The median forecast of one symbol at one horizon; NaN where it cannot be told.

    Args:
        days: rows.
        best_shift: sessions by which the price must be delayed to fit the forecast best; equal to
            the horizon for a copy of the last close.
        correlation_last: of the forecast price with the last close.
        correlation_actual: of the forecast price with the close that came.
        slope: of the move that came on the move that was forecast: 1 is ideal, 0 no relation
            (Mincer and Zarnowitz 1969, on changes).
        slope_error: its Newey-West standard error.
        slope_p: two-sided p-value of a slope of 0.
        move_correlation: of the move that came with the move that was forecast.
        r2_zero: 1 - squared error of the median over that of "no change".
        r2_mean: the same against the mean of all returns up to the origin.
        hit_rate, expected_hit_rate: of the direction, and what a blind forecast that says "up" as
            often would score.
        up_said: share of medians above the last close; with 0 or 1 the hit rate tells nothing.
        direction_p: one-sided p-value of Pesaran and Timmermann; at one session ahead only.
        bias: mean of the median minus the return that came: below 0, prices are too low.
        off: typical distance of the median from the last close (root mean square, log).
        typical_move: root mean square of the returns that came.
        copies: the forecast fits the last close better than the close that came.
        unmoved: share of the closes that came which are those of the origin.
    """

    days: int
    best_shift: int
    correlation_last: float
    correlation_actual: float
    slope: float
    slope_error: float
    slope_p: float
    move_correlation: float
    r2_zero: float
    r2_mean: float
    hit_rate: float
    expected_hit_rate: float
    up_said: float
    direction_p: float
    bias: float
    off: float
    typical_move: float
    copies: bool
    unmoved: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with null for NaN."""
        return plain_fields(self)


def examine_point(table: pd.DataFrame, bars: pd.DataFrame, horizon: int) -> PointReport:
    """Look at the median forecasts of one symbol.

    Args:
        table: its prediction rows.
        bars: its adjusted bars, which hold every origin.
        horizon: sessions ahead.
    """
    rows = table[table["horizon"] == horizon].sort_values("origin")
    last, close = (_numbers(rows, name) for name in ("close_origin", "close_actual"))
    actual, median = _numbers(rows, "return_actual"), _numbers(rows, "q50")
    price = last * np.exp(median)
    shift = best_shift(price, bars, pd.DatetimeIndex(rows["date"]), close)
    lags = min(newey_west_lags(horizon), len(rows) // 3)
    slope, error = slope_on_changes(actual, median, lags)
    tail = stdtr(degrees_of_freedom(len(rows), lags), -abs(slope / error)) if error > 0 else np.nan
    direction = pesaran_timmermann(actual, median)
    mean = expanding_mean(bars, pd.DatetimeIndex(rows["origin"])) * horizon
    squares = float(np.sum((actual - median) ** 2))
    return PointReport(
        days=len(rows),
        best_shift=shift,
        correlation_last=_correlation(price, last),
        correlation_actual=_correlation(price, close),
        slope=slope,
        slope_error=error,
        slope_p=2 * float(tail),
        move_correlation=_correlation(actual, median) if np.isfinite(slope) else float("nan"),
        r2_zero=skill(squares, float(np.sum(actual**2))),
        r2_mean=skill(squares, float(np.sum((actual - mean) ** 2))),
        hit_rate=direction.hit_rate,
        expected_hit_rate=direction.expected,
        up_said=_share_up(median),
        direction_p=direction.p_value if horizon == 1 else float("nan"),
        bias=float(np.mean(median - actual)),
        off=float(np.sqrt(np.mean(median**2))),
        typical_move=float(np.sqrt(np.mean(actual**2))),
        copies=shift == horizon,
        unmoved=float(np.mean(actual == 0)),
    )


def best_shift(
    price: FloatArray, bars: pd.DataFrame, dates: pd.DatetimeIndex, close: FloatArray
) -> int:
    """Delay in sessions at which the price path is closest to the forecast prices.

    Closest in logs and but for a constant: a forecast that is 10 % too low throughout would
    otherwise look like one of a time when prices were lower.

    Args:
        price: `(rows,)` forecast prices.
        bars: adjusted bars.
        dates: `(rows,)` the dates that were forecast.
        close: `(rows,)` the closes that came, which tell the scale of the table from the bars'.
    """
    rows = pd.DatetimeIndex(bars.index).get_indexer(dates)
    path = bars["close"].to_numpy(dtype=np.float64)
    scale = close / path[rows]
    shifts = range(min(SHIFTS, int(rows.min()) + 1))
    errors = [float(np.var(np.log(price / (scale * path[rows - k])))) for k in shifts]
    return int(np.argmin(errors))


def slope_on_changes(actual: FloatArray, forecast: FloatArray, lags: int) -> tuple[float, float]:
    """Slope of actual on forecast returns, and its Newey-West error; NaN if these are constant."""
    deviation = forecast - forecast.mean()
    spread = float(np.mean(deviation**2))
    if len(actual) < 3 or spread <= 1e-20:
        return float("nan"), float("nan")
    slope = float(np.mean(deviation * (actual - actual.mean())) / spread)
    residual = actual - actual.mean() - slope * deviation
    variance = long_run_variance(deviation * residual, lags)
    return slope, float(np.sqrt(variance / len(actual)) / spread)


def expanding_mean(bars: pd.DataFrame, origins: pd.DatetimeIndex) -> FloatArray:
    """Mean daily return of all sessions up to each origin."""
    log_close = np.log(bars["close"].to_numpy(dtype=np.float64))
    rows = pd.DatetimeIndex(bars.index).get_indexer(origins)
    mean: FloatArray = (log_close[rows] - log_close[0]) / np.maximum(rows, 1)
    return mean


def _share_up(median: FloatArray) -> float:
    """Share of the medians that name a direction which name a rise."""
    named = median[median != 0]
    return float(np.mean(named > 0)) if len(named) else float("nan")


def _correlation(a: FloatArray, b: FloatArray) -> float:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def _numbers(table: pd.DataFrame, column: str) -> FloatArray:
    values: FloatArray = table[column].to_numpy(dtype=np.float64)
    return values
