"""`Distribution.part`: the forecasts of some rows are those of the whole."""

import numpy as np
import pytest

from lstmcast.distributions import (
    Distribution,
    LinearPool,
    PointForecast,
    QuantileGrid,
    RecalibratedDistribution,
    StudentTMixture,
)

ROWS, HORIZONS = 5, 2
random = np.random.default_rng(3)
loc, scale = (random.uniform(0.5, 1.5, (2, ROWS, HORIZONS)) for _ in range(2))
df = random.uniform(4, 9, (2, ROWS, HORIZONS))
share = random.uniform(0.2, 0.8, (1, ROWS, HORIZONS))
EQUAL = StudentTMixture(df, loc, scale)
GRID = QuantileGrid(
    (0.1, 0.5, 0.9), np.cumsum(random.uniform(0.1, 1, (ROWS, HORIZONS, 3)), axis=-1)
)
at = np.cumsum(random.uniform(0.1, 1, (ROWS, HORIZONS, 2)), axis=-1)
KINDS: dict[str, Distribution] = {
    "equal": EQUAL,
    "weighted": StudentTMixture(df, loc, scale, np.array([0.3, 0.7])),
    "weighted by row": StudentTMixture(df, loc, scale, np.concatenate([share, 1 - share])),
    "grid": GRID,
    "pool": LinearPool((EQUAL, GRID), np.array([0.4, 0.6])),
    "recalibrated by row": RecalibratedDistribution(EQUAL, scale[0], at, 1.1 * at),
    "recalibrated alike": RecalibratedDistribution(EQUAL, scale[0], at[0], 1.1 * at[0]),
    "point": PointForecast(loc[0]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [slice(-1, None), slice(1, 4), slice(None, -1)])
def test_a_part_forecasts_as_its_rows_do(kind: str, rows: slice) -> None:
    whole = KINDS[kind]
    part = whole.part(rows)
    y = random.uniform(0, 2, (ROWS, HORIZONS))
    levels = (0.05, 0.5, 0.8)
    assert part.shape == y[rows].shape
    np.testing.assert_allclose(part.quantiles(levels), whole.quantiles(levels)[rows], rtol=1e-9)
    np.testing.assert_allclose(part.cdf(y[rows]), whole.cdf(y)[rows])
    np.testing.assert_allclose(part.log_density(y[rows]), whole.log_density(y)[rows])
    np.testing.assert_allclose(part.mean(), whole.mean()[rows])
