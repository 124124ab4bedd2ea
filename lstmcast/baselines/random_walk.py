"""The random walk, with and without drift: tomorrow's price is today's, plus noise."""

from dataclasses import dataclass

import numpy as np

from lstmcast.baselines.base import BaselineForecast, BaselineInputs
from lstmcast.baselines.scaled import always_able, rolling_volatility, scaled_student_t


@dataclass(frozen=True)
class RandomWalk:
    """Median return zero; the width is the root mean square of the last `window` returns."""

    window: int = 20
    name: str = "random_walk"
    label: str = "random walk"
    unable = always_able

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin."""
        width = rolling_volatility(inputs.returns(), self.window)
        return BaselineForecast(scaled_student_t(inputs, width, location="zero"))


@dataclass(frozen=True)
class Drift:
    """The random walk whose median grows by the mean return of the rows it was fitted on."""

    window: int = 20
    name: str = "drift"
    label: str = "drift"
    unable = always_able

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin."""
        returns = inputs.returns()
        daily = float(np.mean(returns[1 : inputs.fit_rows]))
        centre = daily * np.arange(1.0, inputs.horizons + 1)
        width = rolling_volatility(returns, self.window)
        return BaselineForecast(scaled_student_t(inputs, width, location="zero", centre=centre))
