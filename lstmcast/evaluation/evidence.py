"""What a verdict rests on: comparisons, how the median behaves, how the ranges held."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from lstmcast.evaluation.comparison import Comparison
from lstmcast.evaluation.coverage import CoverageCheck
from lstmcast.evaluation.point import PointReport
from lstmcast.evaluation.significance import Test, best_of

SIGNIFICANT = 0.05


class Finding(StrEnum):
    """What a comparison found."""

    better = "better"
    level = "level"
    worse = "worse"
    unknown = "unknown"
    """Too few days, or nothing stated that could be compared."""


def finding(test: Test | None, trials: int = 1) -> Finding:
    """Read a test of the model's loss minus another's.

    Args:
        test: the test.
        trials: configurations that the model is the best of: a claim that it is better must hold
            for the best of as many. That it is worse needs no such allowance.
    """
    if test is None or not np.isfinite(test.p_value):
        return Finding.unknown
    if allowed_for(test, trials) >= SIGNIFICANT:
        return Finding.level
    return Finding.better if test.mean < 0 else Finding.worse


def allowed_for(test: Test, trials: int) -> float:
    """A test's p-value, deflated where it speaks for the model."""
    return best_of(test.p_value, trials) if test.mean < 0 else test.p_value


@dataclass(frozen=True)
class Evidence:
    """What a verdict is drawn from, all at one horizon.

    Args:
        horizon: sessions ahead.
        days: origins with a forecast.
        error_ratio: error (RMS) of the median return relative to no change, over the days that
            `point` tests.
        point: test of the median return against no change.
        copies: the point reports of each symbol.
        best: name and label of the baseline with the lowest CRPS, None without one.
        against_best, against_walk: comparisons of the distribution; None for a point forecast.
        baselines: how many baselines there are.
        symbols_better, symbols: on how many symbols alone the model beats the best baseline.
        ranges: how the stated ranges held, at `horizon` and further; empty for a point forecast.
        trials: configurations that the model was chosen from.
        adds: what the LSTM adds, in words (`lstm_adds`); empty where nothing can be said.
    """

    horizon: int
    days: int
    error_ratio: float
    point: Test
    copies: dict[str, PointReport]
    best: tuple[str, str] | None
    against_best: Comparison | None
    against_walk: Comparison | None
    baselines: int
    symbols_better: int
    symbols: int
    ranges: tuple[CoverageCheck, ...]
    adds: str = ""
    trials: int = 1

    @property
    def nothing_moved(self) -> bool:
        """Whether the close is the same on all days."""
        return all(part.unmoved == 1 for part in self.copies.values())

    def signs_known(self, p_value: float) -> list[PointReport]:
        """The symbols whose median knows the sign of the move, with a p-value below this."""
        return [part for part in self.copies.values() if part.direction_p < p_value]

    @property
    def nearest_ranges(self) -> tuple[CoverageCheck, ...]:
        """Those at the horizon of the verdict."""
        return tuple(check for check in self.ranges if check.horizon == self.horizon)
