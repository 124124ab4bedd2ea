"""HAR with the networks' calibration, to tell their gain from that of calibration.

Calibration learns from every test day how often ranges hold, and the other baselines learn nothing
there. So the best of them gets the same: it is fitted on the rows before the last two years, its
ranges are followed through those years and then through the test, over all symbols together.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.baselines.base import (
    Baseline,
    BaselineForecast,
    BaselineInputs,
    PerSymbolForecast,
    PooledBaseline,
    PooledInputs,
    Refit,
    SymbolSource,
)
from lstmcast.baselines.har import HarAbs, HarRange
from lstmcast.baselines.refit import refit_periods
from lstmcast.calibration import CalibrationSeries, calibrate
from lstmcast.distributions import FloatArray, StudentTMixture

CALIBRATION_SESSIONS = 500
"""Sessions before the first forecast through which ranges are followed; half of a short history."""


@dataclass(frozen=True)
class CalibratedHar:
    """HAR on log range, on absolute returns where there is none, with ranges that follow."""

    name: str = "har_calibrated"
    label: str = "HAR, calibrated"
    prepares_quickly: bool = False

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs enough rows for HAR before those through which it is followed."""
        return _har(inputs).unable(_before(inputs))

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin, of one symbol by itself."""
        return alone(self, inputs)

    def prepare(self, inputs: BaselineInputs, refit: Refit) -> PerSymbolForecast:
        """What HAR says of one symbol, before calibration.

        Its last fit goes on to its newest bar: others may be followed further than its own last
        origin, where it ends earlier or has other holidays.
        """
        inputs = replace(inputs, features=None, defaults=None)
        har, early = _har(inputs), _before(inputs)
        last = int(inputs.origins.max())
        wanted = np.arange(inputs.fit_rows - 1, last + 1, dtype=np.intp)
        *fitted, newest = [early, *refit_periods(replace(inputs, origins=wanted), refit)]
        after = np.arange(last + 1, len(inputs.bars), dtype=np.intp)
        periods = [*fitted, replace(newest, origins=np.append(newest.origins, after))]
        parts = [har.forecast(part).distribution for part in periods]
        mixtures = [part for part in parts if isinstance(part, StudentTMixture)]
        return PerSymbolForecast(inputs, int(early.origins[0]), StudentTMixture.stacked(mixtures))

    def fitted(self, symbols: SymbolSource) -> None:
        """Nothing: each symbol has fits of its own."""

    def before_calibration(self, fitted: None, prepared: PerSymbolForecast) -> PerSymbolForecast:  # noqa: ARG002
        """What was prepared."""
        return prepared


def alone(baseline: PooledBaseline[Any], inputs: BaselineInputs) -> BaselineForecast:
    """What a pooled baseline forecasts of one symbol by itself."""
    prepared = baseline.prepare(inputs, "never")
    fitted = baseline.fitted([(prepared, lambda: _features_of(prepared))])
    each = baseline.before_calibration(fitted, prepared)
    origins = each.inputs.origins
    found = calibrate(
        lambda rows: {name: each.at(part) for name, part in rows.items()},
        [series_of(each)],
        {inputs.symbol: origins},
        "adaptive",
    )
    return BaselineForecast(found[inputs.symbol])


def series_of(each: PerSymbolForecast) -> CalibrationSeries:
    """A symbol's outcomes, and from where on its forecasts are compared with them."""
    return CalibrationSeries(
        each.inputs.symbol,
        pd.DatetimeIndex(each.inputs.bars.index),
        each.inputs.bars["close"].to_numpy(dtype=np.float64),
        each.first,
        each.inputs.market,
    )


def _features_of(prepared: PerSymbolForecast | PooledInputs) -> FloatArray:
    if prepared.inputs.features is None:
        raise TypeError("it has no features")
    return prepared.inputs.features


def _har(inputs: BaselineInputs) -> Baseline:
    return HarRange() if inputs.has_range else HarAbs()


def _before(inputs: BaselineInputs) -> BaselineInputs:
    """The rows that are followed before the first forecast, fitted on those before them.

    Where prices stood still at first, half of the rows since then are followed.
    """
    moving = inputs.fit_rows - min(inputs.first_move() - 1, inputs.fit_rows)
    start = inputs.fit_rows - min(CALIBRATION_SESSIONS, moving // 2)
    followed = np.arange(start - 1, inputs.fit_rows - 1, dtype=np.intp)
    return replace(inputs, fit_rows=start, origins=followed)
