"""Calibration: prediction intervals corrected by the outcomes known at each origin."""

from lstmcast.calibration.adaptive import IntervalFactors, in_order
from lstmcast.calibration.kinds import Kind, calibrate, calibrate_each
from lstmcast.calibration.series import (
    COVERAGES,
    CalibrationSeries,
    RowsBySymbol,
    UncalibratedForecasts,
)

__all__ = [
    "COVERAGES",
    "CalibrationSeries",
    "IntervalFactors",
    "Kind",
    "RowsBySymbol",
    "UncalibratedForecasts",
    "calibrate",
    "calibrate_each",
    "in_order",
]
