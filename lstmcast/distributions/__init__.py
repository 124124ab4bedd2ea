"""Predictive distributions of returns, as arrays with a row per origin and a column per horizon.

Everything that forecasts, a trained network or a baseline, ends in one of these; everything that
scores, writes or draws a forecast starts from one. They hold numpy arrays in float64 and know
neither torch nor pandas.
"""

from lstmcast.distributions.base import Distribution, FloatArray, PointForecast
from lstmcast.distributions.documents import from_document, shape_of, to_document
from lstmcast.distributions.evaluated import EvaluatedDistribution, with_nulls
from lstmcast.distributions.grid import QuantileGrid
from lstmcast.distributions.levels import STATED_LEVELS
from lstmcast.distributions.pools import LinearPool, average_quantiles, pool
from lstmcast.distributions.recalibrated import RecalibratedDistribution
from lstmcast.distributions.stated import StatedOnce
from lstmcast.distributions.student_t import StudentTMixture, student_t_log_density

__all__ = [
    "STATED_LEVELS",
    "Distribution",
    "EvaluatedDistribution",
    "FloatArray",
    "LinearPool",
    "PointForecast",
    "QuantileGrid",
    "RecalibratedDistribution",
    "StatedOnce",
    "StudentTMixture",
    "average_quantiles",
    "from_document",
    "pool",
    "shape_of",
    "student_t_log_density",
    "to_document",
    "with_nulls",
]
