"""Calibration: prediction intervals corrected by the outcomes known at each origin."""

from lstmcast.calibration.adaptive import IntervalFactors, in_order
from lstmcast.calibration.kinds import Kind, calibrate
from lstmcast.calibration.series import COVERAGES, CalibrationSeries, Raw, Rows

__all__ = [
    "COVERAGES",
    "CalibrationSeries",
    "IntervalFactors",
    "Kind",
    "Raw",
    "Rows",
    "calibrate",
    "in_order",
]
