"""Is a difference in losses beyond sampling error? Diebold-Mariano, Newey-West, bootstrap, Holm.

Losses of forecasts that overlap, or that follow one volatile month, are not independent: every
error here is computed from the series of daily differences with its autocorrelation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.plain_values import plain_fields
from lstmcast.evaluation.ratios import skill

MIN_DAYS = 60
"""Fewer days than this tell nothing."""

MIN_DAYS_PER_HORIZON = 15
"""Days for each session that a forecast reaches ahead; fewer tell nothing either."""

LAGS = 5
"""Lags of the Newey-West error for forecasts of one session."""

_NO_SPREAD = 1e-20
"""Variance over squared mean that is rounding alone: the same difference on every day."""

_BOOTSTRAPS = 1000
_SEED = 20260101


def enough_days(days: int, horizon: int = 1) -> bool:
    """Whether so many days can tell anything of forecasts that reach `horizon` sessions ahead.

    It takes 60, and 15 times the horizon: forecasts that overlap are hardly more than one. With
    fewer the test calls chance a finding in more than 7.5 % of the cases where it states 5 %: in
    10 % ten sessions ahead over 60 days.
    """
    return days >= max(MIN_DAYS, MIN_DAYS_PER_HORIZON * horizon)


@dataclass(frozen=True)
class Test:
    """A test of equal losses over `days` days; negative `statistic`: the first is better."""

    __test__ = False  # not a test case, whatever its name looks like to pytest

    mean: float
    statistic: float
    p_value: float
    days: int

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain values, with null for NaN."""
        return plain_fields(self)


@dataclass(frozen=True)
class Interval:
    """A figure with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def autocovariances(series: FloatArray, lags: int) -> FloatArray:
    """Autocovariances at lags 0..`lags`, each a sum divided by the length of the series."""
    deviation = series - series.mean()
    n = len(series)
    return np.array([deviation[k:] @ deviation[: n - k] / n for k in range(lags + 1)])


def long_run_variance(
    series: FloatArray, lags: int, kernel: Literal["bartlett", "rectangular"] = "bartlett"
) -> float:
    """Variance of the mean of a series times its length.

    Args:
        series: `(days,)`.
        lags: highest autocovariance that counts.
        kernel: weights `1 - k / (lags + 1)` (Newey-West, never negative), or all 1.

    Source: Newey and West (1987), A simple, positive semi-definite, heteroskedasticity and
    autocorrelation consistent covariance matrix.
    """
    gamma = autocovariances(series, min(lags, len(series) - 1))
    k = np.arange(1, len(gamma))
    weights = 1 - k / (lags + 1) if kernel == "bartlett" else np.ones(len(k))
    return float(gamma[0] + 2 * weights @ gamma[1:])


def newey_west_lags(horizon: int) -> int:
    """Lags for forecasts that overlap by `horizon` - 1 sessions: 5, and three times as many.

    The kernel gives an autocovariance at the lag of the overlap two thirds of its weight then.
    """
    return LAGS + 3 * (horizon - 1)


def degrees_of_freedom(days: int, lags: int) -> float:
    """Of the Student-t that a mean over its Newey-West error follows, at its 5 % value.

    An error from many autocovariances of few days is itself uncertain, and Student's t with n - 1
    degrees of freedom then rejects two to three times too often. The 5 % value as a
    function of b is Kiefer and Vogelsang's, for Bartlett's kernel. Their b is the lag at which the
    kernel reaches zero over the days: (lags + 1) / days.

    Source: Kiefer and Vogelsang (2005), A new asymptotic theory for heteroskedasticity-
    autocorrelation robust tests, table 1.
    """
    b = (lags + 1) / days
    value = 1.96 + 2.9694 * b + 0.4160 * b**2 - 0.5324 * b**3
    return min(days - 1.0, float(np.interp(-value, *_student_t_values())))


@lru_cache(maxsize=1)
def _student_t_values() -> tuple[FloatArray, FloatArray]:
    """5 % values of Student's t, negative and so rising, and their degrees of freedom."""
    df: FloatArray = np.geomspace(1.0, 1e6, 4000)
    return -stdtrit(df, 0.975), df


