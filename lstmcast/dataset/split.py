"""Where training ends, where validation ends, and which forecasts belong to which part.

The split is by session date and the same for every symbol, so that no symbol's future tells about
another's. A forecast is named by its origin, the session at whose close it is made, and reaches
`horizon` sessions ahead. Training and validation keep only the origins whose every target lies
inside their own part: `horizon` sessions are purged from the end of the earlier part, and no return
is seen by two parts. Where symbols close at different times, one session more is purged: the last
day's outcome of one is not known yet when another's first forecast of the next part is made. The
last session before the test part is the first test origin, so that every
test session has a forecast.

Source for the purge: Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.config import SplitDates, SplitFractions
from lstmcast.errors import DataError
from lstmcast.prices.closing import several
from lstmcast.prices.history import PriceHistory


@dataclass(frozen=True)
class Boundaries:
    """The last session of each part, inclusive."""

    train_end: pd.Timestamp
    validation_end: pd.Timestamp
    test_end: pd.Timestamp


@dataclass(frozen=True)
class Parts:
    """Row numbers of the origins of each part, in one symbol's rows; each part is one stretch."""

    train: NDArray[np.intp]
    validation: NDArray[np.intp]
    test: NDArray[np.intp]

    def with_validation(self) -> "Parts":
        """The parts of a last training, on all that is known before the test part.

        The origins between training and validation are in as well: what was purged there is no
        secret any more.
        """
        stop = int(self.validation[-1]) + 1 if len(self.validation) else len(self.train)
        return Parts(np.arange(stop), self.validation[:0], self.test)


def resolve_split(
    split: SplitFractions | SplitDates, sessions: Sequence[pd.DatetimeIndex]
) -> Boundaries:
    """Turn fractions into dates, and fill in an open end.

    Args:
        split: from the configuration; fractions count the sessions on which any symbol traded.
        sessions: the sessions of every symbol.
    """
    everyone = sessions[0]
    for dates in sessions[1:]:
        everyone = everyone.union(dates)
    if isinstance(split, SplitDates):
        end = everyone[-1] if split.test_end is None else pd.Timestamp(split.test_end)
        return Boundaries(pd.Timestamp(split.train_end), pd.Timestamp(split.validation_end), end)
    train = round(split.train * len(everyone))
    validation = round((split.train + split.validation) * len(everyone))
    last = len(everyone) - 1
    return Boundaries(
        everyone[min(max(train - 1, 0), last)],
        everyone[min(max(validation - 1, 0), last)],
        everyone[last],
    )


def purged_sessions(histories: Sequence[PriceHistory], horizon: int) -> int:
    """Sessions to keep free at the end of training and of validation.

    Args:
        histories: all symbols of the experiment.
        horizon: sessions that a forecast reaches ahead.
    """
    return horizon + several(histories)


def assign_origins(dates: pd.DatetimeIndex, boundaries: Boundaries, horizon: int) -> Parts:
    """Sort one symbol's rows into parts by what their forecasts reach.

    Args:
        dates: the sessions of the symbol's rows.
        boundaries: the last session of each part.
        horizon: sessions that are purged, `purged_sessions`.
    """
    train_rows = int(dates.searchsorted(boundaries.train_end, side="right"))
    validation_rows = int(dates.searchsorted(boundaries.validation_end, side="right"))
    test_rows = int(dates.searchsorted(boundaries.test_end, side="right"))
    return Parts(
        train=np.arange(0, train_rows - horizon),
        validation=np.arange(max(train_rows - 1, 0), validation_rows - horizon),
        test=np.arange(max(validation_rows - 1, 0), test_rows - 1),
    )


