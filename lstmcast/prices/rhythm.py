"""Bars that do not come as their market trades, and the likely cause.

Weekly bars, dates in UTC, weekends that somebody filled, day and month swapped: each of them lacks
or adds sessions by the hundred, and the bare count tells nobody what to mend.
"""

import numpy as np
import pandas as pd

from lstmcast.prices.bars import iso_dates
from lstmcast.prices.calendar import MISFIT, calendar_for, calendar_of, fits, usual_week
from lstmcast.prices.exchanges import SUFFIXES, names_exchange
from lstmcast.prices.findings import Finding, Level, count, list_dates
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.weeks import EVERY_DAY, WEEKDAYS, WEEKS

SPACINGS = {
    "weekly": (5, 9),
    "fortnightly": (12, 16),
    "monthly": (26, 35),
    "quarterly": (85, 97),
    "yearly": (350, 380),
}
"""Days from one bar to the next."""
FEWEST_BARS = 5
"""So many bars with one spacing, and their cause is named."""

MOST = 0.9
"""Share of the bars that must agree with a cause."""
SOME = 0.1
"""Share of the bars at weekends from which on it takes a cause."""
SAME = 1e-6
"""Relative difference up to which a close was copied or interpolated."""

SATURDAY, SUNDAY, MONDAY, FRIDAY = 5, 6, 0, 4
RIYADH_KNOWN = pd.Timestamp("2021-01-01")
RIYADH_FEWEST = 100
"""Bars that it takes to know a market by its holidays."""

DAY = pd.Timedelta(days=1)


def spacing(dates: pd.DatetimeIndex) -> tuple[str, int, int]:
    """Return the name of the longest run of one spacing, and its first and last bar's row.

    The name is empty where no run is longer than a few bars: the bars are daily.
    """
    gaps = np.diff(dates.to_numpy()).astype("timedelta64[D]").astype(int)
    best = ("", 0, 0)
    for name, (least, most) in SPACINGS.items():
        first, last = _longest_run((gaps >= least) & (gaps <= most))
        if last - first > max(best[2] - best[1], FEWEST_BARS - 2):
            best = (name, first, last)
    return best


def odd_days(history: PriceHistory) -> list[Finding]:
    """Return what is odd about the days of the week that have bars, with its likely cause."""
    if calendar_of(history.symbol) == EVERY_DAY and calendar_for(history) == EVERY_DAY:
        return []
    for look in (_filled, _swapped, _shifted, _own_week):
        found = look(history)
        if found is not None:
            return [found]
    return []


def _filled(history: PriceHistory) -> Finding | None:
    """Weekends without trading that were filled with a close beside them, or in between."""
    dates, closes = history.dates, history.bars["close"].to_numpy()
    weekend = _on(dates, SATURDAY, SUNDAY)
    if weekend.sum() < max(SOME * len(dates), 2):
        return None
    steps = np.diff(closes)
    before, after = np.append(np.nan, steps), np.append(steps, np.nan)
    tiny = SAME * closes
    for how, filled in (
        ("Friday's close", np.abs(before) <= tiny),
        ("Monday's close", np.abs(after) <= tiny),
        ("numbers between Friday's close and Monday's", np.abs(after - before) <= tiny),
    ):
        if filled[weekend].mean() >= MOST and filled[~weekend].mean() < 0.5:
            shown = iso_dates(dates[weekend])
            what = f"weekends are filled with {how}: {list_dates(shown)}"
            return Finding("weekends_filled", "suspect", what, shown)
    return None


def _swapped(history: PriceHistory) -> Finding | None:
    """Days up to the twelfth whose day and month were read the wrong way round."""
    dates = history.dates
    early = np.asarray(dates.day <= 12)
    wrong = np.asarray(_outside_week(dates))
    if wrong[early].sum() < max(SOME / 2 * len(dates), 2) or wrong[~early].mean() > MISFIT:
        return None
    turned = pd.DatetimeIndex(
        [
            day.replace(day=day.month, month=day.day) if flag else day
            for day, flag in zip(dates, early, strict=True)
        ]
    )
    if not turned.is_unique or _outside_week(turned).mean() > MISFIT:
        return None
    shown = iso_dates(dates[wrong])
    what = f"day and month swapped? bars at weekends, up to the 12th only: {list_dates(shown)}"
    return Finding("day_and_month", "suspect", what, shown)


