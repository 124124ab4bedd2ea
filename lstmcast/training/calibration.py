"""Making the stated ranges hold: what came true corrects how wide the next forecasts are.

`conformal` measures, on the validation rows, how far outcomes lay from the median in units of the
stated width, and stretches the distribution so that each range would have held there what it
states. It is split conformal prediction with volatility-normalised scores, and it is only as good
as validation is like the days to come.

`adaptive` goes on learning. From the first validation session on, each session's outcomes move the
logarithm of a factor by which all ranges are stretched: up after too many misses, down after too
few. A second coefficient lets the factor depend on how restless the symbol is against its own past,
so that calm days do not pay for wild ones:

    log factor = a_h + b_h z,     z = log(EWMA volatility) - its mean so far
    a_h += G / sqrt(h) * mean over symbols of e,     b_h += G_z * mean over symbols of e z

where e is the share of the 50, 80, 90 and 95 % ranges that were missed beyond what they state. All
of it is known at the origin. The misses count smoothly, within 5 % of a bound: otherwise a rounding
error could decide between hit and miss.

Source: Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world; Gibbs and Candes
(2021), Adaptive conformal inference under distribution shift.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from lstmcast.distributions import Distribution, FloatArray, PointForecast, Stretched
from lstmcast.predictions import Actuals
from lstmcast.training.device import in_threads

Kind = Literal["none", "conformal", "adaptive"]
Rows = Mapping[str, NDArray[np.intp]]
Raw = Callable[[Rows], Mapping[str, Distribution]]

COVERAGES = np.array([0.5, 0.8, 0.9, 0.95])
GAIN = 0.02
GAIN_OF_RESTLESSNESS = 0.05

FEWEST_ROWS = 100
"""Validation rows below which conformal calibration leaves the forecasts as they are."""

_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
_MEDIAN, _MIDDLE = 4, 1
_SMOOTH = 0.05
_DECAY = 0.94
_MOST_RESTLESS = 1.5
_MOST_STRETCH = np.log(2.0)


@dataclass(frozen=True)
class Judged:
    """What is needed of one symbol: its sessions, closes, and where its forecasts begin to count.

    Args:
        name: the symbol.
        dates: `(rows,)` sessions.
        closes: `(rows,)` adjusted closes.
        first: row of the first forecast that is judged.
    """

    name: str
    dates: pd.DatetimeIndex
    closes: FloatArray
    first: int


def calibrate(
    raw: Raw,
    symbols: Sequence[Judged],
    origins: Rows,
    kind: Kind,
    validation_end: pd.Timestamp,
    *,
    threads: int = 1,
) -> dict[str, Distribution]:
    """Forecast the origins and calibrate the forecasts by what came true before them.

    Args:
        raw: forecasts rows of the symbols, uncalibrated.
        symbols: all that are in `origins`, and those that they learn with.
        origins: by symbol, the rows whose forecasts are wanted, at least one each.
        kind: how to calibrate.
        validation_end: the last session that conformal calibration learns from.
        threads: CPU threads, 0 for as many as there are cores.
    """
    plain = dict(raw(origins))
    if kind == "none" or any(isinstance(part, PointForecast) for part in plain.values()):
        return plain
    if kind == "conformal":
        return _conformal(raw, symbols, plain, validation_end)
    return _adaptive(raw, symbols, plain, origins, threads)


@dataclass(frozen=True)
class _Widths:
    """Medians, half widths of the 80 % range, and of all ranges in those, of some forecasts."""

    median: FloatArray
    unit: FloatArray
    ranges: FloatArray

    @classmethod
    def of(cls, distribution: Distribution) -> "_Widths":
        quantiles = distribution.quantiles(_LEVELS)
        halves = (quantiles[..., :_MEDIAN:-1] - quantiles[..., :_MEDIAN]) / 2
        narrow_first = halves[..., ::-1]
        unit = narrow_first[..., _MIDDLE]
        return cls(quantiles[..., _MEDIAN], unit, narrow_first / unit[..., None])


# --- conformal -----------------------------------------------------------------------------------


def _conformal(
    raw: Raw,
    symbols: Sequence[Judged],
    plain: Mapping[str, Distribution],
    validation_end: pd.Timestamp,
) -> dict[str, Distribution]:
    spans = {
        symbol.name: np.arange(
            symbol.first, int(symbol.dates.searchsorted(validation_end, side="right")) - 1
        )
        for symbol in symbols
    }
    spans = {name: rows for name, rows in spans.items() if len(rows)}
    judged = raw(spans) if spans else {}
    distances, ranges = [], []
    for symbol in symbols:
        if symbol.name not in judged:
            continue
        rows = spans[symbol.name]
        widths = _Widths.of(judged[symbol.name])
        cut = int(rows[-1]) + 2
        actuals = Actuals(symbol.name, symbol.dates[:cut], symbol.closes[:cut])
        outcomes = actuals.cumulative_returns(rows, widths.median.shape[1])
        distances.append(np.abs(outcomes - widths.median) / widths.unit)
        ranges.append(widths.ranges)
    if not distances or sum(len(part) for part in distances) < FEWEST_ROWS:
        return dict(plain)
    at, to = conformal_points(np.concatenate(distances), np.concatenate(ranges))
    return {
        name: Stretched(part, np.ones(part.shape), _Widths.of(part).unit, at, to)
        for name, part in plain.items()
    }


def conformal_points(distances: FloatArray, ranges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where the stated ranges end, and where they should have ended, `(horizons, ranges)` each.

    Args:
        distances: `(rows, horizons)` of outcomes from the median, in half widths of the 80 %
            range; NaN where the outcome is not known.
        ranges: `(rows, horizons, ranges)` half widths of the ranges in the same unit.
    """
    at = np.median(ranges, axis=0)
    to = np.empty_like(at)
    for h in range(distances.shape[1]):
        known = distances[np.isfinite(distances[:, h]), h]
        levels = np.minimum(COVERAGES * (1 + 1 / max(len(known), 1)), 1.0)
        to[h] = np.quantile(known, levels) if len(known) else at[h]
    # Ranges stay inside one another, whatever few rows say.
    floor = 1e-3 * at[:, :1] * np.arange(1, len(COVERAGES) + 1)
    return at, np.maximum.accumulate(to, axis=1) + floor


