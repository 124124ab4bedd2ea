"""Several forecasts of the same rows made into one.

The linear pool averages densities: it is wider than its members where they disagree, which is
honest about what they do not know, and its log score is at least the average of theirs. Averaging
quantiles (Vincent 1912) averages the members' shapes instead and stays as sharp as they are.

Source: Stone (1961), The opinion pool; Lichtendahl, Grushka-Cockayne and Winkler (2013), Is it
better to average probabilities or quantiles?
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions.base import Distribution, FloatArray, PointForecast
from lstmcast.distributions.grid import QuantileGrid
from lstmcast.distributions.levels import STATED_LEVELS
from lstmcast.distributions.roots import invert
from lstmcast.distributions.student_t import StudentTMixture

AVERAGED_LEVELS: tuple[float, ...] = (
    *(0.0005, 0.002, 0.005, 0.01),
    *STATED_LEVELS,
    *(0.99, 0.995, 0.998, 0.9995),
)
"""Levels at which quantiles are averaged: those that a prediction states, and further tails."""


@dataclass(frozen=True)
class LinearPool:
    """A weighted mean of the densities of forecasts of any kind.

    Args:
        members: distributions of one shape.
        weights: `(members,)` or `(members, horizons)`, positive, summing to 1 over the members.
    """

    members: tuple[Distribution, ...]
    weights: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.members[0].shape

    def part(self, rows: slice) -> "LinearPool":
        """The forecasts of some rows."""
        return LinearPool(tuple(member.part(rows) for member in self.members), self.weights)

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log of the weighted sum of the members' densities; NaN where `y` is."""
        each = np.stack([member.log_density(y) for member in self.members])
        with np.errstate(invalid="ignore"):
            mixed: FloatArray = np.logaddexp.reduce(each + np.log(_spread(self.weights)), axis=0)
        return mixed

    def cdf(self, y: FloatArray) -> FloatArray:
        """Weighted sum of the members' distribution functions."""
        return _weighted([member.cdf(y) for member in self.members], self.weights)

    def mean(self) -> FloatArray:
        """Weighted mean of the members' means."""
        return _weighted([member.mean() for member in self.members], self.weights)

    def shortfall(self, points: FloatArray) -> FloatArray:
        """Weighted sum of the members' expected shortfalls."""
        total = np.zeros_like(points)
        for weight, member in zip(self.weights, self.members, strict=True):
            total += np.reshape(weight, (1, -1, 1)) * member.shortfall(points)
        return total

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Roots of the pool's distribution function, between the members' own quantiles."""
        each = np.stack([member.quantiles(levels) for member in self.members])
        low, high = each.min(axis=0), each.max(axis=0)
        points = (low + high) / 2

        def cdf_and_density(
            y: FloatArray, searched: NDArray[np.intp]
        ) -> tuple[FloatArray, FloatArray]:
            # Members forecast all rows or none: the levels alone can be left out.
            np.put(points, searched, y)
            probability, density = np.zeros_like(points), np.zeros_like(points)
            for k in np.unique(searched % points.shape[-1]):
                probability[..., k] = self.cdf(points[..., k])
                density[..., k] = np.exp(self.log_density(points[..., k]))
            return probability.ravel()[searched], density.ravel()[searched]

        return invert(cdf_and_density, np.asarray(levels, dtype=np.float64), low, high)


def pool(members: Sequence[Distribution], weights: FloatArray | None = None) -> Distribution:
    """The linear opinion pool of several forecasts over the same rows; of points, their mean.

    Args:
        members: forecasts of one shape; points do not go together with distributions.
        weights: `(members,)` or `(members, horizons)`, summing to 1 over the members; equal where
            not given.

    Raises:
        ValueError: if there are no members, or points among distributions.
    """
    if not members:
        raise ValueError("`members` must name at least one forecast, got none")
    share = np.full(len(members), 1 / len(members)) if weights is None else weights
    points = [member for member in members if isinstance(member, PointForecast)]
    if len(points) == len(members):
        return PointForecast(_weighted([point.value for point in points], share))
    if points:
        raise ValueError("`members` must be all points or all distributions, got both")
    if len(members) == 1:
        return members[0]
    mixtures = [member for member in members if isinstance(member, StudentTMixture)]
    if len(mixtures) == len(members):
        return _joined(mixtures, share)
    return LinearPool(tuple(members), share)


def average_quantiles(
    members: Sequence[Distribution], weights: FloatArray | None = None
) -> QuantileGrid:
    """The weighted mean of the members' quantiles, level by level.

    Args:
        members: distributions of one shape.
        weights: `(members,)`, summing to 1; equal where not given.
    """
    share = np.full(len(members), 1 / len(members)) if weights is None else weights
    each = np.stack([member.quantiles(AVERAGED_LEVELS) for member in members])
    return QuantileGrid(AVERAGED_LEVELS, np.tensordot(share, each, axes=1))


def _joined(mixtures: Sequence[StudentTMixture], share: FloatArray) -> StudentTMixture:
    """One mixture with the components of all."""
    plain = share.ndim == 1 and all(
        mixture.weights is None and len(mixture.df) == 1 for mixture in mixtures
    )
    return StudentTMixture(
        df=np.concatenate([mixture.df for mixture in mixtures]),
        loc=np.concatenate([mixture.loc for mixture in mixtures]),
        scale=np.concatenate([mixture.scale for mixture in mixtures]),
        weights=share
        if plain
        else np.concatenate([w * m.shares for w, m in zip(share, mixtures, strict=True)]),
    )


def _spread(weights: FloatArray) -> FloatArray:
    """Weights as `(members, 1, horizons or 1)`, to go with values `(members, rows, horizons)`."""
    return weights.reshape(len(weights), 1, -1)


def _weighted(values: Sequence[FloatArray], weights: FloatArray) -> FloatArray:
    total: FloatArray = (_spread(weights) * np.stack(values)).sum(axis=0)
    return total
