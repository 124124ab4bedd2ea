"""GARCH(1,1) and GJR-GARCH with Student-t shocks, several sessions ahead by simulation.

    r_t = mu + e_t,   e_t = sigma_t z_t,   z_t standardised Student-t with nu degrees of freedom
    sigma^2_{t+1} = omega + (alpha + gamma [e_t < 0]) e_t^2 + beta sigma^2_t

`arch` fits the parameters by maximum likelihood on the rows that may be fitted; the filter then
runs over all rows with the parameters held. One session ahead the forecast is a Student-t; further
ahead it is the Student-t that fits simulated paths best.

Source: Bollerslev (1987), A conditionally heteroskedastic time series model; Glosten, Jagannathan
and Runkle (1993), On the relation between the expected value and the volatility.
"""

import warnings
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from lstmcast.baselines.base import BaselineForecast, BaselineInputs
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.student_t import StudentT, fit_student_t
from lstmcast.distributions import FloatArray, StudentTMixture

MIN_ROWS = 250
"""Fewer returns than a year's leave five parameters undetermined."""

HIGHEST_PERSISTENCE = 1.0005
"""alpha + beta + gamma / 2 above this lets the variance explode."""

PATHS = 2000
_FIT_VERSION = 1
_SEED = 20260101
_BACKCAST_ROWS = 75
_GRID_STEP = 0.5
_UNIT = 100.0


@dataclass(frozen=True)
class GarchParameters:
    """Fitted parameters, of returns in %."""

    mu: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    nu: float

    @property
    def persistence(self) -> float:
        """How much of a shock to the variance is left one session later."""
        return self.alpha + self.beta + self.gamma / 2


@dataclass(frozen=True)
class Garch:
    """GARCH(1,1)-t, or GJR-GARCH-t where falls weigh more than rises."""

    asymmetric: bool = False

    @property
    def name(self) -> str:
        """`gjr` or `garch`."""
        return "gjr" if self.asymmetric else "garch"

    @property
    def label(self) -> str:
        """The name as textbooks write it."""
        return "GJR-GARCH-t" if self.asymmetric else "GARCH(1,1)-t"

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs a year of returns to fit."""
        found = inputs.fit_rows - inputs.first_move()
        if found >= MIN_ROWS:
            return None
        return f"has {max(found, 0)} returns before the test period; GARCH needs {MIN_ROWS}"

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin; by EWMA, with a note, where the fit fails."""
        start = inputs.first_move()
        returns = _UNIT * inputs.returns()[start:]
        parameters = self._parameters(returns[: inputs.fit_rows - start], inputs.cache)
        if parameters is None:
            fallback = Ewma().forecast(inputs)
            note = f"{self.label} of {inputs.symbol}: the fit failed or diverged; replaced by EWMA"
            return BaselineForecast(fallback.distribution, (note, *fallback.notes))
        variance = next_variance(returns, parameters)[inputs.origins - start]
        return BaselineForecast(cumulated(parameters, variance, inputs.horizons))

    def _parameters(self, returns: FloatArray, cache: FitCache | None) -> GarchParameters | None:
        if cache is None:
            return fit_garch(returns, asymmetric=self.asymmetric)

        def fit() -> dict[str, float] | None:
            fitted = fit_garch(returns, asymmetric=self.asymmetric)
            return None if fitted is None else asdict(fitted)

        values = cache.recall(f"{self.name} {_FIT_VERSION}", returns, fit)
        return None if values is None else GarchParameters(**values)


def fit_garch(returns: FloatArray, *, asymmetric: bool) -> GarchParameters | None:
    """Fit by maximum likelihood from two starts; None if no fit converges to a stable model.

    Args:
        returns: `(rows,)` in %.
        asymmetric: let falls weigh more than rises (GJR).
    """
    from arch.univariate import GARCH, ConstantMean, StudentsT

    order = int(asymmetric)
    model = ConstantMean(
        returns, volatility=GARCH(p=1, o=order, q=1), distribution=StudentsT(), rescale=False
    )
    second = np.array([0.05, 0.05, 0.05, *([0.05] * order), 0.88, 6.0])
    best, best_likelihood = None, -np.inf
    for start in (None, second):
        with warnings.catch_warnings():
            # A bad start or a fit that stops early is seen below, in the result itself.
            warnings.simplefilter("ignore")
            try:
                result = model.fit(disp="off", show_warning=False, starting_values=start)
            except (ValueError, FloatingPointError, np.linalg.LinAlgError):
                continue
        found = GarchParameters(
            mu=float(result.params["mu"]),
            omega=float(result.params["omega"]),
            alpha=float(result.params["alpha[1]"]),
            gamma=float(result.params.get("gamma[1]", 0.0)),
            beta=float(result.params["beta[1]"]),
            nu=float(result.params["nu"]),
        )
        stable = found.persistence < HIGHEST_PERSISTENCE and result.convergence_flag == 0
        if stable and result.loglikelihood > best_likelihood:
            best, best_likelihood = found, float(result.loglikelihood)
    return best


