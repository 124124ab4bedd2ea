"""Making the stated ranges hold: what came true corrects how wide the next forecasts are.

`conformal` measures, on the validation rows, how far outcomes lay from the median in units of the
stated width, and stretches the distribution so that each range would have held there what it
states. It is split conformal prediction with volatility-normalised scores, and it is only as good
as validation is like the days to come.

`adaptive` goes on learning. From the first validation session on, each session's outcomes move the
logarithms of the factors by which the 50, 80, 90 and 95 % ranges are stretched: up after too many
misses, down after too few. Each range has its own, since a distribution with the wrong tails has
some ranges too wide and others too narrow. The factor may depend on how restless the symbol is
against its own past, so that calm days do not pay for wild ones, and a little on the symbol:

    log factor = a + b z + c (z^2 - 0.2) + d,     z = log(EWMA volatility) - its mean so far

    a += G_a / sqrt(h) * mean over symbols of e
    b += G_b / sqrt(h) * mean over symbols of e z
    c += G_c / sqrt(h) * mean over symbols of e (z^2 - 0.2)
    d += G_d / sqrt(h) * (e - mean over symbols of e),     of each symbol

for each range and horizon h, where e is 1 for a miss and 0 for a hit, less the share of misses that
the range states; 0.2 is what z^2 comes to on average. All start from 0, but b from -0.1 (1 - 1/h):
over some sessions volatility reverts to its mean by more than the network says. One symbol says
little of one range alone and of a curve: with n symbols, the step of c counts n / (n + 4), and so
does of e what differs from its mean over the four ranges. All of it is known at the origin: the
outcome of a symbol that closes at another time (`lstmcast.prices.closing`) counts a day later.
Misses count smoothly, within 5 % of a bound: otherwise a rounding error could decide between hit
and miss. What lies between two ranges is stretched in proportion, and what lies beyond all as the
widest is.

Source: Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world; Gibbs and Candes
(2021), Adaptive conformal inference under distribution shift.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from lstmcast.dataset.target import seldom_traded
from lstmcast.distributions import Distribution, FloatArray, PointForecast, Stretched
from lstmcast.predictions import Actuals

Kind = Literal["none", "conformal", "adaptive"]
Rows = Mapping[str, NDArray[np.intp]]
Raw = Callable[[Rows], Mapping[str, Distribution]]


class Each(Protocol):
    """Applies a function to every item, in order of the items."""

    def __call__(self, function: Callable[[Any], Any], items: Iterable[Any], /) -> list[Any]:
        """The results."""
        ...


def one_by_one(function: Callable[[Any], Any], items: Iterable[Any], /) -> list[Any]:
    """Apply a function to every item, one after the other."""
    return [function(item) for item in items]


COVERAGES = np.array([0.5, 0.8, 0.9, 0.95])
GAINS = (0.02, 0.05, 0.2)
OWN_GAIN = 0.005
"""How fast the coefficients of all symbols, and each symbol's own level, learn."""

FEW = 4
"""Symbols at which half is believed of what few say little of."""

REVERSION = -0.1
"""Where the slope starts, far ahead. This and the gains are chosen on validation rows by how well
ranges hold, where the score one session ahead is better than without calibration; at five and ten
sessions holding costs about 0.001 of it."""

FEWEST_ROWS = 100
"""Validation rows below which conformal calibration leaves the forecasts as they are."""

_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
_MEDIAN, _MIDDLE = 4, 1
_SMOOTH = 0.05
_DECAY = 0.94
_BURN_IN = 34
"""Sessions, two over 1 - decay: the weights of the returns seen are seven eighths of all then."""

_MOST_RESTLESS = 1.5
_USUAL_SQUARE = 0.2
_MOST_STRETCH = np.log(2.0)
_LEAST_STEP = 0.2
"""Share of the way from a range to the next that is always left: ranges stay inside one another."""


@dataclass(frozen=True)
class Judged:
    """What is needed of one symbol: its sessions, closes, and where its forecasts begin to count.

    Args:
        name: the symbol.
        dates: `(rows,)` sessions.
        closes: `(rows,)` adjusted closes.
        first: row of the first forecast that is judged.
        market: symbols of one market close together; those of others know its outcome of a day
            on a later date only.
    """

    name: str
    dates: pd.DatetimeIndex
    closes: FloatArray
    first: int
    market: str = ""


