"""How members become one forecast: equal weights, learned weights, or averaged quantiles.

Weights are learned on the validation part alone, for each horizon by itself: what is good for the
next session need not be for the next month. They maximise the log score of the linear pool,

    sum over origins t of  log(w_1 p_1(y_t) + ... + w_K p_K(y_t)),

with every w_k at least a floor, and the sum of the weights 1. The sum is concave in the weights,
and the EM algorithm for mixture weights climbs to its top without a step size. The floor enters
through w = floor + (1 - K floor) v with v on the simplex, which is a mixture again: of
p_k (1 - K floor) + floor (p_1 + ... + p_K).

Validation also chose when the networks stop, so their scores there are a little better than they
will be; a baseline's are not. A floor of some size is the answer to that.

A member's marginal gain is what the pool would lose without it: the validation log score of the
pool of the others (weights learned anew, where they are learned) minus that of all.

Source: Hall and Mitchell (2007), Combining density forecasts; Conflitti, De Mol and Giannone
(2015), Optimal combination of survey forecasts, for the EM algorithm.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from lstmcast.distributions import Distribution, FloatArray, average_quantiles, pool

Method = Literal["equal", "validation", "quantiles"]

_MOST_STEPS = 5000
_SMALLEST_GAIN = 1e-10
_PERCENT = 100.0


@dataclass(frozen=True)
class MemberScore:
    """One member of a pool.

    Args:
        name: its network and number, or the baseline's name.
        weights: `(horizons,)`, its share of the pool at each.
        log_score: its own on validation, of the return in %, horizons weighed as in training; lower
            is better.
        gain: by how much the pool's would be worse without it; None for an only member.
    """

    name: str
    weights: tuple[float, ...]
    log_score: float
    gain: float | None


@dataclass(frozen=True)
class PoolReport:
    """What the pool and its members are worth on the validation part.

    Args:
        method: how members are pooled.
        log_score: of the pool, of the return in %; lower is better.
        members: in the order of the weights.
    """

    method: str
    log_score: float
    members: tuple[MemberScore, ...]

    @property
    def plain(self) -> bool:
        """Whether it is equal weights of networks of one kind, and there is little to tell."""
        kinds = {member.name.rpartition(" ")[0] for member in self.members}
        return self.method == "equal" and len(kinds) == 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `run.json`."""
        return {
            "method": self.method,
            "validation_log_score": self.log_score,
            "members": [
                {
                    "name": member.name,
                    "weights": list(member.weights),
                    "validation_log_score": member.log_score,
                    "gain": member.gain,
                }
                for member in self.members
            ],
        }


def combine(
    members: Sequence[Distribution], method: Method, weights: FloatArray | None = None
) -> Distribution:
    """One forecast from several of the same rows.

    Args:
        members: forecasts of one shape.
        method: `quantiles` averages quantiles, the others densities.
        weights: `(members,)` or `(members, horizons)`, summing to 1 over the members; equal where
            not given.
    """
    if method == "quantiles" and len(members) > 1:
        return average_quantiles(members, weights)
    return pool(members, weights)


def learn_weights(log_density: FloatArray, floor: float) -> FloatArray:
    """The weights of the linear pool with the best log score.

    Args:
        log_density: `(members, rows)` of each member at what came true.
        floor: least weight of a member, as a share of its equal weight, above 0.

    Returns:
        `(members,)`, summing to 1.
    """
    members = len(log_density)
    least = floor / members
    free = 1.0 - floor
    if members == 1 or free <= 0:
        return np.full(members, 1 / members)
    relative = np.exp(log_density - log_density.max(axis=0))
    density = free * relative + least * relative.sum(axis=0)
    v = np.full(members, 1 / members)
    before = -np.inf
    rows, total = density.shape[1], np.add.reduce  # hundreds of steps, of a few microseconds each
    for _ in range(_MOST_STEPS):
        mixed = v @ density
        reached = total(np.log(mixed)) / rows
        if reached - before < _SMALLEST_GAIN:
            break
        before = reached
        v = v * (total(density / mixed, axis=1) / rows)
        v = v / total(v)
    return least + free * v


@dataclass(frozen=True)
class ValidationForecasts:
    """The members' forecasts of the validation part with what came true.

    Args:
        members: for each symbol, a forecast of each member; may be made one symbol at a time.
        actual: for each symbol, log returns `(rows, horizons)`; NaN where not known.
        horizon_weights: `(horizons,)`, how much each horizon counts.
    """

    members: Iterable[Sequence[Distribution]]
    actual: Sequence[FloatArray]
    horizon_weights: FloatArray

    def log_density(self, pooled: Sequence[Distribution]) -> FloatArray:
        """Log densities of what came true, `(rows, horizons)`, of rows known at all horizons."""
        return np.concatenate(list(map(_log_density, pooled, self.actual)))

    def log_score(self, log_density: FloatArray) -> float:
        """Mean negative log density of the return in %."""
        return self.log_score_of_mean(log_density.mean(axis=0))

    def log_score_of_mean(self, log_density: FloatArray) -> float:
        """The same from the mean of the log densities at each horizon."""
        share = self.horizon_weights / self.horizon_weights.sum()
        return float(np.log(_PERCENT) - log_density @ share)

    def by_symbol(self) -> "Iterator[_OfSymbol]":
        """What there is of each symbol, one after the other."""
        for forecasts, actual in zip(self.members, self.actual, strict=True):
            density = np.stack([_log_density(one, actual) for one in forecasts])
            yield _OfSymbol(forecasts, actual, density)


