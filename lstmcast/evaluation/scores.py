"""How good a prediction table is: losses of each row, and scores of each symbol and horizon.

Scores of returns are in percent points of log return, those of prices in the listing's currency.
Log score, CRPS and RMSE are losses: lower is better.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.predictions import LEVELS, QUANTILES

PERCENT = 100.0

RANGES: dict[int, tuple[str, str]] = {
    50: ("q25", "q75"),
    80: ("q10", "q90"),
    90: ("q05", "q95"),
    95: ("q025", "q975"),
}
"""The central ranges that are checked: nominal coverage in %, and the quantiles that bound it."""

_CRPS_COLUMNS = list(QUANTILES[1:-1])
_CRPS_LEVELS = np.array(LEVELS[1:-1])


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


def row_losses(table: pd.DataFrame) -> pd.DataFrame:
    """Losses of each row: `symbol, origin, date, horizon` and the columns below.

    - `log_score`: negative log density of the return in %; NaN for a point forecast
    - `crps`: twice the mean pinball loss over the levels 5, 10 .. 95 %, in %; NaN for a point
      forecast. It approximates the continuous ranked probability score from below, since the
      tails beyond 5 % and 95 % are left out
    - `price_error`: median forecast of the price minus the close
    - `walk_error`: last close minus the close, the random walk's error

    Source: Gneiting and Raftery (2007), Strictly proper scoring rules.
    """
    actual = PERCENT * _numbers(table, "return_actual")
    quantiles = PERCENT * table[_CRPS_COLUMNS].to_numpy(dtype=np.float64)
    losses = table[["symbol", "origin", "date", "horizon"]].copy()
    losses["log_score"] = np.log(PERCENT) - _numbers(table, "log_density")
    losses["crps"] = 2 * pinball(actual, quantiles, _CRPS_LEVELS).mean(axis=1)
    origin, close = _numbers(table, "close_origin"), _numbers(table, "close_actual")
    losses["price_error"] = origin * np.exp(_numbers(table, "q50")) - close
    losses["walk_error"] = origin - close
    return losses


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
    log_score: float
    crps: float
    coverage_50: float
    coverage_80: float
    coverage_90: float
    coverage_95: float
    hit_rate: float
    """Share of moves whose direction the median named; moves of exactly zero are left out."""
    up_share: float
    """Share of those moves that went up: what always saying "up" scores."""

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain numbers, with null for NaN."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, float | int | None]) -> "Scores":
        """Rebuild from `to_dict`."""
        known = {field.name: values.get(field.name) for field in fields(cls)}
        rows = known.pop("rows") or 0
        return cls(
            rows=int(rows),
            **{key: float("nan") if value is None else value for key, value in known.items()},
        )


def score(table: pd.DataFrame) -> Scores:
    """Score the rows of one symbol and one horizon."""
    losses = row_losses(table)
    actual = _numbers(table, "return_actual")
    rmse = _root_mean_square(losses["price_error"])
    walk = _root_mean_square(losses["walk_error"])
    hit_rate, up_share = hit_rates(actual, _numbers(table, "q50"))
    coverage = {
        f"coverage_{nominal}": _coverage(actual, _numbers(table, low), _numbers(table, high))
        for nominal, (low, high) in RANGES.items()
    }
    return Scores(
        rows=len(table),
        rmse=rmse,
        rmse_ratio=rmse / walk if walk > 0 else float("nan"),
        log_score=float(losses["log_score"].mean(skipna=False)),
        crps=float(losses["crps"].mean(skipna=False)),
        hit_rate=hit_rate,
        up_share=up_share,
        **coverage,
    )


def pooled(parts: list[Scores]) -> Scores:
    """Mean over symbols of each symbol's score, so that a long history has no more say."""
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in fields(Scores) if field.name not in {"rows", "rmse"}]
    means = {name: float(np.mean([getattr(part, name) for part in parts])) for name in names}
    return Scores(rows=sum(part.rows for part in parts), rmse=float("nan"), **means)


def score_table(table: pd.DataFrame) -> tuple[dict[int, Scores], dict[str, dict[int, Scores]]]:
    """Scores by horizon pooled over symbols, and by symbol and horizon."""
    by_symbol: dict[str, dict[int, Scores]] = {}
    for symbol, of_symbol in table.groupby("symbol", sort=True):
        by_symbol[str(symbol)] = {
            horizon: score(of_symbol[of_symbol["horizon"] == horizon])
            for horizon in sorted(of_symbol["horizon"].unique().tolist())
        }
    horizons = sorted({horizon for scores in by_symbol.values() for horizon in scores})
    total = {
        horizon: pooled([scores[horizon] for scores in by_symbol.values() if horizon in scores])
        for horizon in horizons
    }
    return total, by_symbol


def hit_rates(actual: FloatArray, median: FloatArray) -> tuple[float, float]:
    """Share of nonzero moves whose sign the median named, and share of them that went up.

    The hit rate is NaN where the median is zero on every row: no direction is stated. A zero
    median among others counts as a miss.
    """
    moved = actual != 0
    if not moved.any():
        return float("nan"), float("nan")
    up = float(np.mean(actual[moved] > 0))
    if not np.any(median[moved] != 0):
        return float("nan"), up
    return float(np.mean(np.sign(median[moved]) == np.sign(actual[moved]))), up


def _coverage(actual: FloatArray, low: FloatArray, high: FloatArray) -> float:
    if np.isnan(low).any() or np.isnan(high).any():
        return float("nan")
    return float(np.mean((actual >= low) & (actual <= high)))


def _root_mean_square(errors: "pd.Series[float]") -> float:
    return float(np.sqrt(np.mean(errors.to_numpy(dtype=np.float64) ** 2)))


def _numbers(table: pd.DataFrame, column: str) -> FloatArray:
    values: FloatArray = table[column].to_numpy(dtype=np.float64)
    return values


def _plain(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    return value if np.isfinite(value) else None
