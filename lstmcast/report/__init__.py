"""A report to look at: what is known of a run or a walk as one HTML file that needs nothing else.

Findings in, bytes out: the package reads no run and no store. Charts are plain values that
plotly.js draws in the reader's browser; it is copied into the file from plotly's Python package, so
that nothing is fetched.
"""

from lstmcast.report.content import Chart, Page, Section, Table, Tile, Variant
from lstmcast.report.coverage import coverage_section
from lstmcast.report.facts import configuration_section, data_section
from lstmcast.report.fan import fan_section
from lstmcast.report.inside import gates_chart, importance_charts
from lstmcast.report.learning import learning_section
from lstmcast.report.page import plotly_script, render
from lstmcast.report.scores import scores_section, walk_section
from lstmcast.report.series import forecasts_section
from lstmcast.report.verdict import headline

__all__ = [
    "Chart",
    "Page",
    "Section",
    "Table",
    "Tile",
    "Variant",
    "configuration_section",
    "coverage_section",
    "data_section",
    "fan_section",
    "forecasts_section",
    "gates_chart",
    "headline",
    "importance_charts",
    "learning_section",
    "plotly_script",
    "render",
    "scores_section",
    "walk_section",
]
