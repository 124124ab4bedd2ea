"""The exponentially weighted volatility of RiskMetrics with Student-t returns."""

from dataclasses import dataclass

from lstmcast.baselines.base import BaselineInputs
from lstmcast.baselines.scaled import ewma_volatility, scaled_student_t
from lstmcast.distributions import StudentTMixture


@dataclass(frozen=True)
class Ewma:
    """Width from an EWMA of squared returns; location, scale and tails fitted per horizon."""

    decay: float = 0.94
    name: str = "ewma"
    label: str = "EWMA(0.94)-t"

    def forecast(self, inputs: BaselineInputs) -> StudentTMixture:
        """Forecast the returns from every origin."""
        width = ewma_volatility(inputs.returns(), self.decay)
        return scaled_student_t(inputs, width, location=True)
