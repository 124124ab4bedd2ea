"""Calibration: prediction intervals corrected by the outcomes known at each origin."""

from lstmcast.calibration.adaptive import IntervalFactors, in_order
from lstmcast.calibration.kinds import Kind, calibrate
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
    "in_order",
]
