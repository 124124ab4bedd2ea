"""Calibration diagnostics of one forecaster: quantile loss, PIT, coverage by subset, tail tests.

The scores say which forecaster is better; these say in which way one is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.baselines.scaled import ewma_volatility
from lstmcast.distributions import FloatArray
from lstmcast.evaluation.exceedances import exceedances
from lstmcast.evaluation.scores import (
    PERCENT,
    RANGES,
    STATED_LEVELS,
    pinball,
    row_losses,
)
from lstmcast.evaluation.tails import lower_tail
from lstmcast.predictions import LEVELS, QUANTILES, is_point

TERCILES = ("low_volatility", "medium_volatility", "high_volatility")
"""Days by the tercile of a symbol's volatility among that of its last 500 sessions."""

_DECAY = 0.94
_MEMORY = 500


@dataclass(frozen=True)
class Diagnostics:
    """How well a forecaster is calibrated at one horizon; shares are fractions.

    Args:
        horizon: sessions ahead.
        pinball: mean quantile loss by level in %, as `{"q05": ...}`.
        pit: share of outcomes in each of 20 bins between the stated 5 % steps; 0.05 each is ideal.
        pit_distance: largest gap between a stated level and the share found below it
            (Kolmogorov-Smirnov distance on the stated levels).
        by_tercile: coverage of each range by volatility tercile, as
            `{"low_volatility": {"80": ...}}`.
        by_year: coverage of each range by year of the date that was forecast.
        tail: exceedances of the 1 % and 5 % quantiles of each symbol, with Kupiec's and
            Christoffersen's p-values; at a horizon of one session only.
    """

    horizon: int
    pinball: dict[str, float]
    pit: list[float]
    pit_distance: float
    by_tercile: dict[str, dict[str, float]]
    by_year: dict[str, dict[str, float]]
    tail: dict[str, dict[str, dict[str, Any]]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "horizon": self.horizon,
            "pinball": self.pinball,
            "pit": self.pit,
            "pit_distance": self.pit_distance,
            "by_tercile": self.by_tercile,
            "by_year": self.by_year,
            "tail": self.tail,
        }


def volatility_terciles(
    predictions: pd.DataFrame, bars: Mapping[str, pd.DataFrame]
) -> "pd.Series[int]":
    """Volatility tercile of each row, 0 low to 2 high, on the index of `predictions`.

    The EWMA volatility of squared returns at the origin, ranked among those of the last 500
    sessions, itself included, or of as many as there are. Terciles of the test rows themselves
    would rank by hindsight: a day has low volatility among them because what followed had more, and
    the best possible ranges seem too narrow on such days (`benchmarks/sampling_error.py`). By this
    rank the terciles differ in size.
    """
    terciles = pd.Series(0, index=predictions.index, dtype=np.int64)
    for symbol, table in predictions.groupby("symbol", sort=False):
        frame = bars[str(symbol)]
        log_close = np.log(frame["close"].to_numpy(dtype=np.float64))
        volatility = ewma_volatility(np.diff(log_close, prepend=log_close[0]), _DECAY)
        rank = pd.Series(volatility).rolling(_MEMORY, min_periods=1).rank(pct=True).to_numpy()
        rows = pd.DatetimeIndex(frame.index).get_indexer(pd.DatetimeIndex(table["origin"]))
        terciles.loc[table.index] = np.ceil(len(TERCILES) * rank[rows]).astype(np.int64) - 1
    return terciles


def diagnose(table: pd.DataFrame, terciles: "pd.Series[int]", horizon: int) -> Diagnostics | None:
    """Diagnose one forecaster at one horizon; None for a point forecast.

    Args:
        table: prediction rows, in the order of `terciles`.
        terciles: volatility tercile of each row.
        horizon: sessions ahead.
    """
    if is_point(table):
        return None
    chosen = (table["horizon"] == horizon).to_numpy()
    rows, tercile = table[chosen], terciles.to_numpy()[chosen]
    actual = PERCENT * rows["return_actual"].to_numpy(dtype=np.float64)
    quantiles = PERCENT * rows[list(QUANTILES)].to_numpy(dtype=np.float64)
    losses = row_losses(rows)
    return Diagnostics(
        horizon=horizon,
        pinball=dict(
            zip(
                QUANTILES,
                pinball(actual, quantiles, STATED_LEVELS).mean(axis=0).tolist(),
                strict=True,
            )
        ),
        pit=pit_histogram(actual, quantiles[:, 1:-1]),
        pit_distance=pit_distance(rows),
        by_tercile={
            name: _coverages(losses[tercile == k])
            for k, name in enumerate(TERCILES)
            if np.any(tercile == k)
        },
        by_year={
            str(year): _coverages(part)
            for year, part in losses.groupby(losses["date"].dt.year, sort=True)
        },
        tail=_tail(rows) if horizon == 1 else {},
    )


def pit_histogram(actual: FloatArray, quantiles: FloatArray) -> list[float]:
    """Share of outcomes below the first quantile, between each two, and above the last."""
    bins = (actual[:, None] > quantiles).sum(axis=1)
    counts = np.bincount(bins, minlength=quantiles.shape[1] + 1)
    return [float(share) for share in counts / len(actual)]


def pit_distance(rows: pd.DataFrame) -> float:
    """Largest gap between a stated level and the share of outcomes found below its quantile."""
    actual = rows["return_actual"].to_numpy(dtype=np.float64)
    below = (actual[:, None] <= rows[list(QUANTILES)].to_numpy(dtype=np.float64)).mean(axis=0)
    return float(np.max(np.abs(below - np.array(LEVELS))))


def _coverages(losses: pd.DataFrame) -> dict[str, float]:
    return {str(nominal): float(losses[f"inside_{nominal}"].mean()) for nominal in RANGES}


def _tail(rows: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for symbol, part in rows.sort_values("date").groupby("symbol", sort=True):
        actual = part["return_actual"].to_numpy(dtype=np.float64)
        quantiles = {0.01: lower_tail(part, 0.01), 0.05: part["q05"].to_numpy(dtype=np.float64)}
        found[str(symbol)] = {
            f"{level:.2f}": exceedances(actual, quantile, level).to_dict()
            for level, quantile in quantiles.items()
        }
    return found
