"""Whether a history can be true: sessions that are missing, prices that no market made.

`PriceHistory.from_frame` refuses what is impossible. This module looks for what is possible and
most often wrong, at the known faults of free price data: days that were lost, a split that was
recorded and not applied (or the other way round), a price in pence among prices in pounds.

Nothing is repaired here. A small finding is a warning; a grave one is `suspect`, and `refuse` stops
the history from being stored unless the user accepts it.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lstmcast.errors import DataError
from lstmcast.prices.adjust import recorded, shown_splits
from lstmcast.prices.bars import iso_dates
from lstmcast.prices.calendar import EARLIEST, EVERY_DAY, WEEKDAYS, calendar_for, sessions_between
from lstmcast.prices.findings import Finding, Level, count, list_dates
from lstmcast.prices.history import PriceHistory

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

LONGEST_CALM = 20
"""Sessions in a row without a move that are named: nobody trades, or a source repeats itself."""

LARGE_MOVE = 0.5
"""Absolute log return above which a day is named."""
WRONG_SCALE = 3.0
"""Absolute log return (a factor of 20) that is taken for another unit or currency."""
SPLIT_RATIOS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20)
SPLIT_TOLERANCE = 0.03
"""How near to a split's ratio the gap to the open and the move to the close must be, in log."""


def examine(history: PriceHistory) -> list[Finding]:
    """Return what looks wrong with a history: by its exchange's calendar, then by its prices."""
    if history.kind != "price":
        return []
    return [
        *_missing_sessions(history),
        *_days_to_come(history),
        *_odd_moves(history),
        *_no_moves(history),
    ]


def is_new(finding: Finding, before: Iterable[Finding]) -> bool:
    """Tell whether a finding says more than what was accepted when the earlier bars were stored."""
    known = {day for item in before if item.check == finding.check for day in item.dates}
    fresh = set(finding.dates) - known
    return len(fresh) > (FEW_MISSING if known and finding.check == MISSING_SESSIONS else 0)


def refuse(
    symbol: str, findings: Iterable[Finding], *, allow_gaps: bool, accept_suspect: bool
) -> None:
    """Raise if one of the findings is `suspect` and not accepted.

    Raises:
        DataError: naming the first such finding and the option that accepts it.
    """
    for finding in findings:
        gap = finding.check == MISSING_SESSIONS
        if finding.level != "suspect" or (allow_gaps if gap else accept_suspect):
            continue
        option = "--allow-gaps" if gap else "--accept-suspect"
        raise DataError(
            f"{symbol}: {finding.message}",
            hint=f"look at those days elsewhere; `{option}` stores the prices as they are",
        )


def _missing_sessions(history: PriceHistory) -> list[Finding]:
    dates = history.bars.index
    name = calendar_for(history)
    sessions = sessions_between(name, dates[0], dates[-1])
    first = max(dates[0], sessions.known_from, EARLIEST)
    days = sessions.days[(sessions.days >= first) & (sessions.days <= sessions.known_until)]
    absent = ~days.isin(dates)
    gap = _longest_run(absent)
    by_rule = name in (WEEKDAYS, EVERY_DAY)  # a rule knows no holidays: some are always missing
    missing = iso_dates(days[absent])
    share = len(missing) / max(len(days), 1)
    most, few = (MOST_HOLIDAYS, LONGEST_GAP) if by_rule else (MOST_MISSING, FEW_MISSING)
    too_many = share > most and len(missing) > few
    found = []
    if missing and (gap > LONGEST_GAP or too_many or not by_rule):
        found.append(
            Finding(
                MISSING_SESSIONS,
                "suspect" if too_many or gap > LONGEST_GAP else "warning",
                f"missing {len(missing)} of {len(days)} sessions of {name}"
                f" ({100 * share:.2g} %, up to {gap} in a row): {list_dates(missing)}",
                missing,
            )
        )
    known = dates[(dates >= first) & (dates <= sessions.known_until)]
    extra = iso_dates(known.difference(days))
    if extra:
        found.append(
            Finding(
                "extra_rows",
                "note",
                f"{count(len(extra), 'bar')} of days when {name} was closed: {list_dates(extra)}",
                extra,
            )
        )
    return found


