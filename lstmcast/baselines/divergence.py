"""Detecting baselines that fail or diverge, so that they are not scored as they are.

A fit can end in numbers that no price ever showed: a variance that feeds on itself, a slope learned
from one wild row. Scored beside others, one such symbol makes the baseline's mean meaningless, and
any rival looks good. So every forecast is held against the largest move that was known when it was
made.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from lstmcast.baselines.base import Baseline, BaselineForecast, BaselineInputs
from lstmcast.distributions import Distribution
from lstmcast.errors import DataError, LstmcastError

Result = TypeVar("Result")

MAX_WIDTHS = 4.0
"""Half of an 80 % interval, or the median, is never more than this times the largest move so far,
times the root of the horizon: the widest sound ones come to about once that move."""


def attempt(function: Callable[[], Result]) -> tuple[Result | None, str]:
    """The function's result, or why there is none, as it is told after a symbol's name.

    What a baseline cannot have of a symbol costs no more than that, and so does a bug in it: ten
    others are still to be heard.
    """
    try:
        return function(), ""
    except DataError as error:
        return None, error.message
    except (LstmcastError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - told as the bug that it is, beside the others
        return None, f"raised an unexpected error, {type(error).__name__}: {error}"


def checked_forecast(baseline: Baseline, inputs: BaselineInputs) -> BaselineForecast:
    """Forecast with a baseline, and refuse what diverges.

    Raises:
        DataError: if there is too little to fit, or the forecast diverges.
    """
    forecast = baseline.forecast(inputs)
    check_bounds(forecast.distribution, inputs)
    return forecast


def check_bounds(distribution: Distribution, inputs: BaselineInputs) -> None:
    """Hold forecasts of shape `(origins, horizons)` against what was known at each origin.

    Raises:
        DataError: naming the first origin whose forecast is not finite or wider than any move
            that was seen makes possible.
    """
    largest = np.maximum.accumulate(np.abs(inputs.returns()))[inputs.origins]
    # Nothing has moved yet: no width is wrong.
    known = np.where(largest > 0, largest, np.inf)
    bound = MAX_WIDTHS * known[:, None] * np.sqrt(np.arange(1, inputs.horizons + 1))
    low, median, high = np.moveaxis(distribution.quantiles((0.1, 0.5, 0.9)), -1, 0)
    sound = ((high - low) / 2 <= bound) & (np.abs(median) <= bound)
    # A point forecast has a median and no range.
    sound |= np.isnan(high) & np.isnan(low) & (np.abs(median) <= bound)
    if not sound.all():
        row = int((~sound).any(axis=1).argmax())
        origin = pd.Timestamp(inputs.bars.index[inputs.origins[row]])
        raise DataError(
            f"has a forecast that diverges, from {origin:%Y-%m-%d}",
            "look at its prices with `lstmcast data check`",
        )
