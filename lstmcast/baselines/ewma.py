"""The exponentially weighted volatility of RiskMetrics with Student-t returns."""

from dataclasses import dataclass

from lstmcast.baselines.base import BaselineForecast, BaselineInputs
from lstmcast.baselines.scaled import always_able, ewma_volatility, scaled_student_t


@dataclass(frozen=True)
class Ewma:
    """Width from an EWMA of squared returns; location, scale and tails fitted per horizon."""

    decay: float = 0.94
    name: str = "ewma"
    label: str = "EWMA(0.94)-t"
    unable = always_able

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin."""
        width = ewma_volatility(inputs.returns(), self.decay)
        return BaselineForecast(scaled_student_t(inputs, width, location="fitted"))
