"""The kinds of calibration, by the names that a configuration gives them."""

from collections.abc import Sequence
from typing import Literal

from lstmcast.calibration.adaptive import adaptive
from lstmcast.calibration.series import (
    CalibrationSeries,
    MapFunction,
    RowsBySymbol,
    UncalibratedForecasts,
    sequential_map,
)
from lstmcast.distributions import Distribution, PointForecast

Kind = Literal["none", "adaptive"]


def calibrate(
    raw: UncalibratedForecasts,
    series: Sequence[CalibrationSeries],
    origins: RowsBySymbol,
    kind: Kind,
    *,
    map_function: MapFunction = sequential_map,
) -> dict[str, Distribution]:
    """Forecast the origins and calibrate the forecasts by the outcomes known at each of them.

    Args:
        raw: forecasts rows of the symbols, uncalibrated.
        series: of every symbol in `origins`, and of those that they are calibrated with.
        origins: by symbol, the rows whose forecasts are wanted, at least one each.
        kind: how to calibrate.
        map_function: applies a function to many items, in parallel where that is wanted.
    """
    plain = dict(raw(origins))
    if kind == "none" or any(isinstance(part, PointForecast) for part in plain.values()):
        return plain
    return adaptive(raw, series, plain, origins, map_function)