# --- adaptive ------------------------------------------------------------------------------------


def _adaptive(
    raw: Raw,
    symbols: Sequence[Judged],
    plain: Mapping[str, Distribution],
    origins: Rows,
    threads: int,
) -> dict[str, Distribution]:
    last = {name: int(rows.max()) for name, rows in origins.items()}
    newest = max(s.dates[last[s.name]] for s in symbols if s.name in last)
    spans = {
        s.name: np.arange(s.first, int(s.dates.searchsorted(newest, side="right"))) for s in symbols
    }
    spans = {name: rows for name, rows in spans.items() if len(rows)}
    judged = raw(spans) if spans else {}
    known = [symbol for symbol in symbols if symbol.name in judged]
    horizons = next(iter(plain.values())).shape[1]
    path = Path.follow([(s, spans[s.name], judged[s.name]) for s in known], horizons, threads)
    by_name = {symbol.name: symbol for symbol in symbols}
    return {
        name: Stretched(part, path.factors(by_name[name], origins[name]), np.ones(part.shape))
        for name, part in plain.items()
    }


@dataclass(frozen=True)
class Path:
    """How the two coefficients moved.

    Args:
        dates: `(days,)` sessions of any symbol.
        coefficients: `(days + 1, horizons, 2)`; entry k holds before the outcomes of day k, so
            entry k + 1 is what is known at its close.
    """

    dates: pd.DatetimeIndex
    coefficients: FloatArray

    @classmethod
    def follow(
        cls,
        judged: Sequence[tuple[Judged, NDArray[np.intp], Distribution]],
        horizons: int,
        threads: int = 1,
    ) -> "Path":
        """Learn from every forecast on the day on which its outcome is known.

        Args:
            judged: each symbol, rows in one stretch, and their uncalibrated forecasts.
            horizons: sessions ahead.
            threads: CPU threads, 0 for as many as there are cores.
        """
        dates = pd.DatetimeIndex([])
        for symbol, rows, _ in judged:
            dates = dates.union(symbol.dates[rows])
        shape = (len(dates), len(judged), horizons)
        # On the day of the outcome: distance and bounds in logs, restlessness and day of origin.
        distance, restless = np.full(shape, np.nan), np.zeros(shape)
        bounds, origin = np.zeros((*shape, len(COVERAGES))), np.zeros(shape, dtype=np.intp)
        all_widths = in_threads(_Widths.of, [forecast for _, _, forecast in judged], threads)
        for s, ((symbol, rows, _), widths) in enumerate(zip(judged, all_widths, strict=True)):
            z = restlessness(symbol.closes)
            day = dates.get_indexer(symbol.dates[rows])
            log_close = np.log(symbol.closes[rows])
            for h in range(min(horizons, len(rows) - 1)):
                made, known = slice(0, len(rows) - h - 1), day[h + 1 :]
                moved = log_close[h + 1 :] - log_close[: -h - 1]
                away = np.abs(moved - widths.median[made, h]) / widths.unit[made, h]
                distance[known, s, h] = np.log(np.maximum(away, 1e-9))
                bounds[known, s, h] = np.log(widths.ranges[made, h])
                restless[known, s, h] = z[rows[made]]
                origin[known, s, h] = day[made]
        return cls(dates, _learn(distance, bounds, restless, origin))

    def factors(self, symbol: Judged, rows: NDArray[np.intp]) -> FloatArray:
        """`(rows, horizons)` factors at the close of each row."""
        day = self.dates.searchsorted(symbol.dates[rows], side="right")
        a, b = np.moveaxis(self.coefficients[day], -1, 0)
        z = restlessness(symbol.closes)[rows][:, None]
        factors: FloatArray = np.exp(np.clip(a + b * z, -_MOST_STRETCH, _MOST_STRETCH))
        return factors


