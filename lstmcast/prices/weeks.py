"""The days of the week on which a market trades, by name and as bars show them."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pandas as pd

WEEKDAYS = "weekdays"
EVERY_DAY = "every day"

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

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


def week_of(dates: pd.DatetimeIndex) -> str:
    """Return the week of trading, a name in `WEEKS`, that the newest of the dates show.

    Weekdays, where they are too few or too far apart to tell, or show fewer than five days.
    """
    newest = dates[-NEWEST:]
    if len(newest) < FEWEST or (newest[-1] - newest[0]).days > SPARSE * len(newest):
        return WEEKDAYS
    counts = np.bincount(newest.day_of_week, minlength=7)
    days = np.flatnonzero(counts > SELDOM * counts.max(initial=0))
    return WEEKDAYS if len(days) < 5 else week_name(days.tolist())
