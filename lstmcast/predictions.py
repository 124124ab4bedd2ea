"""The prediction table: one row per symbol, origin and horizon, whoever forecast it.

The model and every baseline write the same columns over the same rows, so that one piece of code
scores them all. The file `predictions.parquet` of a run is this table. Returns are log returns as
fractions, closes are adjusted closes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lstmcast.distributions import Distribution, FloatArray
from lstmcast.errors import RunError
from lstmcast.reading import RUN_BYTES, read_file

MOST_ROWS = 20_000_000
"""Rows of a prediction table that is read; each takes some 250 bytes."""

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
    actuals: Actuals,
    origins: NDArray[np.intp],
    distribution: Distribution,
    *,
    scored: bool = True,
) -> pd.DataFrame:
    """Write a forecast as prediction rows, for every origin and horizon whose truth is known.

    Args:
        actuals: the symbol's sessions and closes.
        origins: `(rows,)` row numbers of the sessions at whose close the forecasts were made.
        distribution: forecasts of shape `(rows, horizons)`.
        scored: whether to state what scores need beside the ranges; without, `mean` and
            `log_density` are null, and a table takes a third of the time.
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
    columns["mean"] = distribution.mean()[known] if scored else np.nan
    columns["log_density"] = distribution.log_density(truth)[known] if scored else np.nan
    return pd.DataFrame(columns, columns=list(COLUMNS))


def is_point(table: pd.DataFrame) -> bool:
    """Whether the table states single numbers and no ranges."""
    return bool(table["q05"].isna().all())


def read_predictions(path: Path) -> pd.DataFrame:
    """Read `predictions.parquet` and check what it holds.

    Raises:
        RunError: if the file is missing or unreadable, lacks a column, or holds what no forecast
            can be.
    """
    hint = "train the run again with `lstmcast train --config`"
    where = f"`{path.name}` of the run {path.parent}"
    if not path.is_file():
        raise RunError(f"`{path.name}` is missing from the run {path.parent}", hint)
    try:
        file = pq.ParquetFile(pa.BufferReader(read_file(path, RUN_BYTES)))
        if file.metadata.num_rows > MOST_ROWS:
            raise RunError(f"{where} has more than {MOST_ROWS:,} rows", hint)
        table: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise RunError(f"{where} cannot be read", hint) from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RunError(f"{where} lacks {', '.join(missing)}", hint)
    table = table[list(COLUMNS)]
    if fault := fault_of(table):
        raise RunError(f"{where} cannot be used: {fault}", hint)
    return table


def fault_of(table: pd.DataFrame) -> str | None:
    """What a table with the columns of a forecast holds that no forecast can; None if nothing."""
    if fault := wrong_type(table):
        return fault
    numbers = table[["close_origin", "close_actual", "return_actual", "mean"]].to_numpy()
    positive = bool((numbers[:, :2] > 0).all())
    moved = np.log(numbers[:, 1] / numbers[:, 0]) if positive else numbers[:, 2]
    quantiles = table[list(QUANTILES)].to_numpy()
    faults = {
        "a close, a return or a mean is not a number": not np.isfinite(numbers).all(),
        "a close is not above 0": not positive,
        "returns are not those of the closes": not np.allclose(
            moved, numbers[:, 2], rtol=0, atol=1e-6, equal_nan=True
        ),
        "a forecast does not lie after its origin": (table["date"] <= table["origin"]).any()
        or not table["horizon"].between(1, 1000).all(),
        "quantiles are not in their order": np.isinf(quantiles).any()
        or (np.diff(quantiles, axis=1) < 0).any(),
        "a density is infinite": np.isposinf(table["log_density"].to_numpy()).any(),
        "an origin is there twice": table.duplicated(["symbol", "origin", "horizon"]).any(),
    }
    return next((fault for fault, found in faults.items() if found), None)


def wrong_type(table: pd.DataFrame) -> str | None:
    """Which column holds other things than a forecast's; None if none."""
    for name in COLUMNS:
        kind = table[name].dtype
        if name == "symbol":
            right = all(isinstance(value, str) for value in table[name].unique())
        elif name in ("origin", "date"):
            right = kind.kind == "M" and getattr(kind, "tz", None) is None
            right = right and not table[name].isna().any()
        else:
            right = kind.kind == ("i" if name == "horizon" else "f")
        if not right:
            return f"`{name}` is of another type"
    return None
