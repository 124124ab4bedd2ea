"""One Student-t for all days: the unconditional distribution of returns."""

from dataclasses import dataclass

import numpy as np

from lstmcast.baselines.base import BaselineForecast, BaselineInputs
from lstmcast.baselines.scaled import always_able, scaled_student_t


@dataclass(frozen=True)
class Constant:
    """The same width every day: what a constant volatility would give."""

    name: str = "constant"
    label: str = "constant t"
    unable = always_able

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin."""
        width = np.ones(len(inputs.bars))
        return BaselineForecast(scaled_student_t(inputs, width, location="fitted", skip=1))
