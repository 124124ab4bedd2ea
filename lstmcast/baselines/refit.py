"""Refitting: which rows each fit of a baseline may see, and which origins it forecasts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.baselines.base import BaselineInputs, Refit

_PERIODS = {"yearly": "Y", "quarterly": "Q", "monthly": "M"}


def refit_periods(inputs: BaselineInputs, refit: Refit) -> list[BaselineInputs]:
    """Split the origins into stretches that share a fit.

    A stretch begins with the first origin whose next session lies in a new year, quarter or month,
    and is fitted on every row up to that origin.
    """
    if refit == "never":
        return [inputs]
    numbers = _numbers(inputs, refit)
    periods: list[BaselineInputs] = []
    for number in np.unique(numbers):
        origins = inputs.origins[numbers == number]
        fit_rows = inputs.fit_rows if not periods else int(origins[0]) + 1
        periods.append(replace(inputs, origins=origins, fit_rows=fit_rows))
    return periods


def pooled_fit_dates(symbols: Sequence[BaselineInputs], refit: Refit) -> list[pd.Timestamp]:
    """The sessions on which a model of several symbols is fitted: it may know nothing later.

    The first comes before every forecast; the others are the first origins of each new period, of
    whichever symbol has the earliest.
    """
    first = min(pd.Timestamp(part.bars.index[part.fit_rows - 1]) for part in symbols)
    if refit == "never":
        return [first]
    starts: dict[int, pd.Timestamp] = {}
    for part in symbols:
        for number, place in zip(*np.unique(_numbers(part, refit), return_index=True), strict=True):
            origin = pd.Timestamp(part.bars.index[part.origins[place]])
            starts[int(number)] = min(origin, starts.get(int(number), origin))
    _, *later = sorted(starts)
    return [first, *(starts[number] for number in later)]


def _numbers(inputs: BaselineInputs, refit: Refit) -> NDArray[np.int64]:
    """The number of the period that the session after each origin lies in."""
    sessions = pd.DatetimeIndex(inputs.bars.index)
    following = np.minimum(inputs.origins + 1, len(sessions) - 1)
    numbers: NDArray[np.int64] = sessions[following].to_period(_PERIODS[refit]).asi8
    return numbers
