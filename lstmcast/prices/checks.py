"""Whether a history can be true: sessions that are missing, prices that no market made.

`PriceHistory.from_frame` refuses what is impossible. This module looks for what is possible and
most often wrong, at the known faults of free price data: days that were lost, a split that was
recorded and not applied (or the other way round), a price in pence among prices in pounds.

Nothing is repaired here. A small finding is a warning; a grave one is `suspect`, and `refuse` stops
the history from being stored unless the user accepts it. What was accepted once is no news: the
days of earlier findings are left out before anything is refused.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from lstmcast.errors import DataError
from lstmcast.prices.bars import iso_dates, without
from lstmcast.prices.calendar import EARLIEST, expected_sessions
from lstmcast.prices.findings import Finding, count, list_dates
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.moves import odd_moves
from lstmcast.prices.rhythm import odd_days, spacing
from lstmcast.prices.weeks import WEEKS

MISSING_SESSIONS = "missing_sessions"
MOST_MISSING = 0.02
"""Share of the sessions that may be missing."""
FEW_MISSING = 2
"""So many may be missing from a short history, whatever their share."""
MOST_HOLIDAYS = 0.15
"""Share of the weekdays that may be missing where no calendar tells which were holidays; no
exchange closes on so many, and weekly bars lack four of five."""
LONGEST_GAP = 10
"""Sessions in a row that may be missing; a halt of trading seldom lasts longer."""

NOT_DAILY = "these are "
MOST_EXPLAINED = 0.8
"""Share of the missing sessions that a spacing must explain to be named as their cause."""

LONGEST_CALM = 20
"""Sessions in a row without a move that are named: nobody trades, or a source repeats itself."""

DAYS_THAT_PASS = (MISSING_SESSIONS,)
"""Checks whose findings `--allow-gaps` accepts; `--accept-suspect` accepts the others."""

HINTS = {
    "not_daily": "export daily bars",
    "weekends_filled": "leave out the rows of Saturdays and Sundays",
    "day_and_month": "write the dates as 2026-06-30",
    "shifted_dates": "write each date as the exchange's own, not in UTC",
    "split_not_applied": "a source adjusts within days, so fetch again later; in a file give the"
    " adjusted close as `adj_close`",
    "split_not_recorded": "give the adjusted close as `adj_close`, or the ratio of that day in a"
    " column `splits`",
}
"""What to do about a finding, where more can be said than to look at its days."""


def examine(history: PriceHistory, accepted: Iterable[Finding] = ()) -> list[Finding]:
    """Return what looks wrong with a history: by its exchange's calendar, then by its prices.

    Args:
        history: what to look at; levels are not looked at.
        accepted: findings of an earlier fetch, which were stored with it. Their days are left out,
            and a few more missing sessions than were accepted are not named again.
    """
    if history.kind != "price":
        return []
    before = tuple(accepted)
    known: dict[str, set[str]] = {}
    for finding in before:
        known.setdefault(finding.check, set()).update(finding.dates)
    found = [
        *_rhythm(history, known),
        *_days_to_come(history),
        *odd_moves(history, known),
        *_no_moves(history),
    ]
    return [item for item in found if is_new(item, before)]


def is_new(finding: Finding, before: Iterable[Finding]) -> bool:
    """Tell whether a finding says more than what was accepted when the earlier bars were stored."""
    known = {day for item in before if item.check == finding.check for day in item.dates}
    fresh = set(finding.dates) - known
    few = FEW_MISSING if known and finding.check == MISSING_SESSIONS else 0
    return not finding.dates or len(fresh) > few


def refuse(
    symbol: str, findings: Iterable[Finding], *, allow_gaps: bool, accept_suspect: bool
) -> None:
    """Raise if one of the findings is `suspect` and not accepted.

    Raises:
        DataError: naming the first such finding and the option that accepts it.
    """
    for finding in findings:
        gap = finding.check in DAYS_THAT_PASS
        if finding.level != "suspect" or (allow_gaps if gap else accept_suspect):
            continue
        option = "--allow-gaps" if gap else "--accept-suspect"
        cause = "not_daily" if finding.message.startswith(NOT_DAILY) else finding.check
        raise DataError(
            f"{symbol}: {finding.message}",
            hint=f"{HINTS.get(cause, 'look at those days elsewhere')}; `{option}` stores the prices"
            " as they are",
        )


def _rhythm(history: PriceHistory, known: Mapping[str, set[str]]) -> list[Finding]:
    """What is wrong with the days: the cause where there is one, and else the sessions missing."""
    name, first, last = spacing(history.dates)
    odd = [] if name else odd_days(history)
    if any(item.level == "suspect" for item in odd):
        return odd
    missing = _missing_sessions(history, known)
    if name and any(item.level == "suspect" for item in missing):
        named = [_named_after(item, name, history, first, last) for item in missing]
        missing = [item for item in named if item.message.startswith(NOT_DAILY)] or missing
    return [*odd, *missing]


def _named_after(
    finding: Finding, name: str, history: PriceHistory, first: int, last: int
) -> Finding:
    """Return a finding of missing sessions that says what kind of bars leave them out."""
    if finding.check != MISSING_SESSIONS:
        return finding
    dates = history.dates
    inside = f"{dates[first]:%Y-%m-%d}", f"{dates[last]:%Y-%m-%d}"
    explained = sum(inside[0] <= day <= inside[1] for day in finding.dates)
    if explained < MOST_EXPLAINED * len(finding.dates):
        return finding
    whole = last - first + 1 >= MOST_EXPLAINED * len(dates)
    span = "" if whole else f" from {inside[0]} to {inside[1]}"
    what = f"{NOT_DAILY}{name} bars{span}: {finding.message}"
    return Finding(finding.check, finding.level, what, finding.dates)


def _missing_sessions(history: PriceHistory, known: Mapping[str, set[str]]) -> list[Finding]:
    dates = history.dates
    name, sessions = expected_sessions(history)
    first = max(dates[0], sessions.known_from, EARLIEST)
    days = sessions.days[(sessions.days >= first) & (sessions.days <= sessions.known_until)]
    found = []
    missing = _absent(days, dates, known.get(MISSING_SESSIONS, set()), by_rule=name in WEEKS)
    if missing is not None:
        absent, suspect = missing
        gap = _longest_run(days.isin(absent))
        shown = iso_dates(absent)
        found.append(
            Finding(
                MISSING_SESSIONS,
                "suspect" if suspect else "warning",
                f"missing {len(shown)} of {len(days)} sessions of {name}"
                f" ({_percent(len(shown), len(days))}, up to {gap} in a row):"
                f" {list_dates(shown)}",
                shown,
            )
        )
    inside = dates[(dates >= first) & (dates <= sessions.known_until)]
    extra = inside.difference(days)
    if len(extra):
        shown = iso_dates(extra)
        still = (history.bars["close"].diff() == 0)[extra].mean() >= MOST_EXPLAINED
        what = f"{count(len(shown), 'bar')} of days when {name} was closed"
        what += ", filled with the previous close" if still and len(shown) > FEW_MISSING else ""
        found.append(Finding("extra_rows", "note", f"{what}: {list_dates(shown)}", shown))
    return found


def _absent(
    days: pd.DatetimeIndex, dates: pd.DatetimeIndex, known: set[str], *, by_rule: bool
) -> tuple[pd.DatetimeIndex, bool] | None:
    """Return the sessions without a bar if they are worth a word, and whether they are too many.

    A rule knows no holidays, so some are always missing. Sessions that were accepted before are
    left out, and a few more of the same are no news.
    """
    absent = ~days.isin(dates)
    gap, number = _longest_run(absent), int(absent.sum())
    most, few = (MOST_HOLIDAYS, LONGEST_GAP) if by_rule else (MOST_MISSING, FEW_MISSING)
    suspect = gap > LONGEST_GAP or (number > most * len(days) and number > few)
    fresh = pd.DatetimeIndex(without(days[absent], known))
    return (fresh, suspect) if len(fresh) and (suspect or not by_rule) else None


def _percent(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.2g} %" if share < 10 else f"{share:.0f} %"


def _days_to_come(history: PriceHistory) -> list[Finding]:
    """Bars of days after the fetch; by a day, since it is tomorrow in Tokyo."""
    dates = history.dates
    if not history.fetched_at:
        return []
    fetched = pd.Timestamp(history.fetched_at).tz_localize(None)
    coming = iso_dates(dates[dates > fetched + pd.Timedelta(days=1)])
    what = f"{count(len(coming), 'bar')} dated after the fetch"
    message = f"{what}: {list_dates(coming)}"
    return [Finding("days_to_come", "suspect", message, coming)] if coming else []


def _longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype("int8"), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _no_moves(history: PriceHistory) -> list[Finding]:
    """A close that is repeated for long: a halt, a source that repeats itself, or no price."""
    unmoved = (history.bars["close"].diff() == 0).to_numpy()
    longest = _longest_run(unmoved)
    if longest < LONGEST_CALM:
        return []
    message = (
        f"the close is unchanged on {unmoved.mean():.0%} of the days, up to {longest} in a row"
    )
    return [Finding("no_moves", "warning", message, iso_dates(history.dates[unmoved]))]
