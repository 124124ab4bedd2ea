"""What runs and the pretrained networks say of symbols, and what both need to find it out."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError
from lstmcast.forecasting.issued import Failure, IssuedForecast
from lstmcast.forecasting.warned import Warned
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.symbols import Reference

if TYPE_CHECKING:
    from lstmcast.explain import Widening
    from lstmcast.training import Forecaster

Found = tuple[list[IssuedForecast], list[Failure], list[Warned]]


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
    """What makes the next range of some symbols wide."""
    from lstmcast.explain import explain_ranges

    return explain_ranges(forecaster, histories, symbols) if symbols else {}
