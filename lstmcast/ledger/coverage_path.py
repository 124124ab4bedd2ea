"""Coverage over time with its confidence sequence, as the chart of `track plot` shows it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmcast.errors import DataError, UsageError
from lstmcast.ledger.conditions import outcomes_of
from lstmcast.ledger.monitor import band

WINDOW = 60
"""Days of outcomes in the recent coverage."""


@dataclass(frozen=True)
class CoveragePath:
    """Coverage over time.

    Args:
        table: by day: `so_far`, the share of all outcomes inside; `recent`, that of the last
            `WINDOW` days; `low` and `high`, the band around the coverage so far.
        title: what it is of, in words.
        first: the first day.
        last: the last.
    """

    table: pd.DataFrame
    title: str
    first: pd.Timestamp
    last: pd.Timestamp


def coverage_path(
    graded: pd.DataFrame, nominal: int, horizon: int | None, markets: int
) -> CoveragePath:
    """Follow the coverage of a range through the outcomes.

    Args:
        graded: of `grade`.
        nominal: the range, in %.
        horizon: sessions ahead; the shortest if None.
        markets: how many markets the symbols close with.

    Raises:
        UsageError: if that horizon was not forecast.
        DataError: if nothing has come true.
    """
    there = sorted(int(h) for h in graded["horizon"].unique())
    wanted = horizon or (there[0] if there else 1)
    if there and wanted not in there:
        raise UsageError(
            f"`--horizon` {wanted} was not forecast", f"choose from {there[0]} to {there[-1]}"
        )
    outcomes = outcomes_of(graded, nominal, wanted, markets)
    came = np.isfinite(outcomes.inside)
    if not came.any():
        raise DataError(
            "no forecast that counts has come true yet",
            "fetch newer prices with `lstmcast fetch`, or wait for the next session",
        )
    inside = pd.Series(outcomes.inside[came]).groupby(outcomes.known[came])
    total, count = inside.sum(), inside.count()
    table = band(outcomes).assign(
        so_far=(total.cumsum() / count.cumsum()).to_numpy(),
        recent=(total.rolling(WINDOW).sum() / count.rolling(WINDOW).sum()).to_numpy(),
    )
    ahead = "the next session" if wanted == 1 else f"{wanted} sessions ahead"
    symbols = graded["symbol"].unique()
    who = str(symbols[0]) if len(symbols) == 1 else f"{len(symbols)} symbols"
    return CoveragePath(
        table,
        f"{who}: coverage of the {nominal} % range for {ahead}",
        pd.Timestamp(table.index[0]),
        pd.Timestamp(table.index[-1]),
    )