def check_horizon(
    sessions: Sequence[pd.DatetimeIndex], boundaries: Boundaries, horizon: int
) -> None:
    """Make sure that a forecast of training and one of validation can reach `horizon` ahead.

    Raises:
        DataError: if the longest symbol has fewer sessions in one of the two parts.
    """
    longest = {"training": 0, "validation": 0}
    for dates in sessions:
        train = int(dates.searchsorted(boundaries.train_end, side="right"))
        validation = int(dates.searchsorted(boundaries.validation_end, side="right")) - train
        longest["training"] = max(longest["training"], train)
        longest["validation"] = max(longest["validation"], validation)
    for part, found in longest.items():
        if 0 < found < horizon:
            raise DataError(
                f"`target.horizon` {horizon} is longer than the {part} part, which has {found} "
                f"session{'s' * (found > 1)}",
                f"use `target.horizon: {found}` at the most, fetch a longer history, or move "
                "`split`",
            )


def check_parts(
    parts: dict[str, Parts],
    boundaries: Boundaries,
    lookback: int,
    burn_in: int = 0,
    tested: dict[str, Parts] | None = None,
) -> None:
    """Make sure that there is something to train on, to stop by and to test.

    Args:
        parts: of each symbol.
        boundaries: the last session of each part.
        lookback: sessions of a training window.
        burn_in: of these, the first that carry no loss.
        tested: those that must have a test part; by default all.

    Raises:
        DataError: naming the part that is too short and what would work.
    """
    longest = max(len(p.train) for p in parts.values())
    if not longest:
        raise DataError(
            f"no session is left to train on up to {boundaries.train_end:%Y-%m-%d}: features need "
            "the first ones, targets the last `target.horizon`",
            "fetch a longer history, or move `split`",
        )
    if longest < lookback:
        raise DataError(
            f"`training.lookback` {lookback} needs as many training sessions, got {longest} "
            f"up to {boundaries.train_end:%Y-%m-%d}",
            f"{_shorter(longest, burn_in)}fetch a longer history, or move `split`",
        )
    if boundaries.train_end >= boundaries.test_end:
        raise DataError(
            f"`split.train_end` is {boundaries.train_end:%Y-%m-%d}, and the prices end on "
            f"{boundaries.test_end:%Y-%m-%d}",
            "move `split` earlier or fetch newer prices",
        )
    if all(len(p.validation) == 0 for p in parts.values()):
        raise DataError(
            f"`split` leaves no validation sessions between {boundaries.train_end:%Y-%m-%d} and "
            f"{boundaries.validation_end:%Y-%m-%d}",
            "make the validation part longer than `target.horizon`, or shorten the horizon",
        )
    check_tested(tested or parts, boundaries)


def check_tested(parts: dict[str, Parts], boundaries: Boundaries) -> None:
    """Make sure that there is something to test.

    Raises:
        DataError: naming the symbols that have no test part.
    """
    untested = [symbol for symbol, p in parts.items() if len(p.test) == 0]
    if untested:
        raise DataError(
            f"`split` leaves no test sessions for {', '.join(untested)} after "
            f"{boundaries.validation_end:%Y-%m-%d}",
            "move `split` earlier or fetch newer prices",
        )


def _shorter(sessions: int, burn_in: int) -> str:
    """How to fit windows into so many sessions, with a burn-in that they stay longer than."""
    if sessions < 2:
        return ""
    if sessions > burn_in:
        return f"shorten it to `training.lookback: {sessions}`, "
    return f"set `training.lookback: {sessions}` and `training.burn_in: {sessions // 4}`, "


def check_windows(parts: dict[str, Parts], lookback: int) -> None:
    """Make sure that a window of `lookback` rows ends at every test origin, and at some validation.

    For a loss on the last step of a window, where a shorter one would be something else than what
    was trained. Call after `check_parts`.

    Raises:
        DataError: naming the symbols that begin too late.
    """
    hint = "shorten `training.lookback`, leave the symbol out, or use `training.supervision: every`"
    late = [symbol for symbol, p in parts.items() if p.test[0] < lookback - 1]
    if late:
        raise DataError(
            f"`training.lookback` {lookback} reaches back before the first session with features "
            f"of {', '.join(late)}, for forecasts of the test part",
            hint,
        )
    if all(len(p.validation) == 0 or p.validation[-1] < lookback - 1 for p in parts.values()):
        raise DataError(
            f"`training.lookback` {lookback} leaves no validation session with a whole window", hint
        )
