"""Losses of each row of a prediction table, and scores by symbol and horizon.

Scores of returns are in percent points of log return, those of prices in the listing's currency.
Log score, CRPS, Winkler, QLIKE and the errors are losses: lower is better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.crps import crps_of_quantiles
from lstmcast.evaluation.plain_values import plain_fields
from lstmcast.evaluation.ratios import ratio
from lstmcast.evaluation.tails import stated_variance
from lstmcast.predictions import LEVELS, QUANTILES, RANGES, inside_ranges

PERCENT = 100.0

_LEVELS = np.array(LEVELS)

_LOSSES = (
    "log_score", "crps", "qlike", "square", "walk_square", "price_square", "walk_price_square",
    "price_absolute", "walk_price_absolute", "hit", "up",
    *(f"{name}_{nominal}" for nominal in RANGES for name in ("inside", "winkler")),
)  # fmt: skip
"""The columns of `row_losses` whose means are scores."""


def pinball(actual: FloatArray, quantiles: FloatArray, levels: FloatArray) -> FloatArray:
    """Quantile loss `(rows, levels)` of `d = actual - quantile`: `max(level * d, (level - 1) * d)`.

    Args:
        actual: `(rows,)`.
        quantiles: `(rows, levels)` in the unit of `actual`.
        levels: `(levels,)` between 0 and 1.

    Source: Koenker and Bassett (1978), Regression quantiles.
    """
    gap = actual[:, None] - quantiles
    loss: FloatArray = np.maximum(levels * gap, (levels - 1) * gap)
    return loss


def winkler(actual: FloatArray, low: FloatArray, high: FloatArray, nominal: float) -> FloatArray:
    """Width of a range plus `2 / (1 - nominal)` times the distance by which it was missed.

    Source: Winkler (1972), A decision-theoretic approach to interval estimation.
    """
    missed = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    score: FloatArray = high - low + 2 / (1 - nominal) * missed
    return score


def row_losses(table: pd.DataFrame) -> pd.DataFrame:
    """Losses of each row: `symbol, origin, date, horizon` and the columns of `loss_columns`."""
    keys = {name: table[name].to_numpy() for name in ("symbol", "origin", "date", "horizon")}
    return pd.DataFrame({**keys, **loss_columns(table)})


def loss_columns(table: pd.DataFrame) -> dict[str, FloatArray]:
    """Losses of each row by name, each `(rows,)`.

    - `log_score`: negative log density of the return in %
    - `crps`: the continuous ranked probability score of the return in %, of the distribution that
      the stated quantiles span (`evaluation/crps.py`)
    - `inside_50` .. `inside_95`, `winkler_50` .. `winkler_95`: of the central ranges
    - `qlike`: log of the stated variance plus squared return over it, returns in %
    - `square`, `walk_square`: squared error of the median return and of zero, %^2
    - `price_square`, `walk_price_square`, `price_absolute`, `walk_price_absolute`: errors of the
      median price and of the last close
    - `hit`, `up`: whether the median named the move's direction, and whether it went up; NaN for
      a move of exactly zero, and `hit` for a median of zero

    A point forecast has NaN where a range or a density would be needed.

    Source: Gneiting and Raftery (2007), Strictly proper scoring rules; QLIKE: Patton (2011),
    Volatility forecast comparison using imperfect volatility proxies.
    """
    actual = PERCENT * _numbers(table, "return_actual")
    quantiles = PERCENT * table[list(QUANTILES)].to_numpy(dtype=np.float64)
    stated = dict(zip(QUANTILES, quantiles.T, strict=True))
    median = stated["q50"]
    origin, close = _numbers(table, "close_origin"), _numbers(table, "close_actual")
    error, walk_error = origin * np.exp(median / PERCENT) - close, origin - close
    variance = PERCENT**2 * stated_variance(table)
    moved = np.where(actual == 0, np.nan, 1.0)
    return {
        "log_score": np.log(PERCENT) - _numbers(table, "log_density"),
        "crps": crps_of_quantiles(actual, quantiles, _LEVELS),
        "qlike": np.log(variance) + actual**2 / variance,
        "square": (median - actual) ** 2,
        "walk_square": actual**2,
        "price_square": error**2,
        "walk_price_square": walk_error**2,
        "price_absolute": np.abs(error),
        "walk_price_absolute": np.abs(walk_error),
        "hit": np.where(median == 0, np.nan, moved * (np.sign(median) == np.sign(actual))),
        "up": moved * (actual > 0),
        **inside_ranges(table),
        **{
            f"winkler_{nominal}": winkler(actual, stated[low], stated[high], nominal / 100)
            for nominal, (low, high) in RANGES.items()
        },
    }


@dataclass(frozen=True)
class Scores:
    """Scores of one forecaster over the rows of one symbol and horizon, or the mean over symbols.

    Shares and coverages are fractions. NaN where a forecast does not state what a score needs: a
    point forecast has no ranges, and a random walk names no direction.
    """

    rows: int
    rmse: float
    """Root mean squared error of the median price; NaN where symbols are pooled."""
    rmse_ratio: float
    """The same relative to the error of the last close; 1 is level with the random walk."""
    mae_ratio: float
    """Mean absolute error of the median price relative to that of the last close."""
    log_score: float
    crps: float
    qlike: float
    r2_zero: float
    """1 - squared error of the median return over that of zero: out of sample, of returns."""
    coverage_50: float
    coverage_80: float
    coverage_90: float
    coverage_95: float
    winkler_50: float
    winkler_80: float
    winkler_90: float
    winkler_95: float
    hit_rate: float
    """Share of moves whose direction the median named, moves and medians of zero left out."""
    up_share: float
    """Share of moves that went up: what always saying "up" scores."""

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain numbers, with null for NaN."""
        return plain_fields(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, float | int | None]) -> "Scores":
        """Rebuild from `to_dict`."""
        known = {field.name: values.get(field.name) for field in fields(cls)}
        rows = known.pop("rows") or 0
        return cls(
            rows=int(rows),
            **{key: float("nan") if value is None else value for key, value in known.items()},
        )


