"""Predictive distributions of returns, as arrays with a row per origin and a column per horizon.

Everything that forecasts, a trained network or a baseline, ends in one of these; everything that
scores, writes or draws a forecast starts from one. They hold numpy arrays in float64 and know
neither torch nor pandas.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, stdtr, stdtrit

FloatArray = NDArray[np.float64]

_NEWTON_STEPS = 60
_TOLERANCE = 1e-10
"""Error of the probability before the last Newton step, which squares it."""


class Distribution(Protocol):
    """A forecast of returns for `(rows, horizons)`."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        ...

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log predictive density at `y`, `(rows, horizons)`; NaN for a point forecast."""
        ...

    def cdf(self, y: FloatArray) -> FloatArray:
        """Probability of a value up to `y`, `(rows, horizons)`; NaN for a point forecast."""
        ...

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Quantiles, `(rows, horizons, levels)`; NaN where a forecast does not state one."""
        ...

    def mean(self) -> FloatArray:
        """Expected value, `(rows, horizons)`."""
        ...


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
        weights: `(components,)`, positive, summing to 1; equal where not given.
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
        if self.weights is not None and self.weights.shape != self.df.shape[:1]:
            raise ValueError(
                f"`weights` must have shape {self.df.shape[:1]}, got {self.weights.shape}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.df.shape[1], self.df.shape[2]

    @property
    def _weights(self) -> FloatArray:
        components = self.df.shape[0]
        weights = np.full(components, 1 / components) if self.weights is None else self.weights
        return weights[:, None, None]

    def log_density(self, y: FloatArray) -> FloatArray:
        """Log of the weighted sum of the components' densities; NaN where `y` is."""
        each = student_t_log_density(y, self.df, self.loc, self.scale)
        if len(each) == 1:
            alone: FloatArray = each[0]
            return alone
        with np.errstate(invalid="ignore"):
            mixed: FloatArray = np.logaddexp.reduce(each + np.log(self._weights), axis=0)
        return mixed

    def cdf(self, y: FloatArray) -> FloatArray:
        """Weighted sum of the components' distribution functions."""
        total: FloatArray = (self._weights * stdtr(self.df, (y - self.loc) / self.scale)).sum(0)
        return total

    def mean(self) -> FloatArray:
        """Weighted mean of the locations."""
        total: FloatArray = (self._weights * self.loc).sum(0)
        return total

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """Exact quantiles: closed form for one component, else the root of the mixture's CDF.

        The root is bracketed by the components' own quantiles and found by Newton's method,
        with a bisection wherever a step would leave the bracket.
        """
        level = np.asarray(levels, dtype=np.float64)
        if self.df.shape[0] == 1:
            single: FloatArray = self._component_quantiles(0, level)
            return single
        each = np.stack([self._component_quantiles(k, level) for k in range(self.df.shape[0])])
        low, high = each.min(axis=0), each.max(axis=0)
        root: FloatArray = (self._weights[..., None] * each).sum(axis=0)
        for _ in range(_NEWTON_STEPS):
            probability, density = self._cdf_and_density(root)
            excess = probability - level
            low, high = np.where(excess < 0, root, low), np.where(excess > 0, root, high)
            step = root - excess / density
            inside = (step >= low) & (step <= high)
            root = np.where(inside, step, (low + high) / 2)
            if np.abs(excess).max() <= _TOLERANCE:
                break
        return root

    def _component_quantiles(self, component: int, level: FloatArray) -> FloatArray:
        """Quantiles `(rows, horizons, levels)` of one component."""
        df, loc, scale = (a[component][..., None] for a in (self.df, self.loc, self.scale))
        exact: FloatArray = loc + scale * stdtrit(df, level)
        return exact

    def _cdf_and_density(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """CDF and density at `y` of shape `(rows, horizons, levels)`."""
        df, loc, scale = self.df[..., None], self.loc[..., None], self.scale[..., None]
        weights = self._weights[..., None]
        probability = (weights * stdtr(df, (y - loc) / scale)).sum(axis=0)
        density = (weights * np.exp(student_t_log_density(y, df, loc, scale))).sum(axis=0)
        return probability, density


def pool(members: Sequence[StudentTMixture], weights: FloatArray | None = None) -> StudentTMixture:
    """The linear opinion pool of several mixtures over the same rows.

    Args:
        members: forecasts of one shape.
        weights: `(members,)`, summing to 1; equal where not given.

    Source: Stone (1961), The opinion pool.
    """
    share = np.full(len(members), 1 / len(members)) if weights is None else weights
    return StudentTMixture(
        df=np.concatenate([m.df for m in members]),
        loc=np.concatenate([m.loc for m in members]),
        scale=np.concatenate([m.scale for m in members]),
        weights=np.concatenate(
            [w * m._weights[:, 0, 0] for w, m in zip(share, members, strict=True)]  # noqa: SLF001 - same class
        ),
    )


@dataclass(frozen=True)
class PointForecast:
    """A forecast that states one number and no range; its density and quantiles are NaN.

    Args:
        value: `(rows, horizons)`, the expected return.
    """

    value: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and horizons."""
        return self.value.shape[0], self.value.shape[1]

    def log_density(self, y: FloatArray) -> FloatArray:
        """NaN: a point has no density."""
        return np.full_like(y, np.nan, dtype=np.float64)

    def cdf(self, y: FloatArray) -> FloatArray:
        """NaN: a point has no distribution function."""
        return np.full_like(y, np.nan, dtype=np.float64)

    def mean(self) -> FloatArray:
        """The number itself."""
        return self.value

    def quantiles(self, levels: Sequence[float]) -> FloatArray:
        """The number at level 0.5, NaN at every other level."""
        stated = np.isclose(np.asarray(levels), 0.5)
        return np.where(stated, self.value[..., None], np.nan)
