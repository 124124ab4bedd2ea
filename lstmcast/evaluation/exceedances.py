"""Tests of tail quantiles: how often, and in what order, returns fall below a stated quantile.

A 5 % quantile of the return should be undercut on 5 % of the days (Kupiec), and not in bursts
(Christoffersen). Both are likelihood-ratio tests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, xlogy

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.plain_values import plain_fields


@dataclass(frozen=True)
class Exceedances:
    """How a stated quantile was undercut: counts, and p-values of the two tests and of both."""

    level: float
    days: int
    expected: float
    found: int
    kupiec: float
    """p-value of the right number of exceedances."""
    independence: float
    """p-value of exceedances that do not follow one another; NaN where fewer than two occurred."""
    conditional: float
    """p-value of both together."""

    def to_dict(self) -> dict[str, float | int | None]:
        """Plain values, with null for NaN."""
        return plain_fields(self)


def exceedances(actual: FloatArray, quantile: FloatArray, level: float) -> Exceedances:
    """Test a stated quantile against what came.

    Args:
        actual: `(days,)` returns, in the order of days and not overlapping.
        quantile: `(days,)` the quantile stated for each.
        level: its probability, such as 0.05.
    """
    hits = actual < quantile
    unconditional = kupiec_statistic(hits, level)
    independence = christoffersen_statistic(hits)
    both = unconditional + independence
    return Exceedances(
        level=level,
        days=len(hits),
        expected=level * len(hits),
        found=int(hits.sum()),
        kupiec=float(chdtrc(1, unconditional)),
        independence=float(chdtrc(1, independence)) if np.isfinite(independence) else float("nan"),
        conditional=float(chdtrc(2, both)) if np.isfinite(both) else float("nan"),
    )


def kupiec_statistic(hits: NDArray[np.bool_], level: float) -> float:
    """Likelihood ratio of the stated rate of exceedances against the one found; chi-squared, 1 df.

    Source: Kupiec (1995), Techniques for verifying the accuracy of risk measurement models.
    """
    found, days = int(hits.sum()), len(hits)
    rate = found / days
    stated = xlogy(found, level) + xlogy(days - found, 1 - level)
    free = xlogy(found, rate) + xlogy(days - found, 1 - rate)
    return max(0.0, 2 * float(free - stated))


def christoffersen_statistic(hits: NDArray[np.bool_]) -> float:
    """Likelihood ratio of one rate for all days against one for days after an exceedance.

    Chi-squared with 1 degree of freedom; NaN with fewer than two exceedances, which cannot follow
    one another.

    Source: Christoffersen (1998), Evaluating interval forecasts.
    """
    if hits.sum() < 2:
        return float("nan")
    before, after = hits[:-1], hits[1:]
    counts = [int(np.sum((before == a) & (after == b))) for a in (False, True) for b in (0, 1)]
    quiet, rises, falls, stays = counts
    pooled = (rises + stays) / len(before)
    after_quiet = rises / (quiet + rises) if quiet + rises else 0.0
    after_hit = stays / (falls + stays) if falls + stays else 0.0
    one_rate = xlogy(rises + stays, pooled) + xlogy(quiet + falls, 1 - pooled)
    two_rates = (
        xlogy(rises, after_quiet)
        + xlogy(quiet, 1 - after_quiet)
        + xlogy(stays, after_hit)
        + xlogy(falls, 1 - after_hit)
    )
    return max(0.0, 2 * float(two_rates - one_rate))
