"""When baselines are fitted anew."""

from dataclasses import replace

import numpy as np
import pandas as pd

from lstmcast.baselines.base import BaselineInputs, Refit

_PERIODS = {"yearly": "Y", "quarterly": "Q", "monthly": "M"}


def refit_periods(inputs: BaselineInputs, refit: Refit) -> list[BaselineInputs]:
    """Split the origins into stretches that share a fit.

    A stretch begins with the first origin whose next session lies in a new year, quarter or month,
    and is fitted on every row up to that origin.
    """
    if refit == "never":
        return [inputs]
    sessions = pd.DatetimeIndex(inputs.bars.index)
    following = np.minimum(inputs.origins + 1, len(sessions) - 1)
    numbers = sessions[following].to_period(_PERIODS[refit]).asi8
    periods: list[BaselineInputs] = []
    for number in np.unique(numbers):
        origins = inputs.origins[numbers == number]
        fit_rows = inputs.fit_rows if not periods else int(origins[0]) + 1
        periods.append(replace(inputs, origins=origins, fit_rows=fit_rows))
    return periods
