"""The prediction table: one row per symbol, origin and horizon, whoever forecast it.

The file `predictions.parquet` of a run is this table.
"""

from lstmcast.distributions import STATED_LEVELS as LEVELS
from lstmcast.predictions.columns import COLUMNS, QUANTILES, RANGES
from lstmcast.predictions.reading import (
    MAX_ROWS,
    fault_of,
    read_by_symbol,
    read_predictions,
    wrong_type,
)
from lstmcast.predictions.table import Actuals, inside_ranges, is_point, tabulate
from lstmcast.predictions.writing import write_predictions

__all__ = [
    "COLUMNS",
    "LEVELS",
    "MAX_ROWS",
    "QUANTILES",
    "RANGES",
    "Actuals",
    "fault_of",
    "inside_ranges",
    "is_point",
    "read_by_symbol",
    "read_predictions",
    "tabulate",
    "write_predictions",
    "wrong_type",
]
