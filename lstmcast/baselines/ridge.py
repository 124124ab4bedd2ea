"""Ridge regression on the model's own features: what they say of the mean without a network.

    (return over h sessions from t) / width_t  ~  intercept + features_t . b

with the features standardised on the rows that are fitted, an EWMA width, and the penalty that
forecasts the last fifth of those rows best. The residuals are Student-t.

Source: Hoerl and Kennard (1970), Ridge regression: biased estimation for nonorthogonal problems.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lstmcast.baselines.base import BaselineForecast, BaselineInputs
from lstmcast.baselines.scaled import ewma_volatility, scaled_student_t
from lstmcast.distributions import FloatArray

MIN_ROWS = 250
"""Fewer rows leave nothing to choose the penalty on."""

PENALTIES = np.geomspace(1e-2, 1e3, 11)
"""Candidates, each times the number of rows: the last shrinks the slopes to nearly nothing."""

_DECAY = 0.94
_HELD_OUT = 0.2
_CLIP = 8.0


@dataclass(frozen=True)
class Ridge:
    """A linear forecast of the mean return around an EWMA width."""

    name: str = "ridge"
    label: str = "ridge on features"

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs the model's features, from a year before the test range on."""
        if inputs.features is None:
            return "has no features here"
        known = _complete(inputs.features)
        if not known[inputs.origins].all():
            return "has sessions without features in the test period"
        found = int(known[inputs.first_move() : inputs.fit_rows - inputs.horizons].sum())
        if found >= MIN_ROWS:
            return None
        return f"has {found} rows with features before the test period; ridge needs {MIN_ROWS}"

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin."""
        width = ewma_volatility(inputs.returns(), _DECAY)
        targets = inputs.cumulative_returns() / width[: inputs.fit_rows, None]
        features = np.asarray(inputs.features)
        design = _standardised(features, inputs.fit_rows)
        standard = np.column_stack(
            [ridge_forecast(design, targets[:, h]) for h in range(inputs.horizons)]
        )
        centre = width[:, None] * standard
        return BaselineForecast(scaled_student_t(inputs, width, location="zero", centre=centre))


def _complete(features: FloatArray) -> NDArray[np.bool_]:
    """Rows without a gap."""
    return np.asarray(np.isfinite(features).all(axis=1))


def _standardised(features: FloatArray, fit_rows: int) -> FloatArray:
    """Features with mean 0 and deviation 1 over the fitted rows; a constant column becomes 0."""
    known = features[:fit_rows][_complete(features[:fit_rows])]
    deviation = known.std(axis=0)
    spread = np.where(deviation > 0, deviation, np.inf)
    scaled: FloatArray = np.clip((features - known.mean(axis=0)) / spread, -_CLIP, _CLIP)
    return scaled


def ridge_forecast(design: FloatArray, target: FloatArray) -> FloatArray:
    """Forecast of every row of `design` by ridge with the penalty chosen on the last fifth.

    Args:
        design: `(rows, columns)`, standardised; rows with NaN are forecast as NaN.
        target: `(fit_rows,)` for the first rows of `design`; NaN rows are left out.
    """
    usable = np.flatnonzero(np.isfinite(target) & _complete(design[: len(target)]))
    cut = int(len(usable) * (1 - _HELD_OUT))
    early, late = usable[:cut], usable[cut:]
    errors = [
        float(np.mean((target[late] - _apply(design[late], fitted)) ** 2))
        for fitted in _fit(design[early], target[early], PENALTIES)
    ]
    best = PENALTIES[[int(np.argmin(errors))]]
    return _apply(design, _fit(design[usable], target[usable], best)[0])


def _fit(
    design: FloatArray, target: FloatArray, penalties: FloatArray
) -> list[tuple[float, FloatArray, FloatArray]]:
    """Intercept, slopes and column means for each penalty, from one eigendecomposition."""
    centre, level = design.mean(axis=0), float(target.mean())
    deviation = design - centre
    values, vectors = np.linalg.eigh(deviation.T @ deviation / len(target))
    projected = vectors.T @ (deviation.T @ (target - level)) / len(target)
    return [(level, vectors @ (projected / (values + penalty)), centre) for penalty in penalties]


def _apply(design: FloatArray, fitted: tuple[float, FloatArray, FloatArray]) -> FloatArray:
    level, slopes, centre = fitted
    forecast: FloatArray = level + (design - centre) @ slopes
    return forecast
