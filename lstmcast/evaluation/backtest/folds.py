"""The plan of a walk-forward evaluation: what each fold learns from and what it forecasts.

    expanding  |------ train ------|- val -|  forecast 1  |
               |------------- train -------------|- val -|  forecast 2  |
    rolling    |------ train ------|- val -|  forecast 1  |
                              |------ train ------|- val -|  forecast 2  |

The folds' forecasts follow one another without gap or overlap. At the end of its training and of
its validation part each fold gives up `horizon` sessions (the purge, as in every split); `embargo`
sessions more may be left out before the first forecast.

Source: Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.errors import DataError, UsageError

Window = Literal["expanding", "rolling"]

MIN_SESSIONS = 400
"""Sessions that a symbol has before the first forecast of a fold, or the fold goes without it."""

MIN_UNTRAINED = 60
"""The same where nothing is trained."""


@dataclass(frozen=True)
class Fold:
    """One training and the forecasts made with it; every date is a session, inclusive.

    Args:
        number: from 1.
        start: first session that is seen.
        train_end, validation_end: last sessions of the two parts.
        first_origin, last_origin: first and last session at whose close a forecast is made.
        last_outcome: last session that a forecast reaches.
    """

    number: int
    start: pd.Timestamp
    train_end: pd.Timestamp
    validation_end: pd.Timestamp
    first_origin: pd.Timestamp
    last_origin: pd.Timestamp
    last_outcome: pd.Timestamp


def plan_folds(
    sessions: pd.DatetimeIndex,
    *,
    folds: int,
    horizon: int,
    calendars: Sequence[pd.DatetimeIndex] = (),
    window: Window = "expanding",
    first: pd.Timestamp | None = None,
    validation: float = 0.15,
    embargo: int = 0,
    fewest: int = MIN_SESSIONS,
) -> list[Fold]:
    """Plan the folds over all sessions.

    Args:
        sessions: every session on which any symbol traded.
        folds: number of folds.
        horizon: sessions that a forecast reaches ahead.
        calendars: the sessions of each symbol, where they differ: the outcomes of a stock beside a
            coin lie more days ahead than the coin's.
        window: learn from everything before, or from as many sessions as the first fold.
        first: first session to be forecast; by default the middle one, or the first one before
            which a symbol has `fewest` sessions.
        validation: share of a fold's sessions that early stopping is judged on.
        embargo: sessions left out between validation and the first forecast.
        fewest: sessions that a symbol must have before the first forecast.

    Raises:
        UsageError: if a number is out of its range.
        DataError: if there are too few sessions.
    """
    earliest = _earliest(sessions, calendars or [sessions], fewest) + embargo
    middle = max(len(sessions) // 2, earliest)
    begin = middle if first is None else int(sessions.searchsorted(first))
    if folds < 1 or embargo < 0:
        raise UsageError(
            f"`--folds` must be at least 1 and `--embargo` at least 0, got {folds} and {embargo}"
        )
    if begin < earliest < len(sessions):
        raise DataError(
            f"there are {max(begin - embargo, 0)} sessions before the first forecast, and a "
            f"backtest needs {fewest} of one symbol",
            f"start it at `--from {sessions[earliest]:%Y-%m-%d}` or later, or leave `--from` out",
        )
    if len(sessions) <= earliest:
        most = max(len(days) for days in calendars or [sessions])
        raise DataError(
            f"no symbol has more than {most} sessions, and a backtest needs {fewest} before the"
            " first forecast" + (f" and {embargo} of `--embargo`" if embargo else ""),
            "fetch a longer history",
        )
    if len(sessions) - begin < folds:
        raise DataError(
            f"there are {len(sessions) - begin} sessions to forecast for {folds} folds",
            "start it earlier with `--from`, or use fewer `--folds`",
        )
    parts = stretches(len(sessions), folds, begin, embargo, window)
    return _folds(parts, sessions, calendars, horizon, validation)


def _earliest(
    sessions: pd.DatetimeIndex, calendars: Sequence[pd.DatetimeIndex], fewest: int
) -> int:
    """The first position before which a symbol that goes on has enough sessions."""
    joins = [
        sessions.searchsorted(days[fewest - 1]) + 1 for days in calendars if len(days) > fewest
    ]
    return min(map(int, joins), default=len(sessions))


@dataclass(frozen=True)
class Stretch:
    """What one fold knows and what it forecasts, as positions among the sessions.

    Args:
        start, known: first session that is seen, and the one after the last.
        first, stop: first session that is forecast, and the one after the last.
    """

    start: int
    known: int
    first: int
    stop: int


def stretches(sessions: int, folds: int, begin: int, embargo: int, window: Window) -> list[Stretch]:
    """Cut the sessions from position `begin` on into folds of nearly one length."""
    length = begin - embargo
    found = []
    for part in np.array_split(np.arange(begin, sessions), folds):
        known = int(part[0]) - embargo
        start = max(0, known - length) if window == "rolling" else 0
        found.append(Stretch(start, known, int(part[0]), int(part[-1]) + 1))
    return found


def folds_of(
    parts: Sequence[Stretch],
    sessions: pd.DatetimeIndex,
    *,
    horizon: int,
    calendars: Sequence[pd.DatetimeIndex] = (),
    validation: float = 0.15,
    fewest: int = MIN_SESSIONS,
) -> list[Fold]:
    """The folds of stretches that somebody else planned; the arguments are those of `plan_folds`.

    Raises:
        DataError: if a fold knows too few sessions.
    """
    known = min(part.known - part.start for part in parts)
    if known < fewest:
        raise _too_early(known, fewest)
    return _folds(parts, sessions, calendars, horizon, validation)


def _too_early(known: int, fewest: int) -> DataError:
    return DataError(
        f"there are {max(known, 0)} sessions before the first forecast, a backtest needs {fewest}",
        "start it later with `--from`, or fetch a longer history",
    )


def _folds(
    parts: Sequence[Stretch],
    sessions: pd.DatetimeIndex,
    calendars: Sequence[pd.DatetimeIndex],
    horizon: int,
    validation: float,
) -> list[Fold]:
    each = calendars or [sessions]
    return [
        _fold(sessions, each, number, part, horizon, validation)
        for number, part in enumerate(parts, start=1)
    ]


def _fold(
    sessions: pd.DatetimeIndex,
    calendars: Sequence[pd.DatetimeIndex],
    number: int,
    part: Stretch,
    horizon: int,
    validation: float,
) -> Fold:
    judged = max(round(validation * (part.known - part.start)), horizon + 1)
    dates = [pd.Timestamp(date) for date in sessions]
    last_origin = dates[part.stop - 2]
    return Fold(
        number=number,
        start=dates[part.start],
        train_end=dates[part.known - 1 - judged],
        validation_end=dates[part.known - 1],
        first_origin=dates[part.first - 1],
        last_origin=last_origin,
        last_outcome=max(_ahead(of, last_origin, horizon) for of in calendars),
    )


def _ahead(sessions: pd.DatetimeIndex, origin: pd.Timestamp, horizon: int) -> pd.Timestamp:
    """A symbol's session `horizon` after a day, its last one where it ends before."""
    row = int(sessions.searchsorted(origin, side="right")) - 1 + horizon
    return pd.Timestamp(sessions[min(row, len(sessions) - 1)])