def diebold_mariano(
    difference: FloatArray,
    horizon: int = 1,
    *,
    lags: int | None = None,
    kernel: Literal["bartlett", "rectangular"] = "bartlett",
) -> Test:
    """Test that two forecasts lose equally on average.

    `S = mean(d) / sqrt(V / n)`, two-sided, against Student's t with the degrees of freedom that V
    leaves (`degrees_of_freedom`), which allow for small samples.

    Args:
        difference: `(days,)` loss of the first minus loss of the second; on each day the mean
            over symbols, where several are pooled.
        horizon: sessions that a forecast reaches ahead, h.
        lags: highest autocovariance in V; by default 5 plus three times h - 1, a third of the days
            at most.
        kernel: `rectangular` with `lags` h - 1 is the original test, with the small-sample factor
            `sqrt((n + 1 - 2h + h(h-1)/n) / n)` on S and n - 1 degrees of freedom. Where its V is
            not positive, the test falls back to `bartlett`.

    Returns:
        NaN statistic and p-value where there are fewer than 60 or than 15h days, or
        where the difference is the same on all of them; p-value 1 where it is 0 on all.

    Source: Diebold and Mariano (1995), Comparing predictive accuracy; Harvey, Leybourne and
    Newbold (1997), Testing the equality of prediction mean squared errors; Coroneo and Iacone
    (2020), Comparing predictive accuracy in small samples using fixed-smoothing asymptotics.
    """
    d = difference[np.isfinite(difference)]
    n = len(d)
    mean = float(d.mean()) if n else float("nan")
    if not enough_days(n, horizon):
        return Test(mean, float("nan"), float("nan"), n)
    if np.all(d == d[0]) and d[0] == 0:
        return Test(0.0, 0.0, 1.0, n)
    highest = min(newey_west_lags(horizon), n // 3) if lags is None else lags
    variance, df = long_run_variance(d, highest, kernel), n - 1.0
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    if kernel == "bartlett" or variance <= 0:
        variance, df = long_run_variance(d, highest), degrees_of_freedom(n, highest)
        correction = 1.0
    if variance <= _NO_SPREAD * mean**2:
        return Test(mean, float("nan"), float("nan"), n)
    statistic = mean / np.sqrt(variance / n) * np.sqrt(correction)
    return Test(mean, float(statistic), 2 * float(stdtr(df, -abs(statistic))), n)


def sidak(p_value: float, trials: int) -> float:
    """The p-value of a finding that is the best of so many trials: `1 - (1 - p) ** trials`.

    Exact where trials are independent, and too large where they are alike, as configurations of one
    search are. NaN stays NaN.

    Args:
        p_value: as if it were the only trial.
        trials: that were made, this one included.

    Source: Sidak (1967), Rectangular confidence regions for the means of multivariate normal
    distributions; on the best of many models, White (2000), A reality check for data snooping.
    """
    if trials == 1 or not p_value < 1:
        return p_value
    return float(-np.expm1(trials * np.log1p(-p_value)))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values of several tests so that the chance of any false finding stays as stated.

    NaN stays NaN and does not count as a test.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    tested = {name: p for name, p in p_values.items() if np.isfinite(p)}
    adjusted = {name: float("nan") for name in p_values}
    highest = 0.0
    for rank, name in enumerate(sorted(tested, key=lambda name: tested[name])):
        highest = max(highest, min(1.0, (len(tested) - rank) * tested[name]))
        adjusted[name] = highest
    return adjusted


def skill_interval(
    model: FloatArray, baseline: FloatArray, horizon: int = 1, *, level: float = 0.95
) -> Interval:
    """Skill 1 - mean(model) / mean(baseline) with a stationary-bootstrap interval.

    Days are drawn in blocks of random length, in pairs of both losses, with a fixed seed.

    Args:
        model: `(days,)` positive losses of the model.
        baseline: the same of the baseline.
        horizon: sessions that a forecast reaches ahead: blocks are longer for longer ones.
        level: of the interval.

    Source: Politis and Romano (1994), The stationary bootstrap.
    """
    n = len(model)
    value = skill(float(model.mean()), float(baseline.mean()))
    if not enough_days(n, horizon) or not np.isfinite(value):
        return Interval(value, float("nan"), float("nan"))
    block = max(2 * horizon, round(1.75 * n ** (1 / 3)))
    rows = _drawn_days(n, block)
    with np.errstate(divide="ignore", invalid="ignore"):  # a draw of days without any loss
        skills = 1 - model[rows].mean(axis=1) / baseline[rows].mean(axis=1)
    if not np.isfinite(skills).all():
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(skills, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def stationary_bootstrap(n: int, block: int, samples: int, seed: int) -> np.ndarray:
    """Row numbers `(samples, n)`: blocks of geometric length, mean `block`, wrapped at the end."""
    generator = np.random.default_rng(seed)
    begins = generator.random((samples, n)) < 1 / block
    begins[:, 0] = True
    starts = generator.integers(n, size=(samples, n))
    first = np.flatnonzero(begins)
    shift = starts.ravel()[first] - first % n
    lengths = np.diff(first, append=samples * n)
    rows: np.ndarray = (np.repeat(shift, lengths).reshape(samples, n) + np.arange(n)) % n
    return rows


@lru_cache(maxsize=2)
def _drawn_days(n: int, block: int) -> np.ndarray:
    """The draws of `skill_interval`, which are the same for every baseline."""
    rows = stationary_bootstrap(n, block, _BOOTSTRAPS, _SEED)
    rows.flags.writeable = False
    return rows
