"""From a distribution to rows of the prediction table, whoever forecast it.

The model and every baseline write the same columns over the same rows, so that one piece of code
scores them all. Returns are log returns as fractions, closes are adjusted closes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import STATED_LEVELS, Distribution, FloatArray
from lstmcast.predictions.columns import COLUMNS, QUANTILES, RANGES


@dataclass(frozen=True)
class Actuals:
    """What came true for one symbol: the truth that predictions are compared with.

    Args:
        symbol: the symbol.
        dates: `(rows,)` session dates.
        closes: `(rows,)` adjusted closes.
    """

    symbol: str
    dates: pd.DatetimeIndex
    closes: FloatArray

    def cumulative_returns(self, origins: NDArray[np.intp], horizon: int) -> FloatArray:
        """Log returns from each origin over 1..`horizon` sessions, `(origins, horizon)`.

        NaN where the session is not in the data yet.
        """
        log_close = np.append(np.log(self.closes), np.full(horizon, np.nan))
        ahead = origins[:, None] + np.arange(1, horizon + 1)
        returns: FloatArray = log_close[ahead] - log_close[origins][:, None]
        return returns


def tabulate(
    actuals: Actuals,
    origins: NDArray[np.intp],
    distribution: Distribution,
    *,
    scored: bool = True,
    means: bool = True,
) -> pd.DataFrame:
    """Write a forecast as prediction rows, for every origin and horizon whose truth is known.

    Args:
        actuals: the symbol's sessions and closes.
        origins: `(rows,)` row numbers of the sessions at whose close the forecasts were made.
        distribution: forecasts of shape `(rows, horizons)`.
        scored: whether to state what scores need beside the ranges; without, `mean` and
            `log_density` are null, and a table takes a third of the time.
        means: whether to state the mean, which no score reads and which a calibrated forecast has
            to integrate; `mean` is null without.
    """
    horizons = distribution.shape[1]
    truth = actuals.cumulative_returns(origins, horizons)
    known = np.isfinite(truth)
    row, step = np.nonzero(known)
    origin = origins[row]
    target = origin + step + 1
    columns: dict[str, object] = {
        "symbol": actuals.symbol,
        "origin": actuals.dates[origin],
        "date": actuals.dates[target],
        "horizon": (step + 1).astype(np.int32),
        "close_origin": actuals.closes[origin],
        "close_actual": actuals.closes[target],
        "return_actual": truth[known],
    }
    quantiles = distribution.quantiles(STATED_LEVELS)[known]
    columns |= {name: quantiles[:, k] for k, name in enumerate(QUANTILES)}
    columns["mean"] = distribution.mean()[known] if scored and means else np.nan
    columns["log_density"] = distribution.log_density(truth)[known] if scored else np.nan
    return pd.DataFrame(columns, columns=list(COLUMNS))


def is_point(table: pd.DataFrame) -> bool:
    """Whether the table states single numbers and no ranges."""
    return bool(table["q05"].isna().all())


def inside_ranges(table: pd.DataFrame) -> dict[str, FloatArray]:
    """Whether each range contained the return, `inside_50` .. `inside_95`: 1, 0, or NaN.

    NaN where no range is stated, or the return is not known.
    """
    actual = table["return_actual"].to_numpy(dtype=np.float64, na_value=np.nan)
    columns: dict[str, FloatArray] = {}
    for nominal, bounds in RANGES.items():
        low, high = (table[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in bounds)
        stated = np.where(np.isnan(low) | np.isnan(actual), np.nan, 1.0)
        columns[f"inside_{nominal}"] = stated * ((actual >= low) & (actual <= high))
    return columns
