"""The networks that come with lstmcast, without any fitting, under the networks' calibration.

They have learned from simulated markets alone. What a run's networks say better than these, their
training on the run's symbols says. Nothing is fitted: `--refit` changes nothing, and their ranges
are followed from early on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lstmcast.baselines.base import (
    BaselineForecast,
    BaselineInputs,
    PerSymbolForecast,
    PooledInputs,
    Refit,
)
from lstmcast.baselines.calibrated import calibrated
from lstmcast.baselines.network_inputs import feature_gap, network_inputs
from lstmcast.distributions import Distribution


@dataclass(frozen=True)
class PretrainedNetworks:
    """The pretrained networks, pooled with equal weights."""

    name: str = "pretrained"
    label: str = "pretrained (no fit)"

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs the default feature groups from the first origin on."""
        if inputs.defaults is None:
            return "has no default features here"
        return feature_gap(inputs, inputs.defaults.values) or None

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin, of one symbol by itself."""
        return BaselineForecast(self.forecast_pooled([self.prepare(inputs, "never")])[0])

    def prepare(self, inputs: BaselineInputs, refit: Refit) -> PooledInputs:
        """What they read of one symbol; they run in the process that pools them."""
        return PooledInputs(replace(inputs, features=None), refit)

    def forecast_pooled(self, symbols: Sequence[PooledInputs]) -> list[Distribution]:
        """Forecast every symbol and calibrate by what came true of all of them."""
        from lstmcast.training.forecaster import tracked_from
        from lstmcast.training.zero_shot import zero_shot_forecasts

        inputs = [each.inputs for each in symbols]
        columns = [part.defaults for part in inputs if part.defaults is not None]
        readings = [
            network_inputs(part, read.values) for part, read in zip(inputs, columns, strict=True)
        ]
        firsts = [
            min(
                reading.begins
                + tracked_from(
                    reading.dates[reading.begins :], reading.dates[max(part.fit_rows - 1, 0)]
                ),
                int(part.origins.min()),
            )
            for part, reading in zip(inputs, readings, strict=True)
        ]
        forecasts = zero_shot_forecasts(
            readings, columns[0].names, columns[0].groups, inputs[0].horizons, firsts
        )
        return calibrated(
            [
                PerSymbolForecast(replace(part, defaults=None), first, forecast)
                for part, first, forecast in zip(inputs, firsts, forecasts, strict=True)
            ]
        )
