"""The days of the week on which a market trades, by name and as bars show them."""

from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WEEKDAYS = "weekdays"
EVERY_DAY = "every day"

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

THURSDAY = 3
"""The first of January 1970, from which NumPy counts days."""

NEWEST = 60
"""Bars, a quarter, that a week is read off."""
FEWEST = 10
"""Bars that it takes to read a week off."""
SELDOM = 0.25
"""Share of the busiest weekday's bars below which a weekday's are special sessions."""
SPARSE = 2.5
"""Days for each bar from which on bars are not daily, and show no week."""


def week_name(days: Iterable[int]) -> str:
    """Return the name of a week of trading by its days, 0 for Monday: `Sunday to Thursday`."""
    chosen = sorted(set(days))
    if chosen == list(range(5)):
        return WEEKDAYS
    if len(chosen) == len(DAY_NAMES):
        return EVERY_DAY
    for first in chosen:
        if sorted((first + step) % 7 for step in range(len(chosen))) == chosen and len(chosen) > 1:
            return f"{DAY_NAMES[first]} to {DAY_NAMES[(first + len(chosen) - 1) % 7]}"
    return ", ".join(DAY_NAMES[day] for day in chosen)


WEEKS = {
    week_name(days): frozenset(days)
    for number in range(1, 8)
    for days in combinations(range(7), number)
}
"""Every rule by its name: the days of the week on which it has sessions."""


@lru_cache
def trades(week: str) -> NDArray[np.bool_]:
    """Whether a week of this name has sessions on each of its days, `(7,)` from Monday on."""
    days = np.zeros(7, dtype=bool)
    days[list(WEEKS[week])] = True
    return days


def weekday(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The days of the week of some days, 0 for Monday; a tenth of pandas' time for a few."""
    return (days.astype("datetime64[D]").astype(np.int64) + THURSDAY) % 7


def week_of(dates: pd.DatetimeIndex) -> str:
    """Return the week of trading, a name in `WEEKS`, that the newest of the dates show.

    Weekdays, where they are too few or too far apart to tell, or show fewer than five days.
    """
    newest = dates[-NEWEST:].to_numpy().astype("datetime64[D]")
    if len(newest) < FEWEST or (newest[-1] - newest[0]).astype(int) > SPARSE * len(newest):
        return WEEKDAYS
    counts = np.bincount(weekday(newest), minlength=7)
    days = np.flatnonzero(counts > SELDOM * counts.max(initial=0))
    return WEEKDAYS if len(days) < 5 else week_name(days.tolist())
