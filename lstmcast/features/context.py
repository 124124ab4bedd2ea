"""Features of the series in `data.context`: how each moved, and where it stands, in its own units.

A price counts in logs and a level (an interest rate, an index of FRED) in differences, each over
its own slow volatility, so that the columns look alike whatever the series is. The values come
joined by what was known at each close (`lstmcast.prices.context`); every transform here is causal
as well.
"""

import numpy as np
import pandas as pd

from lstmcast.errors import DataError
from lstmcast.features.bars import ewma_mean_square
from lstmcast.prices.history import PriceHistory

CHANGE_SESSIONS = (1, 22)
"""Sessions over which a series' move is measured: a day and a month."""

HALF_LIFE = 60
"""Half-life in sessions of a series' own volatility and of the mean that it is compared with."""

LATEST_START = 40
"""Sessions after a symbol's first one by which a series must have begun: less than the warm-up, so
that its averages have some sessions to settle."""

FLOOR = 1e-9


def context_features(history: PriceHistory) -> pd.DataFrame:
    """Return the columns of a history's context; none if it has no context.

    For each series: `NAME_change_1`, `NAME_change_22` and `NAME_level`.
    `change_K` is the move over K sessions and `level` the distance from the series' own mean, both
    in units of what the series moves in that time.

    Raises:
        DataError: a series begins too late for the symbol's first sessions.
    """
    context = history.context
    tables = [pd.DataFrame(index=history.bars.index)]
    if context is None:
        return tables[0]
    for origin in context.origins:
        values = context.values[origin.symbol].reindex(history.bars.index)
        begins = int(values.notna().to_numpy().argmax())
        if begins > LATEST_START or values.isna().all():
            first = values.index[begins]
            raise DataError(
                f"`data.context` {origin.symbol} is known from {first:%Y-%m-%d}, and"
                f" {history.symbol} begins on {history.first:%Y-%m-%d}",
                f"set `data.start` to {first:%Y-%m-%d}, or leave the series out",
            )
        tables.append(_columns(origin.symbol, values, logs=origin.kind == "price"))
    return pd.concat(tables, axis="columns", sort=False)


def _columns(name: str, values: pd.Series, *, logs: bool) -> pd.DataFrame:
    x = pd.Series(np.log(values.to_numpy()) if logs else values.to_numpy(), index=values.index)
    moves = x.diff()
    volatility = ewma_mean_square(moves, half_life=HALF_LIFE).pow(0.5).clip(lower=FLOOR)
    columns = {f"{name}_change_{k}": x.diff(k) / (volatility * np.sqrt(k)) for k in CHANGE_SESSIONS}
    mean = x.ewm(halflife=HALF_LIFE).mean()
    columns[f"{name}_level"] = (x - mean) / (volatility * np.sqrt(HALF_LIFE))
    return pd.DataFrame(columns)
