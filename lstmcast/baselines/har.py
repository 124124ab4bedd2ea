"""Heterogeneous autoregression: the coming width from that of the last day, week and month.

    mean of s over t+1 .. t+h  ~  b0 + b1 s_t + b2 mean(s, 5) + b3 mean(s, 22)

by least squares for each horizon, where s is the log of Parkinson's range or the absolute return.
The forecast width then scales a Student-t fitted to the returns.

Source: Corsi (2009), A simple approximate long-memory model of realized volatility; the range
estimator: Parkinson (1980), The extreme value method for estimating the variance of the rate of
return; log range as a stand-in for realised volatility: Clements and Preve (2021), A practical
guide to harnessing the HAR volatility model.
"""

from dataclasses import dataclass

import numpy as np

from lstmcast.baselines.base import BaselineForecast, BaselineInputs
from lstmcast.baselines.scaled import BURN_IN, scaled_student_t
from lstmcast.baselines.student_t import MIN_ROWS
from lstmcast.distributions import FloatArray
from lstmcast.features.ranges import PARKINSON

WEEK, MONTH = 5, 22

_SMALLEST_RANGE = 5e-4
_SMALLEST_RETURN = 1e-3


@dataclass(frozen=True)
class HarAbs:
    """HAR on absolute returns: needs nothing but closes."""

    skip: int = BURN_IN
    """First rows that the Student-t is not fitted on."""
    name: str = "har_abs"
    label: str = "HAR on |return|, t"

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs enough rows for its regression at the longest horizon."""
        return _too_short(inputs)

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin."""
        width = har_forecast(np.abs(inputs.returns()), inputs.fit_rows, inputs.horizons)
        width = np.maximum(width, _SMALLEST_RETURN)
        return BaselineForecast(scaled_student_t(inputs, width, location="fitted", skip=self.skip))


@dataclass(frozen=True)
class HarRange:
    """HAR on the log of Parkinson's range, the baseline that is hardest to beat."""

    skip: int = BURN_IN
    name: str = "har_range"
    label: str = "HAR on log range, t"

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs a high and a low for every bar."""
        if not inputs.has_range:
            return "has no high and low for every session"
        return _too_short(inputs)

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin."""
        high, low = (inputs.bars[name].to_numpy(dtype=np.float64) for name in ("high", "low"))
        ranges = np.maximum(np.log(high / low) / PARKINSON, _SMALLEST_RANGE)
        width = np.exp(har_forecast(np.log(ranges), inputs.fit_rows, inputs.horizons))
        return BaselineForecast(scaled_student_t(inputs, width, location="fitted", skip=self.skip))


def _too_short(inputs: BaselineInputs) -> str | None:
    found = inputs.fit_rows - (inputs.first_move() - 1) - inputs.horizons - MONTH
    if found >= MIN_ROWS:
        return None
    return f"has {max(found, 0)} returns to fit before the test period; HAR needs {MIN_ROWS}"


def har_forecast(series: FloatArray, fit_rows: int, horizons: int) -> FloatArray:
    """Forecast the mean of a series over the next 1..`horizons` rows by HAR.

    Args:
        series: `(rows,)`, known at each row; the first value is left out, since the first
            session has no return.
        fit_rows: coefficients are fitted on targets inside the first `fit_rows` rows.
        horizons: rows ahead.

    Returns:
        `(rows, horizons)`, NaN on the first 22 rows.
    """
    design = np.column_stack(
        [np.ones(len(series)), series, trailing_mean(series, WEEK), trailing_mean(series, MONTH)]
    )
    design[:MONTH] = np.nan
    total = np.concatenate([[0.0], np.cumsum(series[:fit_rows])])
    forecast = np.full((len(series), horizons), np.nan)
    for h in range(1, horizons + 1):
        rows = np.arange(MONTH, fit_rows - h)
        target = (total[rows + h + 1] - total[rows + 1]) / h
        weights = np.linalg.lstsq(design[rows], target, rcond=None)[0]
        forecast[:, h - 1] = design @ weights
    return forecast


def trailing_mean(series: FloatArray, window: int) -> FloatArray:
    """Mean of the last `window` values, NaN where there are fewer."""
    total = np.concatenate([[0.0], np.cumsum(series)])
    mean = np.full(len(series), np.nan)
    mean[window - 1 :] = (total[window:] - total[:-window]) / window
    return mean