def next_variance(returns: FloatArray, parameters: GarchParameters) -> FloatArray:
    """Variance of the session after each row, `(rows,)`, in %^2.

    The filter starts from an exponentially weighted mean of the first 75 squared shocks.
    """
    shocks = returns - parameters.mu
    early = shocks[:_BACKCAST_ROWS] ** 2
    weights = 0.94 ** np.arange(len(early))
    start = float(early @ weights / weights.sum())
    news = parameters.omega + (parameters.alpha + parameters.gamma * (shocks < 0)) * shocks**2
    return _filtered(news, parameters.beta, start)


def _filtered(inputs: FloatArray, decay: float, start: float) -> FloatArray:
    """`y_t = inputs_t + decay * y_{t-1}` with `y_{-1} = start`, `(rows,)`.

    By pandas, whose exponential mean is the same recursion: scipy.signal takes a second to load.
    """
    weight = 1 - decay
    if weight <= 0:
        return start + np.cumsum(inputs)
    series = pd.Series(np.concatenate([[start], inputs / weight]))
    following: FloatArray = series.ewm(alpha=weight, adjust=False).mean().to_numpy()[1:]
    return following


def cumulated(parameters: GarchParameters, variance: FloatArray, horizons: int) -> StudentTMixture:
    """The distribution of returns cumulated over 1..`horizons` sessions, as fractions.

    It depends on the origin through its variance alone, so paths are simulated from variances on a
    fixed grid, a Student-t is fitted to each horizon's returns, and its parameters are read off
    between the grid's points. One session ahead it is exact.

    Args:
        parameters: of returns in %.
        variance: `(rows,)` variance of the first session ahead, %^2.
        horizons: sessions ahead.
    """
    deviation = np.sqrt(variance)
    shape = (len(variance), horizons)
    df = np.full(shape, parameters.nu)
    loc = np.tile(parameters.mu * np.arange(1.0, horizons + 1), (len(variance), 1))
    scale = np.tile((deviation * _unit_scale(parameters))[:, None], horizons)
    if horizons > 1:
        position = np.log(variance) / _GRID_STEP
        points = np.arange(np.floor(position.min()), np.floor(position.max()) + 2)
        shocks = _shocks(parameters.nu, horizons)
        fits = [_simulate(parameters, np.exp(_GRID_STEP * k), shocks) for k in points]
        for h in range(1, horizons):
            at = [fit[h - 1] for fit in fits]
            df[:, h] = 1 / np.interp(position, points, [1 / fit.df for fit in at])
            loc[:, h] = deviation * np.interp(position, points, [fit.loc for fit in at])
            scale[:, h] = deviation * np.interp(position, points, [fit.scale for fit in at])
    return StudentTMixture(df=df[None], loc=loc[None] / _UNIT, scale=scale[None] / _UNIT)


def _unit_scale(parameters: GarchParameters) -> float:
    """Scale of a Student-t of variance 1."""
    return float(np.sqrt((parameters.nu - 2) / parameters.nu))


def _shocks(nu: float, horizons: int) -> FloatArray:
    """Shocks of variance 1 for each step of each path, `(horizons, PATHS)`.

    Each step's are the distribution's own quantiles in a random order (Latin hypercube), the same
    for every start, so that few paths are enough.
    """
    grid = stdtrit(nu, (np.arange(PATHS) + 0.5) / PATHS)
    steps = np.tile(grid / grid.std(), (horizons, 1))
    return np.random.default_rng(_SEED).permuted(steps, axis=1)


def _simulate(p: GarchParameters, start: float, shocks: FloatArray) -> list[StudentT]:
    """Student-t of the return over 2, 3, ... sessions from the variance `start`, in its root."""
    variance, reached = np.full(PATHS, start), np.zeros(PATHS)
    fits = []
    for h, shock in enumerate(shocks):
        news = np.sqrt(variance) * shock
        reached += p.mu + news
        variance = (
            p.omega + np.where(news < 0, p.alpha + p.gamma, p.alpha) * news**2 + (p.beta * variance)
        )
        if h > 0:
            fits.append(fit_student_t(reached / np.sqrt(start), location=True))
    return fits