def _outside_week(dates: pd.DatetimeIndex) -> np.ndarray:
    """Mark the dates on the two days of the week that have the fewest bars."""
    counts = np.bincount(dates.day_of_week, minlength=7)
    return np.asarray(dates.day_of_week.isin(np.argsort(counts, kind="stable")[:2]))


def _shifted(history: PriceHistory) -> Finding | None:
    """Weeks from Sunday to Thursday, or from Tuesday to Saturday, where they are a day off."""
    for day, missed, step, why in (
        (SUNDAY, FRIDAY, 1, "dates in UTC?"),
        (SATURDAY, MONDAY, -1, "dates a day late?"),
    ):
        dates = history.dates
        odd = dates[_on(dates, day)]
        # the day at the other end of the week has bars only in the weeks that are not shifted
        other = odd + (missed - day) % 7 * DAY if step > 0 else odd - (day - missed) % 7 * DAY
        if len(odd) <= MISFIT * len(dates) or (~other.isin(dates)).mean() < MOST:
            continue
        rest = _on(dates, SATURDAY if day == SUNDAY else SUNDAY)
        if rest.mean() > MISFIT:  # no week of five days has both, if it is a day off
            continue
        if not _is_misplaced(history, day, step):
            continue
        shown = iso_dates(odd)
        name = f"{pd.Timestamp(odd[0]):%A}s"
        what = f"bars on {name}: {why} {count(len(shown), 'bar')}, {list_dates(shown)}"
        return Finding("shifted_dates", "suspect", what, shown)
    return None


def _is_misplaced(history: PriceHistory, day: int, step: int) -> bool:
    """Tell whether a week that is a day off contradicts the market, or is the market's own.

    A symbol that names its exchange is held to that exchange's week; an unknown suffix may be of a
    market that opens on Sundays. A plain symbol in a file may be of any: most often it is of New
    York or its like, unless its holidays are Riyadh's.
    """
    by_form, dates = calendar_of(history.symbol), history.dates
    if names_exchange(history.symbol) or "=" in history.symbol:
        return day not in WEEKS[usual_week(by_form)]
    if by_form == WEEKDAYS:
        return False
    recent = dates[dates >= RIYADH_KNOWN]
    is_riyadh = len(recent) >= RIYADH_FEWEST and fits(SUFFIXES["SR"], recent)
    return not is_riyadh or fits(by_form, dates + step * DAY)


def _own_week(history: PriceHistory) -> Finding | None:
    """A week of trading that is not Monday to Friday, taken as it is; never in silence."""
    name, dates = calendar_for(history), history.dates
    if name not in WEEKS or name == WEEKDAYS:
        return None
    weekend = iso_dates(dates[_on(dates, SATURDAY, SUNDAY)])
    level: Level = "note"
    what = f"treated as trading {name}, like its bars"
    if name == EVERY_DAY:
        level, what = "warning", "bars on all seven days: treated as a market that never closes"
    elif len(WEEKS[name]) > 5:
        level, what = "warning", f"{what}: a week of {len(WEEKS[name])} days"
    return Finding("own_week", level, f"{what} ({list_dates(weekend)})", weekend)


def _on(dates: pd.DatetimeIndex, *days: int) -> np.ndarray:
    return np.asarray(dates.day_of_week.isin(days))


def _longest_run(flags: np.ndarray) -> tuple[int, int]:
    """Return the first row of the longest run of True, and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype("int8"), [0]])))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    at = int((ends - starts).argmax())
    return int(starts[at]), int(ends[at])