def calibrate(
    raw: Raw,
    symbols: Sequence[Judged],
    origins: Rows,
    kind: Kind,
    validation_end: pd.Timestamp,
    *,
    each: Each = one_by_one,
) -> dict[str, Distribution]:
    """Forecast the origins and calibrate the forecasts by what came true before them.

    Args:
        raw: forecasts rows of the symbols, uncalibrated.
        symbols: all that are in `origins`, and those that they learn with.
        origins: by symbol, the rows whose forecasts are wanted, at least one each.
        kind: how to calibrate.
        validation_end: the last session that conformal calibration learns from.
        each: applies a function to many symbols, side by side where that is wanted.
    """
    plain = dict(raw(origins))
    if kind == "none" or any(isinstance(part, PointForecast) for part in plain.values()):
        return plain
    if kind == "conformal":
        return _conformal(raw, symbols, plain, validation_end)
    return _adaptive(raw, symbols, plain, origins, each)


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
    # Where some close later than others, what the last day brought is not known to all on that day.
    side: Literal["left", "right"] = "right" if len({s.market for s in symbols}) == 1 else "left"
    spans = {
        symbol.name: np.arange(
            symbol.first, int(symbol.dates.searchsorted(validation_end, side=side)) - 1
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
    return {name: Stretched(part, _Widths.of(part).unit, at, to) for name, part in plain.items()}


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
    each: Each,
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
    told = [(s, spans[s.name], judged[s.name]) for s in known]
    widths_of = each(_Widths.of, [forecast for _, _, forecast in told])
    by_name = {symbol.name: symbol for symbol in symbols}
    paths = {
        market: Path.of(told, widths_of, horizons, market)
        for market in dict.fromkeys(by_name[name].market for name in plain)
    }

    def stretched(name: str) -> Stretched:
        widths = _Widths.of(plain[name])
        unit = widths.unit[..., None]
        symbol = by_name[name]
        factors = paths[symbol.market].factors(symbol, origins[name])
        to = in_order(widths.ranges * unit, factors) / unit
        return Stretched(plain[name], widths.unit, widths.ranges, to)

    return dict(zip(plain, each(stretched, plain), strict=True))


def in_order(halves: FloatArray, factors: FloatArray) -> FloatArray:
    """Half widths times their factors, `(rows, horizons, ranges)`.

    Each range stays inside the next wider one, and none narrows from one horizon to the next: the
    factors are learned one by one and know nothing of each other.
    """
    steps = np.diff(halves * factors, axis=-1, prepend=0.0)
    least = _LEAST_STEP * np.diff(halves, axis=-1, prepend=0.0)
    nested = np.cumsum(np.maximum(steps, least), axis=-1)
    found: FloatArray = np.maximum.accumulate(nested, axis=1)
    return found


@dataclass(frozen=True)
class Path:
    """How the coefficients of each range moved.

    Entry k of both arrays holds before the outcomes of day k, so entry k + 1 is what is known at
    its close.

    Args:
        dates: `(days,)` sessions of any symbol.
        coefficients: `(days + 1, horizons, ranges, 3)`, of all symbols.
        levels: `(days + 1, horizons, ranges)` of each symbol's own, by name.
    """

    dates: pd.DatetimeIndex
    coefficients: FloatArray
    levels: Mapping[str, NDArray[np.float32]]

    @classmethod
    def follow(
        cls,
        judged: Sequence[tuple[Judged, NDArray[np.intp], Distribution]],
        horizons: int,
        each: Each = one_by_one,
    ) -> "Path":
        """Learn from every forecast on the day on which its outcome is known.

        Args:
            judged: each symbol, rows in one stretch, and their uncalibrated forecasts.
            horizons: sessions ahead.
            each: applies a function to many symbols, side by side where that is wanted.

        All symbols must be of one market.
        """
        all_widths = each(_Widths.of, [forecast for _, _, forecast in judged])
        return cls.of(judged, all_widths, horizons, judged[0][0].market)

    @classmethod
    def of(
        cls,
        judged: Sequence[tuple[Judged, NDArray[np.intp], Distribution]],
        all_widths: Sequence[_Widths],
        horizons: int,
        market: str,
    ) -> "Path":
        """Learn as symbols of one market may: from their own days, and from others a day late.

        Args:
            judged: as in `follow`, of any market.
            all_widths: of each forecast.
            horizons: sessions ahead.
            market: whose path it is.
        """
        dates = pd.DatetimeIndex([])
        for symbol, rows, _ in judged:
            dates = dates.union(symbol.dates[rows])
        shape = (len(dates), len(judged), horizons)
        # On the day of the outcome: distance and bounds in logs, restlessness and day of origin.
        distance, restless = np.full(shape, np.nan), np.zeros(shape)
        bounds, origin = np.zeros((*shape, len(COVERAGES))), np.zeros(shape, dtype=np.intp)
        unheard = np.zeros(shape, dtype=bool)
        for s, ((symbol, rows, _), widths) in enumerate(zip(judged, all_widths, strict=True)):
            z, seldom = restlessness(symbol.closes), seldom_traded(symbol.closes)
            day = dates.get_indexer(symbol.dates[rows]) + (symbol.market != market)
            # What was known too late for any of these days tells nothing.
            count = int((day < len(dates)).sum())
            log_close = np.log(symbol.closes[rows[:count]])
            for h in range(min(horizons, count - 1)):
                made, known = slice(0, count - h - 1), day[h + 1 : count]
                moved = log_close[h + 1 :] - log_close[: -h - 1]
                away = np.abs(moved - widths.median[made, h]) / widths.unit[made, h]
                distance[known, s, h] = np.log(np.maximum(away, 1e-9))
                bounds[known, s, h] = np.log(widths.ranges[made, h])
                restless[known, s, h] = z[rows[made]]
                origin[known, s, h] = day[made]
                unheard[known, s, h] = (moved == 0) & seldom[rows[made]]
        distance = _where_heard(distance, unheard)
        coefficients, levels = _learn(distance, bounds, restless, origin)
        names = [symbol.name for symbol, _, _ in judged]
        return cls(dates, coefficients, dict(zip(names, levels.swapaxes(0, 1), strict=True)))

    def factors(self, symbol: Judged, rows: NDArray[np.intp]) -> FloatArray:
        """`(rows, horizons, ranges)` factors at the close of each row."""
        day = self.dates.searchsorted(symbol.dates[rows], side="right")
        z = restlessness(symbol.closes)[rows][:, None, None]
        level = self.levels[symbol.name][day] if symbol.name in self.levels else 0.0
        return np.exp(_log_factors(self.coefficients[day], _mood(z), level))


def _where_heard(distance: FloatArray, unheard: NDArray[np.bool_]) -> FloatArray:
    """Distances of the outcomes that count, `(days, symbols, horizons)`; NaN for the others.

    A halted symbol is inside every range, every day, and would move those of all others. Its
    unchanged closes count on days on which no symbol tells more.
    """
    heard = np.isfinite(distance) & ~unheard
    counted: FloatArray = np.where(unheard & heard.any(axis=1, keepdims=True), np.nan, distance)
    return counted


def _mood(z: FloatArray) -> FloatArray:
    """What the coefficients are multiplied by, along a last axis of its own."""
    return np.stack([np.ones_like(z), z, z**2 - _USUAL_SQUARE], axis=-1)


def _log_factors(
    coefficients: FloatArray, mood: FloatArray, level: FloatArray | NDArray[np.float32] | float
) -> FloatArray:
    stretch = (coefficients * mood).sum(axis=-1) + level
    found: FloatArray = np.clip(stretch, -_MOST_STRETCH, _MOST_STRETCH)
    return found


def _learn(
    distance: FloatArray, bounds: FloatArray, restless: FloatArray, origin: NDArray[np.intp]
) -> tuple[FloatArray, NDArray[np.float32]]:
    """Coefficients and symbols' levels `(days + 1, symbols, horizons, ranges)`; see `Path`."""
    days, symbols, horizons = distance.shape
    each, ahead = np.arange(symbols)[:, None], np.arange(horizons)
    h = ahead[:, None] + 1.0
    slower = np.sqrt(h)
    gains, own_gain = np.array(GAINS) / slower[..., None], OWN_GAIN / slower
    coefficients = np.zeros((days + 1, horizons, len(COVERAGES), len(GAINS)))
    coefficients[0, ..., 1] = REVERSION * (1 - 1 / h)
    levels = np.zeros((days + 1, symbols, horizons, len(COVERAGES)), dtype=np.float32)
    for day in range(days):
        known = np.isfinite(distance[day])[..., None]
        mood = _mood(restless[day][..., None])
        then = origin[day] + 1
        stretch = _log_factors(coefficients[then, ahead], mood, levels[then, each, ahead])
        beyond = np.where(known, distance[day][..., None], 0.0) - stretch - bounds[day]
        error = np.where(known, expit(beyond / _SMOOTH) - (1 - COVERAGES), 0.0)
        count = np.maximum(known.sum(axis=0), 1)
        believed = count / (count + FEW)
        common = error.mean(axis=-1, keepdims=True)
        error = common + believed * (error - common)
        step = (error[..., None] * mood).sum(axis=0) / count[..., None]
        step[..., -1] *= believed
        coefficients[day + 1] = coefficients[day] + gains * step
        own = np.where(known, error - error.sum(axis=0) / count, 0.0)
        levels[day + 1] = levels[day] + own_gain * own
    return coefficients, levels


def restlessness(closes: FloatArray) -> FloatArray:
    """Log of the EWMA volatility at each row minus its mean so far, `(rows,)`, cut at 1.5.

    Volatility is the root of the mean square of the returns so far with weights that sum to 1, so
    that it does not start from a return that nobody saw. The mean of its logarithm leaves out the
    burn-in, in which few returns tell it: the logarithm of a mean of few squares is low. Until then
    nothing is known of how restless a symbol usually is, and the answer is 0.
    """
    square = pd.Series(np.diff(np.log(closes), prepend=np.nan) ** 2)
    volatility = square.ewm(alpha=1 - _DECAY).mean().clip(lower=1e-12) ** 0.5
    logs = np.log(volatility)
    logs.iloc[:_BURN_IN] = np.nan
    away = (logs - logs.expanding().mean()).fillna(0.0).to_numpy()
    cut: FloatArray = np.clip(away, -_MOST_RESTLESS, _MOST_RESTLESS)
    return cut
