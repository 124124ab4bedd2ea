"""The kinds of calibration, by the names that a configuration gives them."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Literal

from lstmcast.calibration.adaptive import learned_factors, recalibrated
from lstmcast.calibration.series import (
    CalibrationSeries,
    MapFunction,
    RowsBySymbol,
    UncalibratedForecasts,
    portions,
    sequential_map,
)
from lstmcast.distributions import Distribution, PointForecast, StatedOnce

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

    Arguments are those of `calibrate_each`.
    """
    return dict(calibrate_each(raw, series, origins, kind, map_function=map_function))


def calibrate_each(
    raw: UncalibratedForecasts,
    series: Sequence[CalibrationSeries],
    origins: RowsBySymbol,
    kind: Kind,
    *,
    map_function: MapFunction = sequential_map,
    at_once: int = 1,
) -> Iterator[tuple[str, Distribution]]:
    """Like `calibrate`, one symbol after another: only a few forecasts are in memory at a time.

    Args:
        raw: forecasts rows of the symbols, uncalibrated; it is called for a few of them at a time,
            for each symbol twice.
        series: of every symbol in `origins`, and of those that they are calibrated with.
        origins: by symbol, the rows whose forecasts are wanted, at least one each.
        kind: how to calibrate.
        map_function: applies a function to many items, in parallel where that is wanted.
        at_once: symbols that are calibrated together; their quantiles take most of the memory.

    Yields:
        The symbols in their order, each with its forecasts.
    """
    factors = None
    by_name = {one.name: one for one in series}
    for some in portions(origins):
        plain = dict(raw(some))
        if kind == "none" or any(isinstance(part, PointForecast) for part in plain.values()):
            yield from plain.items()
            continue
        if factors is None:
            horizons = next(iter(plain.values())).shape[1]
            factors = learned_factors(raw, series, origins, horizons, map_function)
        waiting = iter(plain.items())
        while few := dict(islice(waiting, at_once)):
            calls = [
                partial(
                    recalibrated,
                    StatedOnce(part),
                    by_name[name],
                    origins[name],
                    factors[by_name[name].market],
                )
                for name, part in few.items()
            ]
            yield from zip(few, map_function(_called, calls), strict=True)


def _called(function: partial[Distribution]) -> Distribution:
    return function()
