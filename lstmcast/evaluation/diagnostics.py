"""Calibration diagnostics of one forecaster: quantile loss, PIT, coverage by subset, tail tests.

The scores say which forecaster is better; these say in which way one is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.coverage import empirical_coverage, symbol_weights
from lstmcast.evaluation.exceedances import exceedances
from lstmcast.evaluation.scores import PERCENT, pinball
from lstmcast.evaluation.tails import lower_tail
from lstmcast.evaluation.terciles import TERCILES
from lstmcast.predictions import LEVELS, QUANTILES, RANGES, inside_ranges, is_point


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
    inside, weights = inside_ranges(rows), symbol_weights(rows)
    years = rows["date"].dt.year.to_numpy()
    return Diagnostics(
        horizon=horizon,
        # Level by level: of all at once it would be five times the table.
        pinball={
            name: float(pinball(actual, quantiles[:, [k]], np.array([LEVELS[k]])).mean())
            for k, name in enumerate(QUANTILES)
        },
        pit=pit_histogram(actual, quantiles[:, 1:-1]),
        pit_distance=pit_distance(rows),
        by_tercile={
            name: _coverages(inside, weights, tercile == k)
            for k, name in enumerate(TERCILES)
            if np.any(tercile == k)
        },
        by_year={
            str(year): _coverages(inside, weights, years == year) for year in np.unique(years)
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


def _coverages(
    inside: Mapping[str, FloatArray], weights: FloatArray, chosen: NDArray[np.bool_]
) -> dict[str, float]:
    return {
        str(nominal): empirical_coverage(inside[f"inside_{nominal}"], weights, chosen)
        for nominal in RANGES
    }


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
