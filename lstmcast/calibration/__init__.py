"""Calibration: prediction intervals corrected by the outcomes known at each origin."""

from lstmcast.calibration.adaptive import IntervalFactors, in_order, recalibrated
from lstmcast.calibration.kinds import Kind, calibrate, calibrate_each
from lstmcast.calibration.outcomes import ForecastOutcomes
from lstmcast.calibration.series import (
    COVERAGES,
    CalibrationSeries,
    HalfWidths,
    RowsBySymbol,
    UncalibratedForecasts,
)

__all__ = [
    "COVERAGES",
    "CalibrationSeries",
    "ForecastOutcomes",
    "HalfWidths",
    "IntervalFactors",
    "Kind",
    "RowsBySymbol",
    "UncalibratedForecasts",
    "calibrate",
    "calibrate_each",
    "in_order",
    "recalibrated",
]
