"""The result that forecasting by a run and by the pretrained networks share, and what both need."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError
from lstmcast.forecasting.forecast_warnings import ForecastWarning
from lstmcast.forecasting.issued import Failure, IssuedForecast
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.explain import Widening
    from lstmcast.training import Forecaster


@dataclass
class ForecastParts:
    """Forecasts by one run, or by the pretrained networks, with what failed and the warnings."""

    forecasts: list[IssuedForecast] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[ForecastWarning] = field(default_factory=list)

    def add(self, other: "ForecastParts") -> None:
        """Append the parts of another."""
        self.forecasts += other.forecasts
        self.failures += other.failures
        self.warnings += other.warnings


def load_each(
    wanted: Iterable[Reference], load: Callable[[Reference], PriceHistory]
) -> tuple[list[PriceHistory], list[Failure]]:
    """The histories that can be loaded, and why the others cannot."""
    histories, failures = [], []
    for reference in wanted:
        try:
            histories.append(load(reference))
        except LstmcastError as error:
            failures.append(Failure(reference.symbol, error))
    return histories, failures


def widenings(
    forecaster: "Forecaster", histories: Sequence[PriceHistory], symbols: set[str]
) -> "dict[str, Widening]":
    """Why the next range of some symbols is as wide as it is."""
    from lstmcast.explain import explain_ranges

    return explain_ranges(forecaster, histories, symbols) if symbols else {}
