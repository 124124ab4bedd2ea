"""The random walk: tomorrow's median price is today's close."""

from dataclasses import dataclass

from lstmcast.baselines.base import BaselineInputs
from lstmcast.baselines.scaled import rolling_volatility, scaled_student_t
from lstmcast.distributions import StudentTMixture


@dataclass(frozen=True)
class RandomWalk:
    """Median return zero; the width is the root mean square of the last `window` returns."""

    window: int = 20
    name: str = "random_walk"
    label: str = "random walk"

    def forecast(self, inputs: BaselineInputs) -> StudentTMixture:
        """Forecast the returns from every origin."""
        width = rolling_volatility(inputs.returns(), self.window)
        return scaled_student_t(inputs, width, location=False)
