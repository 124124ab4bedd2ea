"""The inputs of a verdict: comparisons, the behaviour of the median, empirical coverage."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lstmcast.evaluation.ablation import Ablation
from lstmcast.evaluation.comparison import Comparison
from lstmcast.evaluation.coverage_check import CoverageCheck
from lstmcast.evaluation.point import PointReport
from lstmcast.evaluation.significance import Test


@dataclass(frozen=True)
class VerdictInputs:
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
        symbols_better, symbols: on how many symbols taken singly the model beats the best baseline.
        ranges: coverage of the stated ranges, at `horizon` and further; empty for a point forecast.
        adds: the model against the linear model and against the pretrained networks (`lstm_adds`).
        label: how tables call the model.
        trials: configurations that the model was chosen from.
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
    adds: Mapping[str, Ablation] = field(default_factory=dict)
    label: str = "LSTM"
    trials: int = 1

    @property
    def nothing_moved(self) -> bool:
        """Whether the close is the same on all days."""
        return all(part.unmoved == 1 for part in self.copies.values())

    @property
    def nearest_ranges(self) -> tuple[CoverageCheck, ...]:
        """Those at the horizon of the verdict."""
        return tuple(check for check in self.ranges if check.horizon == self.horizon)