ByHorizon = dict[int, Scores]


def score_losses(losses: pd.DataFrame) -> tuple[ByHorizon, dict[str, ByHorizon]]:
    """Scores by horizon pooled over symbols, and by symbol and horizon, from `row_losses`."""
    # Bins count and add some ten times faster than groups of a table do.
    symbol_codes, symbols = pd.factorize(losses["symbol"], sort=True)
    steps, horizon_codes = np.unique(losses["horizon"].to_numpy(), return_inverse=True)
    keys, place = np.unique(symbol_codes * len(steps) + horizon_codes, return_inverse=True)
    columns = {name: losses[name].to_numpy(dtype=np.float64) for name in _LOSSES}
    by_symbol: dict[str, ByHorizon] = {}
    for key, scores in zip(keys.tolist(), _scores_by_place(columns, place), strict=True):
        symbol, horizon = str(symbols[key // len(steps)]), int(steps[key % len(steps)])
        by_symbol.setdefault(symbol, {})[horizon] = scores
    horizons = sorted({horizon for scores in by_symbol.values() for horizon in scores})
    total = {
        horizon: pooled([scores[horizon] for scores in by_symbol.values() if horizon in scores])
        for horizon in horizons
    }
    return total, by_symbol


def scores_by_horizon(
    columns: Mapping[str, FloatArray], horizons: NDArray[np.integer[Any]]
) -> ByHorizon:
    """Scores of one symbol by horizon, from `loss_columns` and the horizon of each row."""
    steps, place = np.unique(horizons, return_inverse=True)
    return dict(zip(steps.tolist(), _scores_by_place(columns, place), strict=True))


def _scores_by_place(columns: Mapping[str, FloatArray], place: NDArray[np.intp]) -> "list[Scores]":
    """Scores of the rows of each place, 0 and up."""
    sizes = np.bincount(place)
    means = {
        name: _gapless_means(columns[name], place)
        if name in {"hit", "up"}
        else np.bincount(place, columns[name]) / sizes
        for name in _LOSSES
    }
    return [
        _scores({name: float(values[k]) for name, values in means.items()}, int(size))
        for k, size in enumerate(sizes)
    ]


def _gapless_means(values: FloatArray, place: NDArray[np.intp]) -> FloatArray:
    """Mean of the values in each place that are no gaps."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):  # no move at all: NaN
        return np.bincount(place, np.where(known, values, 0.0)) / np.bincount(place, known)


def score_table(table: pd.DataFrame) -> tuple[ByHorizon, dict[str, ByHorizon]]:
    """Scores by horizon pooled over symbols, and by symbol and horizon."""
    return score_losses(row_losses(table))


def pooled(parts: Sequence[Scores]) -> Scores:
    """Mean over symbols of each symbol's score, so that a long history has no more say."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(Scores) if field.name not in {"rows", "rmse"}]
    means = {name: float(np.mean([getattr(part, name) for part in parts])) for name in names}
    return Scores(rows=sum(part.rows for part in parts), rmse=float("nan"), **means)


def _scores(mean: Mapping[str, float], rows: int) -> Scores:
    """Scores of one symbol and horizon from the means of its losses."""
    rmse = float(np.sqrt(mean["price_square"]))
    return Scores(
        rows=rows,
        rmse=rmse,
        rmse_ratio=ratio(rmse, float(np.sqrt(mean["walk_price_square"]))),
        mae_ratio=ratio(mean["price_absolute"], mean["walk_price_absolute"]),
        log_score=mean["log_score"],
        crps=mean["crps"],
        qlike=mean["qlike"],
        r2_zero=1 - ratio(mean["square"], mean["walk_square"]),
        hit_rate=mean["hit"],
        up_share=mean["up"],
        **{f"coverage_{nominal}": mean[f"inside_{nominal}"] for nominal in RANGES},
        **{f"winkler_{nominal}": mean[f"winkler_{nominal}"] for nominal in RANGES},
    )


def _numbers(table: pd.DataFrame, column: str) -> FloatArray:
    values: FloatArray = table[column].to_numpy(dtype=np.float64)
    return values
