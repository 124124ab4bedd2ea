"""Walking forward as scikit-learn's tools understand it, and their splitters as plans of a walk.

A row is a session: training rows are the sessions that are known, test rows those that are
forecast. Rows whose target lies further ahead need a `gap` as long, here as in scikit-learn.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.errors import DataError, UsageError
from lstmcast.evaluation.backtest.folds import Stretch, Window, stretches

RowNumbers = NDArray[np.intp]
Split = tuple[RowNumbers, RowNumbers]


@runtime_checkable
class Splitter(Protocol):
    """What scikit-learn takes as `cv`."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Any, Any]]:
        """Yield the rows to train on and the rows to test on, once for each fold."""
        ...

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """How many folds there are."""
        ...


class WalkForward:
    """Splits sessions as `backtest` does: train on what is known, forecast what comes next.

    The test parts follow one another without gap or overlap, up to the last row.

    Args:
        n_splits: number of folds.
        window: `expanding` trains on every earlier row, `rolling` on as many as the first fold has.
        first: first row to be forecast, as a number or, for rows that are indexed by date, a date;
            by default the middle one.
        gap: rows left out between training and test, as in `TimeSeriesSplit`: at least the horizon
            of targets that lie ahead of their row.

    Example:
        >>> for train, test in lstmcast.WalkForward(n_splits=2, gap=1).split(range(10)):
        ...     print(train, test)
        [0 1 2 3] [5 6 7]
        [0 1 2 3 4 5 6] [8 9]

    Source: Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7.
    """

    def __init__(
        self,
        n_splits: int = 10,
        *,
        window: Window = "expanding",
        first: int | str | date | None = None,
        gap: int = 0,
    ) -> None:
        self.n_splits, self.window, self.first, self.gap = n_splits, window, first, gap

    def __repr__(self) -> str:
        return (
            f"WalkForward(n_splits={self.n_splits}, window={self.window!r}, first={self.first!r}, "
            f"gap={self.gap})"
        )

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:  # noqa: ARG002 - scikit-learn's protocol
        """Yield the rows of each fold's training and test part.

        Args:
            X: anything with a length; a DataFrame or Series by date where `first` is one.
            y: not used.
            groups: not used.

        Raises:
            UsageError: if an argument is out of its range.
            DataError: if there are too few rows.
        """
        for part in self.stretches(X):
            yield np.arange(part.start, part.known), np.arange(part.first, part.stop)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002 - scikit-learn's protocol
        """How many folds there are."""
        return self.n_splits

    def stretches(self, X: Any) -> list[Stretch]:
        """The folds as stretches of rows; arguments and errors are those of `split`."""
        rows = len(X)
        if self.n_splits < 1 or self.gap < 0 or self.window not in ("expanding", "rolling"):
            raise UsageError(
                "`n_splits` must be at least 1, `gap` at least 0 and `window` expanding or "
                f"rolling, got {self.n_splits}, {self.gap} and {self.window!r}"
            )
        begin = rows // 2 if self.first is None else _position(self.first, X)
        if begin - self.gap < 1 or rows - begin < self.n_splits:
            raise DataError(
                f"`first` is row {begin} of {rows}: {max(0, begin - self.gap)} rows to train on "
                f"and {max(0, rows - begin)} to forecast for {self.n_splits} folds",
                "choose another `first`, or fewer `n_splits`",
            )
        return stretches(rows, self.n_splits, begin, self.gap, self.window)


def _position(first: int | str | date, rows: Any) -> int:
    if isinstance(first, (int, np.integer)):
        return int(first)
    index = getattr(rows, "index", rows)
    if not isinstance(index, pd.DatetimeIndex):
        raise UsageError(
            f"`first` is {first!r}, and the rows are not indexed by date",
            "give the number of a row, or rows with a DatetimeIndex",
        )
    return int(index.searchsorted(pd.Timestamp(first)))


def planned_by(splitter: Splitter, sessions: pd.DatetimeIndex) -> list[Stretch]:
    """The stretches that a splitter makes of sessions, if they are a walk forward.

    Args:
        splitter: `WalkForward`, scikit-learn's `TimeSeriesSplit`, or another with their methods.
        sessions: every session on which any symbol traded.

    Raises:
        UsageError: if a fold trains on what comes after its first forecast, skips sessions within a
            part, or forecasts what another fold forecasts.
    """
    rows = pd.DataFrame({"session": np.arange(len(sessions))}, index=sessions)
    try:
        parts = [(_rows(train), _rows(test)) for train, test in splitter.split(rows)]
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"`cv` is {splitter!r}, which cannot split {len(sessions)} sessions: {error}",
            "give `WalkForward(...)` or scikit-learn's `TimeSeriesSplit(...)`",
        ) from error
    if not parts:
        raise UsageError(f"`cv` is {splitter!r}, which makes no folds")
    found = []
    stop = 1  # the first session has no origin before it
    for number, (train, test) in enumerate(parts, start=1):
        if not (_in_one_piece(train) and _in_one_piece(test)) or train[-1] >= test[0]:
            raise _no_walk(splitter, number, "does not train on one stretch before another")
        if test[0] < stop:
            raise _no_walk(splitter, number, "forecasts sessions that an earlier fold forecasts")
        stop = int(test[-1]) + 1
        found.append(Stretch(int(train[0]), int(train[-1]) + 1, int(test[0]), stop))
    return found


def _rows(given: Any) -> RowNumbers:
    return np.asarray(given, dtype=np.intp)


def _in_one_piece(rows: RowNumbers) -> bool:
    return bool(len(rows)) and bool((np.diff(rows) == 1).all())


def _no_walk(splitter: Splitter, number: int, what: str) -> UsageError:
    return UsageError(
        f"`cv` is {splitter!r}, whose fold {number} {what}",
        "a backtest goes forward in time: give `WalkForward(...)` or `TimeSeriesSplit(...)`",
    )
