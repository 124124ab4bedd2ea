"""A pool's forecast against a plain loop over sessions, members and horizons."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy import stats
from support.experiments import LAST, PRICE, trained
from support.histories import simulated

from lstmcast.training import Trained

HISTORY = simulated()
LOOKBACK = 24


def by_hand(
    run: Trained, origins: Sequence[int], window: int | None
) -> list[tuple[tuple[torch.Tensor, ...], ...]]:
    """Each member's parameters at each of some rows, `(horizons,)` each.

    The state is carried from session to session: from the first one, or over a window's.
    """
    inputs = run.prepared.inputs
    (group,) = run.forecaster.groups
    answers = []
    for network in group.refitted:
        state, first, found = None, 0, []
        for origin in origins:
            if window is not None:
                state, first = None, origin - window + 1
            for row in range(first, origin + 1):
                features = torch.from_numpy(inputs.features[row])[None, None]
                scale = torch.from_numpy(inputs.scale[row : row + 1])[None]
                with torch.no_grad():
                    params, state = network(features, scale, state)
            first = origin + 1
            found.append(tuple(value[0, 0].double() for value in params))
        answers.append(found)
    return list(zip(*answers, strict=True))


@pytest.mark.parametrize(
    ("overrides", "window"), [((), None), (LAST, LOOKBACK)], ids=["every", "last"]
)
def test_a_forecast_is_the_mean_of_the_members_densities(
    overrides: tuple[str, ...], window: int | None
) -> None:
    run = trained(*overrides)
    origins = run.prepared.parts["AAA"].test[[0, 30, -1]]
    inputs = run.forecaster.inputs([HISTORY])
    pooled = run.forecaster.forecast(inputs, {"AAA": origins})["AAA"]
    returns = np.linspace(-0.06, 0.06, 7)
    for k, members in enumerate(by_hand(run, origins.tolist(), window)):
        for step in range(3):
            densities = [
                stats.t.pdf(100 * returns, *(float(value[step]) for value in member)) * 100
                for member in members
            ]
            found = [pooled.log_density(np.full(pooled.shape, value))[k, step] for value in returns]
            np.testing.assert_allclose(np.exp(found), np.mean(densities, axis=0), rtol=1e-4)


def test_a_point_forecast_of_prices_is_the_return_to_the_scaled_price() -> None:
    run = trained(*PRICE)
    origins = run.prepared.parts["AAA"].test[[0, 30, -1]]
    pooled = run.forecaster.forecast(run.forecaster.inputs([HISTORY]), {"AAA": origins})["AAA"]
    closes = HISTORY.adjusted()["close"].iloc[len(HISTORY) - len(run.prepared.inputs.closes) :]
    trained_on = closes.iloc[run.prepared.parts["AAA"].train]
    low, high = trained_on.min(), trained_on.max()
    for k, ((value,),) in enumerate(by_hand(run, origins.tolist(), LOOKBACK)):
        price = low + float(value) * (high - low)
        expected = np.log(price / closes.iloc[origins[k]])
        np.testing.assert_allclose(pooled.mean()[k, 0], expected, rtol=1e-4, atol=1e-6)