def _learn(
    distance: FloatArray, bounds: FloatArray, restless: FloatArray, origin: NDArray[np.intp]
) -> FloatArray:
    """The coefficients day by day; see `Path`."""
    days, _, horizons = distance.shape
    ahead = np.arange(horizons)
    gains = np.stack(
        [GAIN / np.sqrt(ahead + 1.0), np.full(horizons, GAIN_OF_RESTLESSNESS)], axis=-1
    )
    coefficients = np.zeros((days + 1, horizons, 2))
    for day in range(days):
        known = np.isfinite(distance[day])
        z = restless[day]
        used = coefficients[origin[day] + 1, ahead]
        stretch = np.clip(used[..., 0] + used[..., 1] * z, -_MOST_STRETCH, _MOST_STRETCH)
        beyond = np.where(known, distance[day] - stretch, 0.0)[..., None] - bounds[day]
        missed = (expit(beyond / _SMOOTH) - (1 - COVERAGES)).mean(axis=-1)
        error = np.where(known, missed, 0.0)
        count = np.maximum(known.sum(axis=0), 1)
        step = np.stack([error.sum(axis=0), (error * z).sum(axis=0)], axis=-1) / count[:, None]
        coefficients[day + 1] = coefficients[day] + gains * step
    return coefficients


def restlessness(closes: FloatArray) -> FloatArray:
    """Log of the EWMA volatility at each row minus its mean so far, `(rows,)`, cut at 1.5."""
    square = pd.Series(np.diff(np.log(closes), prepend=np.log(closes[0])) ** 2)
    volatility = square.ewm(alpha=1 - _DECAY, adjust=False).mean().clip(lower=1e-12) ** 0.5
    logs = np.log(volatility)
    away = (logs - logs.expanding().mean()).to_numpy()
    cut: FloatArray = np.clip(away, -_MOST_RESTLESS, _MOST_RESTLESS)
    return cut
