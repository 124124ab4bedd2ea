"""Moves that no market made: another unit, a split that is not in the prices, a lone large move.

A split is told from a crash by the open against the close before, since the day's own news has not
blurred it yet, and by the money that changed hands, since a split is no news. Neither a move of the
smallest tick nor one that is taken back the next day is a split.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.prices.adjust import ratio_text, recorded, shown_splits
from lstmcast.prices.bars import iso_dates, without
from lstmcast.prices.findings import Finding, Level, list_dates
from lstmcast.prices.history import PriceHistory

LARGE_MOVE = 0.5
"""Absolute log return above which a day is named."""
WRONG_SCALE = 3.0
"""Absolute log return (a factor of 20) that is taken for another unit or currency."""

SPLIT_RATIOS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20)
SMALL_RATIO = 1.5
"""A split of 3:2 is looked for only where there is an open, and volume that tells it from news."""
TIGHT = 0.03
"""How near to a split's ratio a move must be, in log, where a crash or a takeover is as likely."""
WIDE = 0.07
"""How near where it is not: the move of three normal days. Prices seldom fall to a third or rise
threefold overnight, and a split does not multiply the money that changes hands."""
NO_NEWS = 3.0
"""Traded value of the day, as a multiple of the month's median, up to which there was no news."""
MONTH = 20

AROUND = 60
"""Sessions on either side that tell the tick of a price."""
ROUNDING = 1e-6
"""What single precision loses, as a fraction."""
FEW_MOVES = 5
"""Moves around that it takes to say that a move is an ordinary one."""


def odd_moves(history: PriceHistory, known: Mapping[str, set[str]]) -> list[Finding]:
    """Return findings about single moves; days that are `known` to a check are left out of it."""
    day = _Day.of(history)
    unapplied, _ = shown_splits(history.bars)
    ticks = _of_one_tick(history) & ~unapplied
    split = _like_split(day) & ~_taken_back(day.moves) & ~ticks & ~unapplied
    wrong_scale = (day.moves.abs() > WRONG_SCALE) & ~unapplied & ~split & ~ticks
    named = unapplied | wrong_scale
    large = (day.moves.abs() > LARGE_MOVE) & ~split & ~ticks & ~named
    odd_ratio, departures = _odd_ratios(history)
    found = []
    checks: tuple[tuple[str, Level, pd.Series, pd.Series, str], ...] = (
        ("split_not_applied", "suspect", unapplied, day.moves,
         "a recorded split seems not to be applied to the prices: {}"),
        ("wrong_scale", "suspect", wrong_scale, day.moves, "it looks like a change of unit: {}"),
        ("wrong_ratio", "suspect", odd_ratio, departures,
         "`close` and `adj_close` seem to be in different units: {}"),
        ("split_not_recorded", "suspect", split, day.gaps, "it looks like an unrecorded split: {}"),
        ("large_move", "warning", large, day.moves,
         f"{history.symbol} {{}}: check for an unrecorded split"),
    )  # fmt: skip
    for check, level, marked, moves, what in checks:
        fresh = without(marked.index[marked], known.get(check, ()))
        if len(fresh):
            shown = iso_dates(fresh)
            ratios = history.bars["splits"] if check == "split_not_applied" else None
            size = _in_percent if check == "large_move" else partial(_as_factor, ratios=ratios)
            examples = [f"{size(date, moves)} on {date:%Y-%m-%d}" for date in fresh]
            found.append(Finding(check, level, what.format(list_dates(examples)), shown))
    if ticks.any():
        most = f"x{np.exp(day.moves[ticks].abs().max()):.3g}"
        shown = iso_dates(ticks.index[ticks])
        what = f"one tick moves the price by up to {most}: {list_dates(shown)}"
        found.append(Finding("tick_moves", "note", what, shown))
    return found


def _in_percent(day: pd.Timestamp, moves: pd.Series) -> str:
    change = 100 * float(np.expm1(moves[day]))
    return f"{'rose' if change > 0 else 'fell'} {abs(change):.1f} %"


def _as_factor(day: pd.Timestamp, moves: pd.Series, ratios: pd.Series | None) -> str:
    factor = f"x{np.exp(moves[day]):.3g}"
    return factor if ratios is None else f"{ratio_text(ratios[day])}, {factor}"


