"""Student-t distributions and mixtures of them, with quantiles that are exact and fast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstmcast.distributions.base import FloatArray
from lstmcast.distributions.mixture_quantiles import (
    MixtureArrays,
    quick_quantiles,
    quick_shortfall,
)
from lstmcast.distributions.roots import invert
from lstmcast.distributions.special import gammaln, stdtr, stdtrit


def student_t_log_density(
    y: ArrayLike, df: ArrayLike, loc: ArrayLike, scale: ArrayLike
) -> FloatArray:
    """Log density of a located and scaled Student-t, broadcast over its arguments."""
    df, scale = np.asarray(df, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    z = (np.asarray(y) - loc) / scale
    normaliser = gammaln((df + 1) / 2) - gammaln(df / 2) - 0.5 * np.log(np.pi * df) - np.log(scale)
    density: FloatArray = normaliser - (df + 1) / 2 * np.log1p(z * z / df)
    return density


@dataclass(frozen=True)
class StudentTMixture:
    """A weighted mixture of Student-t distributions; one component is a plain Student-t.

    Args:
        df, loc, scale: `(components, rows, horizons)`; degrees of freedom above 1, scale above 0
            in the unit of the returns.
        weights: `(components,)`, or `(components, rows, horizons)` where they differ from forecast
            to forecast; positive, summing to 1 over the components; equal where not given.
    """

    df: FloatArray
    loc: FloatArray
    scale: FloatArray
    weights: FloatArray | None = None

    def __post_init__(self) -> None:
        if not self.df.shape == self.loc.shape == self.scale.shape or self.df.ndim != 3:
            raise ValueError(
                "`df`, `loc` and `scale` must share a shape (components, rows, horizons), got "
                f"{self.df.shape}, {self.loc.shape}, {self.scale.shape}"
            )
        fitting = (self.df.shape[:1], self.df.shape)
        if self.weights is not None and self.weights.shape not in fitting:
            raise ValueError(
                f"`weights` must have shape {self.df.shape[:1]} or {self.df.shape}, "
                f"got {self.weights.shape}"
            )

    @classmethod
    def stacked(cls, parts: "Sequence[StudentTMixture]") -> "StudentTMixture":
        """The rows of several mixtures with as many components, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts], axis=1)
                for name in ("df", "loc", "scale", "shares")
            )
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.df.shape[1], self.df.shape[2]

    @property
    def shares(self) -> FloatArray:
        """The components' weights, `(components, rows, horizons)`."""
        components = self.df.shape[0]
        weights = np.full(components, 1 / components) if self.weights is None else self.weights
        if weights.ndim == 1:
            weights = weights[:, None, None]
        return np.broadcast_to(weights, self.df.shape)

    def part(self, rows: slice) -> "StudentTMixture":
        """The forecasts of some rows."""
        own = self.weights is not None and self.weights.ndim > 1
        return StudentTMixture(
            self.df[:, rows],
            self.loc[:, rows],
            self.scale[:, rows],
            self.weights[:, rows] if self.weights is not None and own else self.weights,
        )

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log of the weighted sum of the components' densities; NaN where `y` is."""
        each = student_t_log_density(y, self.df, self.loc, self.scale)
        if len(each) == 1:
            alone: FloatArray = each[0]
            return alone
        with np.errstate(invalid="ignore"):
            mixed: FloatArray = np.logaddexp.reduce(each + np.log(self.shares), axis=0)
        return mixed

    def cdf(self, y: FloatArray) -> FloatArray:
        """Weighted sum of the components' distribution functions."""
        total: FloatArray = (self.shares * stdtr(self.df, (y - self.loc) / self.scale)).sum(0)
        return total

    def shortfall(self, points: FloatArray) -> FloatArray:
        """Expected value of max(point - X, 0) at `(rows, horizons, points)`, by formula.

        For the standard distribution it is z F(z) + (n + z^2) / (n - 1) f(z).
        """
        mixture = MixtureArrays(self.df, self.loc, self.scale, self.shares)
        return quick_shortfall(mixture, points)

    def mean(self) -> FloatArray:
        """Weighted mean of the locations."""
        total: FloatArray = (self.shares * self.loc).sum(0)
        return total

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Exact quantiles: closed form for one component, else the root of the mixture's CDF.

        Nearly all are found by a few steps of high order from a good start (see
        `mixture_quantiles`); the rest, by Newton's method between the components' own quantiles.
        """
        level = np.asarray(levels, dtype=np.float64)
        if self.df.shape[0] == 1:
            df, loc, scale = self.df[0], self.loc[0], self.scale[0]
            # A baseline's tails are the same for every row: look them up once.
            rows = df[:1] if np.all(df == df[:1]) else df
            single: FloatArray = loc[..., None] + scale[..., None] * _t_quantiles(rows, level)
            return single
        arrays = MixtureArrays(self.df, self.loc, self.scale, self.shares)
        # The method of high order walks from level to level upwards.
        order = np.argsort(level, kind="stable")
        root = np.empty((*self.shape, len(level)))
        found, settled = quick_quantiles(arrays, level[order])
        root[..., order] = found
        if not settled.all():
            root[~settled] = _bracketed(arrays.of(~settled), level)
        return root


def _t_quantiles(df: FloatArray, level: FloatArray) -> FloatArray:
    """Quantiles of the standard distribution, `(..., levels)`: one tail, where levels mirror."""
    half = len(level) // 2
    if half == 0 or not np.allclose(level + level[::-1], 1, rtol=0, atol=1e-15):
        plain: FloatArray = stdtrit(df[..., None], level)
        return plain
    lower = stdtrit(df[..., None], level[: len(level) - half])
    return np.concatenate([lower, -lower[..., :half][..., ::-1]], axis=-1)


def _bracketed(mixture: MixtureArrays, level: FloatArray) -> FloatArray:
    """Quantiles `(forecasts, levels)` by safeguarded Newton, from the components' own."""
    df, loc, scale = (values[..., None] for values in (mixture.df, mixture.loc, mixture.scale))
    each = loc + scale * stdtrit(df, level)

    def cdf_and_density(y: FloatArray, searched: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        row = searched // len(level)
        df, loc, scale, share = (
            values[:, row] for values in (mixture.df, mixture.loc, mixture.scale, mixture.share)
        )
        probability = (share * stdtr(df, (y - loc) / scale)).sum(axis=0)
        density = (share * np.exp(student_t_log_density(y, df, loc, scale))).sum(axis=0)
        return probability, density

    return invert(cdf_and_density, level, each.min(axis=0), each.max(axis=0))
