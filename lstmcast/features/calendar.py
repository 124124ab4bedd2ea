"""Group `calendar`: where in the week a session stands, and how long the market was closed."""

import numpy as np
import pandas as pd

from lstmcast.features.bars import Bars


def calendar(bars: Bars) -> pd.DataFrame:
    """Weekday on a circle of five, and the days since the session before.

    Columns: `weekday_sin`, `weekday_cos`; `pause`, the log of the calendar days since the session
    before. All are known when the session opens.
    """
    dates = pd.DatetimeIndex(bars.adjusted.index)
    angle = 2 * np.pi * dates.day_of_week.to_numpy() / 5
    days = dates.to_series().diff().dt.days.fillna(1.0)
    return pd.DataFrame(
        {
            "weekday_sin": np.sin(angle),
            "weekday_cos": np.cos(angle),
            "pause": np.log(days.clip(1, 10)),
        },
        index=dates,
    )
