"""The prediction table: one row per symbol, origin and horizon, whoever forecast it.

The model and every baseline write the same columns over the same rows, so that one piece of code
scores them all. The file `predictions.parquet` of a run is this table. Returns are log returns as
fractions, closes are adjusted closes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import Distribution, FloatArray
from lstmcast.errors import RunError
from lstmcast.files import open_whole

LEVELS: tuple[float, ...] = (
    0.025,
    *(round(0.05 * k, 2) for k in range(1, 20)),
    0.975,
)
"""The 21 quantile levels that a prediction states."""

QUANTILES: tuple[str, ...] = ("q025", *(f"q{5 * k:02d}" for k in range(1, 20)), "q975")
"""The columns of those levels, in order."""

COLUMNS: tuple[str, ...] = (
    "symbol",
    "origin",
    "date",
    "horizon",
    "close_origin",
    "close_actual",
    "return_actual",
    *QUANTILES,
    "mean",
    "log_density",
)


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
    actuals: Actuals, origins: NDArray[np.intp], distribution: Distribution
) -> pd.DataFrame:
    """Write a forecast as prediction rows, for every origin and horizon whose truth is known.

    Args:
        actuals: the symbol's sessions and closes.
        origins: `(rows,)` row numbers of the sessions at whose close the forecasts were made.
        distribution: forecasts of shape `(rows, horizons)`.
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
    quantiles = distribution.quantiles(LEVELS)[known]
    columns |= {name: quantiles[:, k] for k, name in enumerate(QUANTILES)}
    columns["mean"] = distribution.mean()[known]
    columns["log_density"] = distribution.log_density(truth)[known]
    return pd.DataFrame(columns, columns=list(COLUMNS))


def is_point(table: pd.DataFrame) -> bool:
    """Whether the table states single numbers and no ranges."""
    return bool(table["q05"].isna().all())


def read_predictions(path: Path) -> pd.DataFrame:
    """Read `predictions.parquet` and check its columns.

    Raises:
        RunError: if the file is missing, unreadable or lacks a column.
    """
    hint = "train the run again with `lstmcast train --config`"
    if not path.is_file():
        raise RunError(f"`{path.name}` is missing from the run {path.parent}", hint)
    try:
        with open_whole(path) as file:
            table = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise RunError(f"`{path.name}` of the run {path.parent} cannot be read", hint) from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RunError(f"`{path.name}` of the run {path.parent} lacks {', '.join(missing)}", hint)
    return table[list(COLUMNS)]