class _OfSymbol(NamedTuple):
    """The members' forecasts of a symbol, what came true, and their densities there.

    `density` is `(members, rows, horizons)`, of rows known at all horizons.
    """

    forecasts: Sequence[Distribution]
    actual: FloatArray
    density: FloatArray


def _log_density(forecast: Distribution, actual: FloatArray) -> FloatArray:
    """Log densities of what came true, of rows known at all horizons."""
    return forecast.log_density(actual)[np.isfinite(actual).all(axis=1)]


def weigh(
    forecasts: ValidationForecasts, names: Sequence[str], method: Method, floor: float
) -> tuple[FloatArray | None, PoolReport]:
    """Settle the weights of a pool and what each member adds to it.

    Args:
        forecasts: of the validation part; gone through once.
        names: of the members.
        method: how members are pooled.
        floor: least weight of a member, as a share of its equal weight.

    Returns:
        The weights `(members, horizons)`, None for equal ones; and the report.
    """
    count = len(names)
    every = range(count)
    subsets = [[k for k in every if k != left_out] for left_out in (None, *every)]
    if count == 1:
        subsets = subsets[:1]
    found = (
        _with_learned_weights(forecasts, subsets, floor)
        if method == "validation"
        else _with_equal_weights(forecasts, subsets, method)
    )
    score, *without = map(forecasts.log_score_of_mean, found.pools)
    gains: list[float | None] = [other - score for other in without]
    scores = tuple(
        MemberScore(name, tuple(share.tolist()), forecasts.log_score_of_mean(own), gain)
        for name, share, own, gain in zip(
            names, found.weights, found.members, gains or [None], strict=True
        )
    )
    return (found.weights if method == "validation" else None), PoolReport(method, score, scores)


class _Found(NamedTuple):
    """The weights of the pool of all, `(members, horizons)`, and what the pools are worth.

    `members` and `pools` are mean log densities, `(members, horizons)` and `(pools, horizons)`: of
    each member, and of the pool of some of them.
    """

    weights: FloatArray
    members: FloatArray
    pools: FloatArray


def _with_equal_weights(
    forecasts: ValidationForecasts, subsets: Sequence[list[int]], method: Method
) -> _Found:
    """What members and pools are worth; the densities of one symbol at a time are in memory."""
    members, horizons = len(subsets[0]), len(forecasts.horizon_weights)
    sums, rows = np.zeros((members + len(subsets), horizons)), 0
    for one in forecasts.by_symbol():
        pools = [
            _log_density(_chosen(one.forecasts, kept, method), one.actual)
            if method == "quantiles"
            else _mixed(one.density[kept], np.full((len(kept), horizons), 1 / len(kept)))
            for kept in subsets
        ]
        sums += np.concatenate([one.density, pools]).sum(axis=1)
        rows += one.density.shape[1]
    means = sums / rows
    return _Found(np.full((members, horizons), 1 / members), means[:members], means[members:])


def _with_learned_weights(
    forecasts: ValidationForecasts, subsets: Sequence[list[int]], floor: float
) -> _Found:
    """What members and pools are worth whose weights are learned, anew for each pool."""
    density = np.concatenate([one.density for one in forecasts.by_symbol()], axis=1)
    weights = [
        np.stack([learn_weights(part, floor) for part in np.moveaxis(density[kept], -1, 0)], -1)
        for kept in subsets
    ]
    pools = [
        _mixed(density[kept], share).mean(axis=0)
        for kept, share in zip(subsets, weights, strict=True)
    ]
    return _Found(weights[0], density.mean(axis=1), np.stack(pools))


def _mixed(log_density: FloatArray, weights: FloatArray) -> FloatArray:
    """Log densities of a linear pool of members, `(rows, horizons)`."""
    mixed: FloatArray = np.logaddexp.reduce(log_density + np.log(weights)[:, None], axis=0)
    return mixed


def _chosen(
    members: Sequence[Distribution], kept: Sequence[int], method: Method = "equal"
) -> Distribution:
    """The forecast of one member, or the pool of several with equal weights."""
    if len(kept) == 1:
        return members[kept[0]]
    return combine([members[k] for k in kept], method)
