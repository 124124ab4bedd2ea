"""Calibration: prediction intervals corrected by the outcomes known at each origin.

`conformal` learns once, from the validation sessions (`conformal.py`); `adaptive` goes on learning
with every outcome (`adaptive.py`).
"""

from lstmcast.calibration.adaptive import IntervalFactors, in_order
from lstmcast.calibration.conformal import conformal_points
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
    "conformal_points",
    "in_order",
]