@dataclass(frozen=True)
class _Day:
    """What each session did, in logarithms of adjusted prices.

    Args:
        moves: close over the close before.
        gaps: open over the close before; the move where there is no open.
        opened: whether there is an open.
        news: traded value, or shares where those are fewer, over the month's median; NaN where
            there is no volume, or a gap too small for a split. Shares count too, as past volumes
            may be adjusted and prices not.
    """

    moves: pd.Series
    gaps: pd.Series
    opened: pd.Series
    news: pd.Series

    @classmethod
    def of(cls, history: PriceHistory) -> "_Day":
        prices = history.adjusted()
        before = np.log(prices["close"].shift())
        moves = np.log(prices["close"]) - before
        gaps = np.log(prices["open"]) - before
        opened = gaps.notna()
        gaps = gaps.fillna(moves)
        news = pd.Series(np.nan, index=gaps.index)
        for row in np.flatnonzero(gaps.abs() > np.log(SMALL_RATIO) - 2 * TIGHT).tolist():
            in_money, in_shares = (
                _against_usual(prices[name].to_numpy(), row) for name in ("dollar_volume", "volume")
            )
            news.iloc[row] = min(in_shares, in_money)  # the latter where the former is NaN
        return cls(moves, gaps, opened, news)


def _against_usual(traded: NDArray[np.float64], row: int) -> float:
    """What was traded on a day over the median of the month before; NaN where that is not known."""
    month = traded[max(row - MONTH, 0) : row]
    month = month[month > 0]
    if len(month) < MONTH // 4 or not traded[row] > 0:
        return np.nan
    return float(traded[row] / np.median(month))


def _like_split(day: _Day) -> pd.Series:
    """Mark the days that opened (or closed, where there is no open) at a split's ratio."""
    quiet = day.news <= NO_NEWS
    at_open = day.opened & ((day.moves - day.gaps).abs() < LARGE_MOVE / 2)  # and stayed there
    near, ratio = _nearest(day.gaps)
    reach = pd.Series(np.where((ratio > 2) | quiet, WIDE, TIGHT), near.index)
    found = (near < reach) & ~(day.news > NO_NEWS) & (at_open | ~day.opened)
    small = (day.gaps.abs() - np.log(SMALL_RATIO)).abs() < TIGHT
    marked: pd.Series = (found & (day.gaps.abs() > LARGE_MOVE)) | (small & at_open & quiet)
    return marked


def _nearest(moves: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Return how far in log each move is from the nearest split, and that split's ratio."""
    ratios = np.asarray(SPLIT_RATIOS, dtype="float64")
    distance = np.abs(moves.abs().fillna(0.0).to_numpy()[:, None] - np.log(ratios)[None, :])
    return pd.Series(distance.min(axis=1), index=moves.index), ratios[distance.argmin(axis=1)]


def _taken_back(moves: pd.Series) -> pd.Series:
    """Mark moves that the next day takes back, and the days that take them back."""
    size = moves.fillna(0.0).to_numpy(dtype=np.float64)
    back = np.abs(size[:-1] + size[1:]) < np.abs(size[:-1]) / 4
    marked = np.append(back, [False]) | np.append([False], back)
    return pd.Series(marked, index=moves.index)


def _of_one_tick(history: PriceHistory) -> pd.Series:
    """Mark moves as small as those around them, of a price that has few ticks to move by.

    A move counts as one of a tick if the other moves around are as large in money, or, where there
    are too few of them, if it is one unit of the last digit in which the price is quoted.
    """
    close = history.bars["close"].to_numpy(dtype=np.float64)
    steps = np.abs(np.diff(close, prepend=np.nan))
    moves = np.abs(np.diff(np.log(close), prepend=np.nan))
    marked = np.zeros(len(close), dtype=bool)
    for row in np.flatnonzero(moves > np.log(SMALL_RATIO) - TIGHT).tolist():
        near = slice(max(row - AROUND, 0), row + AROUND + 1)
        others = np.concatenate([steps[near.start : row], steps[row + 1 : near.stop]])
        others = others[others > ROUNDING * close[near].max()]
        enough = len(others) >= FEW_MOVES
        ordinary = float(np.median(others)) if enough else _unit(close[near])
        marked[row] = steps[row] < 1.5 * ordinary
    return pd.Series(marked, index=history.dates)


def _unit(prices: np.ndarray) -> float:
    """Return the unit of the last digit that prices are quoted in, 1 for whole numbers."""
    for digits in range(9):
        if np.allclose(prices, prices.round(digits), rtol=ROUNDING, atol=0.0):
            return float(10.0**-digits)
    return 0.0


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
