"""From which session on a history has what a feature group needs.

Old bars often lack an open, and some a high and a low: such sessions keep their close. A group that
needs the column begins where the history has it for a month on end; a single lack after that does
not end it.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.errors import DataError
from lstmcast.prices.history import PriceHistory

MONTH = 22
"""Sessions in a row that must have a price before it counts as one that the source gives."""


def completed(adjusted: pd.DataFrame) -> pd.DataFrame:
    """Return adjusted bars in which a lack of single prices is bridged, for features alone.

    Without an open, the session opened where the one before closed, or as near to that as its high
    and low allow; without a high or a low, its range ends at its open or close. Columns that the
    source lacks altogether stay empty.
    """
    bars = adjusted.copy()
    close = bars["close"]
    if _is_patchy(bars["open"]):
        before = close.shift().fillna(close).clip(bars["low"], bars["high"])
        bars["open"] = bars["open"].fillna(before)
    for name, end in (("high", "max"), ("low", "min")):
        if _is_patchy(bars[name]):
            bars[name] = bars[name].fillna(bars[["open", "close"]].agg(end, axis=1))
    return bars


def completed_columns(history: PriceHistory) -> dict[str, FloatArray]:
    """The columns of `completed` of a history's adjusted bars, each `(sessions,)`."""
    columns = history.adjusted_columns()
    if not any(_is_patchy(columns[name]) for name in ("open", "high", "low")):
        return columns
    bars = completed(pd.DataFrame(columns, history.bars.index))
    return {str(name): bars[name].to_numpy() for name in bars}


def first_row(history: PriceHistory, columns: Iterable[str]) -> int | None:
    """Return the row from which the history has all of the columns; None if it never does.

    The answer depends on that row's month alone, so that later bars cannot move it. A lack in the
    first month of all is left to the warm-up.
    """
    first = 0
    for lacks in (history.gaps[name] for name in columns if name in history.gaps):
        month = np.convolve(~lacks, np.ones(MONTH, dtype=int), mode="valid") == MONTH
        if not month.any():
            return None
        first = max(first, int(month.argmax()))
    return first if first > MONTH else 0


def require_some(history: PriceHistory, columns: Iterable[str], wanted_by: str) -> int:
    """Return the row from which a history has the columns.

    Raises:
        DataError: the source lacks a column, or gives it for single sessions only.
    """
    needed = tuple(columns)
    history.require(needed, wanted_by)
    row = first_row(history, needed)
    if row is None:
        patchy = ", ".join(f"`{name}`" for name in needed if _is_patchy(history.bars[name]))
        raise DataError(
            f"{wanted_by} needs {patchy}, which {history.symbol} from {history.source} has for no"
            f" {MONTH} sessions on end",
            hint="leave it out, or fetch the symbol from a source that has the column",
        )
    return row


def _is_patchy(column: FloatArray | pd.Series) -> bool:
    lacks = np.isnan(column)
    return bool(lacks.any() and not lacks.all())
