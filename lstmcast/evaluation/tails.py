"""Moments and tails that a prediction table does not state: its variance and its 1 % quantile.

Both are read off the Student-t whose middle half and 95 % range stand in the same ratio as the
stated ones: exact for a Student-t, close for a pool of similar ones.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from lstmcast.distributions import FloatArray

_DF = np.geomspace(2.1, 200, 600)
_RATIO = stdtrit(_DF, 0.975) / stdtrit(_DF, 0.75)


def student_t_shape(table: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Degrees of freedom and scale `(rows,)` of the Student-t with the table's ranges."""
    middle = _width(table, "q25", "q75")
    outer = _width(table, "q025", "q975")
    df = np.interp(outer / middle, _RATIO[::-1], _DF[::-1])
    scale = middle / (2 * stdtrit(df, 0.75))
    return df, scale


def stated_variance(table: pd.DataFrame) -> FloatArray:
    """Variance of the forecast return, `(rows,)`, in the square of the table's unit."""
    df, scale = student_t_shape(table)
    variance: FloatArray = scale**2 * df / (df - 2)
    return variance


def lower_tail(table: pd.DataFrame, level: float) -> FloatArray:
    """Quantile at a level below 2.5 %, `(rows,)`: the stated 2.5 % quantile, carried outwards."""
    df, _ = student_t_shape(table)
    median = table["q50"].to_numpy(dtype=np.float64)
    stated = table["q025"].to_numpy(dtype=np.float64)
    further: FloatArray = median + (stated - median) * stdtrit(df, level) / stdtrit(df, 0.025)
    return further


def _width(table: pd.DataFrame, low: str, high: str) -> FloatArray:
    width: FloatArray = table[high].to_numpy(np.float64) - table[low].to_numpy(np.float64)
    return width
