"""Charts: pure functions from tables to matplotlib figures, and saving them to files."""

from lstmcast.plots.coverage import coverage_chart
from lstmcast.plots.fan import fan_chart
from lstmcast.plots.forecasts import View, forecast_chart
from lstmcast.plots.gates import MAX_UNITS, gates_chart
from lstmcast.plots.importance import importance_chart
from lstmcast.plots.output import FORMATS, save_figure
from lstmcast.plots.parts import PartDates, PartEnds
from lstmcast.plots.ranges import ranges_chart
from lstmcast.plots.training import training_chart
from lstmcast.plots.tuning import tuning_history_chart, tuning_importance_chart

__all__ = [
    "FORMATS",
    "MAX_UNITS",
    "PartDates",
    "PartEnds",
    "View",
    "coverage_chart",
    "fan_chart",
    "forecast_chart",
    "gates_chart",
    "importance_chart",
    "ranges_chart",
    "save_figure",
    "training_chart",
    "tuning_history_chart",
    "tuning_importance_chart",
]