def _days_to_come(history: PriceHistory) -> list[Finding]:
    """Bars of days after the fetch; by a day, since it is tomorrow in Tokyo."""
    dates = history.bars.index
    if not history.fetched_at:
        return []
    fetched = pd.Timestamp(history.fetched_at).tz_localize(None)
    coming = iso_dates(dates[dates > fetched + pd.Timedelta(days=1)])
    what = f"{count(len(coming), 'bar')} of days that had not come when they were fetched"
    message = f"{what}: {list_dates(coming)}"
    return [Finding("days_to_come", "suspect", message, coming)] if coming else []


def _longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype("int8"), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _odd_moves(history: PriceHistory) -> list[Finding]:
    prices = history.adjusted()
    moves = np.log(prices["close"]).diff()
    gaps = np.log(prices["open"]) - np.log(prices["close"].shift())
    wrong_scale = moves.abs() > WRONG_SCALE
    unapplied, _ = shown_splits(history.bars)
    large = (moves.abs() > LARGE_MOVE) & ~wrong_scale & ~unapplied
    like_split = large & _like_split(moves)
    if "open" not in history.missing:
        like_split &= _like_split(gaps)
    return [
        *_named("wrong_scale", "suspect", wrong_scale, moves, "a change of unit?"),
        *_named("wrong_ratio", "suspect", *_odd_ratios(history), "`close` in another unit?"),
        *_named("split_not_applied", "suspect", unapplied, moves, "a recorded split, not applied?"),
        *_named("split_not_recorded", "suspect", like_split, moves, "a split, not recorded?"),
        *_named("large_move", "warning", large & ~like_split, moves, "an unusually large move"),
    ]


def _no_moves(history: PriceHistory) -> list[Finding]:
    """A close that is repeated for long: a halt, a source that repeats itself, or no price."""
    unmoved = (history.bars["close"].diff() == 0).to_numpy()
    longest = _longest_run(unmoved)
    if longest < LONGEST_CALM:
        return []
    message = (
        f"the close did not move on {unmoved.mean():.0%} of the days, up to {longest} in a row"
    )
    return [Finding("no_moves", "warning", message, iso_dates(history.bars.index[unmoved]))]


def _odd_ratios(history: PriceHistory) -> tuple[pd.Series, pd.Series]:
    """Mark where `close` leaves `adj_close` by more than any split, and by how much.

    Only the close was misread there: the adjusted one, which returns are computed from, was not.
    """
    bars = history.bars
    if "adj_close" in history.missing:
        nothing = pd.Series(0.0, index=bars.index)
        return nothing > 0, nothing
    departures = (np.log(bars["close"]) - np.log(bars["adj_close"])).diff()
    size = recorded(bars)
    explained = (departures + size).abs() < size.abs() / 2  # a close as traded, on a split's day
    return (departures.abs() > WRONG_SCALE) & ~explained, departures


def _like_split(moves: pd.Series) -> pd.Series:
    ratios = np.log(np.asarray(SPLIT_RATIOS, dtype="float64"))
    distance = np.abs(moves.abs().to_numpy()[:, None] - ratios[None, :])
    return pd.Series(distance.min(axis=1) < SPLIT_TOLERANCE, index=moves.index)


def _named(
    check: str, level: Level, marked: pd.Series, moves: pd.Series, what: str
) -> list[Finding]:
    if not marked.any():
        return []
    dates = iso_dates(marked.index[marked])
    factors = ", ".join(f"x{np.exp(move):.3g}" for move in moves[marked][:3])
    return [Finding(check, level, f"{what} ({factors}) {list_dates(dates)}", dates)]
