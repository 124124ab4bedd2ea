"""The days at which the audit takes the future away, and the futures that it puts in its place.

Shared by the checks of features and of forecasts, which must look at the same moments.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.evaluation.audit.altered import altered_after, cut_after
from lstmcast.features.registry import begins_at
from lstmcast.prices.closing import market
from lstmcast.prices.history import PriceHistory

MOMENTS = 4
"""Sessions of each symbol at which the future is taken away."""


def moments_of(
    histories: Sequence[PriceHistory],
    generator: np.random.Generator,
    after: pd.Timestamp | None = None,
) -> list[pd.Timestamp]:
    """Sessions of the longest history's second half, the last but a few among them.

    Args:
        histories: of all symbols.
        generator: chooses.
        after: the moments are later than this.
    """
    sessions = max((history.bars.index for history in histories), key=len)
    rows = len(sessions)
    first = rows // 2
    if after is not None:
        first = max(first, int(sessions.searchsorted(after, side="right")))
    known = np.arange(first, rows - 6)
    chosen = generator.choice(known, size=min(MOMENTS - 1, len(known)), replace=False)
    return [pd.Timestamp(sessions[row]) for row in [*sorted(chosen.tolist()), rows - 6]]


def closes_of(
    histories: Sequence[PriceHistory],
    generator: np.random.Generator,
    after: pd.Timestamp | None = None,
) -> list[tuple[pd.Timestamp, str]]:
    """The moments, each at the close of every market; arguments as `moments_of`."""
    markets = list(dict.fromkeys(market(history) for history in histories))
    chosen = moments_of(histories, generator, after)
    return [(last, where) for last in chosen for where in markets]


def futures(
    histories: Sequence[PriceHistory],
    groups: Sequence[str],
    last: pd.Timestamp,
    where: str,
    generator: np.random.Generator,
) -> tuple[list[PriceHistory], list[PriceHistory]]:
    """The histories as one market knows them at its close of a day, cut off there and altered.

    Those that begin too late are left out.
    """
    cut, altered = [], []
    for history in histories:
        side: Literal["left", "right"] = "right" if market(history) == where else "left"
        row = int(history.bars.index.searchsorted(last, side=side)) - 1
        if row >= begins_at(history, groups):
            cut.append(cut_after(history, row))
            altered.append(altered_after(history, row, generator))
    return cut, altered
