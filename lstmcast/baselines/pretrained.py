"""The networks that come with lstmcast, without any fitting, under the networks' calibration.

They have learned from simulated markets alone. What a run's networks say better than these, their
training on the run's symbols says. Nothing is fitted: `--refit` changes nothing, and their ranges
are followed from early on.
"""

from dataclasses import dataclass, replace

from lstmcast.baselines.base import (
    BaselineForecast,
    BaselineInputs,
    PerSymbolForecast,
    PooledInputs,
    Refit,
    SymbolSource,
)
from lstmcast.baselines.calibrated import alone
from lstmcast.baselines.network_inputs import feature_gap, network_inputs


@dataclass(frozen=True)
class PretrainedNetworks:
    """The pretrained networks, pooled with equal weights."""

    name: str = "pretrained"
    label: str = "pretrained (no fit)"
    prepares_quickly: bool = True

    def unable(self, inputs: BaselineInputs) -> str | None:
        """It needs the default feature groups from the first origin on."""
        if inputs.defaults is None:
            return "has no default features here"
        return feature_gap(inputs, inputs.defaults.values) or None

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin, of one symbol by itself."""
        return alone(self, inputs)

    def prepare(self, inputs: BaselineInputs, refit: Refit) -> PooledInputs:
        """What they read of one symbol."""
        return PooledInputs(replace(inputs, features=None), refit)

    def fitted(self, symbols: SymbolSource) -> int:
        """Nothing; the sessions ahead, which are the same for all symbols."""
        prepared, _ = next(iter(symbols))
        return int(prepared.inputs.horizons)

    def before_calibration(self, fitted: int, prepared: PooledInputs) -> PerSymbolForecast:
        """What the networks say of one symbol."""
        from lstmcast.training.forecaster import tracked_from
        from lstmcast.training.zero_shot import zero_shot_forecasts

        inputs, columns = prepared.inputs, prepared.inputs.defaults
        if columns is None:
            raise TypeError("it has no default features")
        reading = network_inputs(inputs, columns.values)
        begins = reading.begins
        newest = reading.dates[max(inputs.fit_rows - 1, 0)]
        first = min(
            begins + tracked_from(reading.dates[begins:], newest), int(inputs.origins.min())
        )
        (forecast,) = zero_shot_forecasts([reading], columns.names, columns.groups, fitted, [first])
        return PerSymbolForecast(replace(inputs, defaults=None), first, forecast)
