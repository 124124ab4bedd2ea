"""Split conformal prediction: intervals that would have held on the validation sessions.

The nonconformity score of an outcome is its distance from the median in half widths of the 80 %
interval. Each interval is moved to the quantile of the scores that its nominal coverage asks for.
It is only as good as the validation sessions are like those to come.

Source: Vovk, Gammerman and Shafer (2005), Algorithmic learning in a random world.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from lstmcast.calibration.series import COVERAGES, CalibrationSeries, HalfWidths, Raw
from lstmcast.distributions import Distribution, FloatArray, RecalibratedDistribution
from lstmcast.predictions import Actuals

FEWEST_ROWS = 100
"""Validation rows below which the forecasts stay as they are."""


def conformal(
    raw: Raw,
    series: Sequence[CalibrationSeries],
    plain: Mapping[str, Distribution],
    validation_end: pd.Timestamp,
) -> dict[str, Distribution]:
    """The forecasts `plain`, calibrated on the rows from each series' first to `validation_end`."""
    # Of several markets, some close after others: the last day's outcome is not known to all on it.
    side: Literal["left", "right"] = "right" if len({s.market for s in series}) == 1 else "left"
    spans = {
        s.name: np.arange(s.first, int(s.dates.searchsorted(validation_end, side=side)) - 1)
        for s in series
    }
    spans = {name: rows for name, rows in spans.items() if len(rows)}
    forecasts = raw(spans) if spans else {}
    scores, intervals = [], []
    for one in series:
        if one.name not in forecasts:
            continue
        rows = spans[one.name]
        widths = HalfWidths.of(forecasts[one.name])
        cut = int(rows[-1]) + 2
        actuals = Actuals(one.name, one.dates[:cut], one.closes[:cut])
        outcomes = actuals.cumulative_returns(rows, widths.median.shape[1])
        scores.append(np.abs(outcomes - widths.median) / widths.unit)
        intervals.append(widths.intervals)
    if not scores or sum(len(part) for part in scores) < FEWEST_ROWS:
        return dict(plain)
    at, to = conformal_points(np.concatenate(scores), np.concatenate(intervals))
    return {
        name: RecalibratedDistribution(part, HalfWidths.of(part).unit, at, to)
        for name, part in plain.items()
    }


def conformal_points(scores: FloatArray, intervals: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where the intervals end, and where they should have ended, `(horizons, coverages)` each.

    Args:
        scores: `(rows, horizons)` distances of outcomes from the median, in half widths of the
            80 % interval; NaN where the outcome is not known.
        intervals: `(rows, horizons, coverages)` half widths in the same unit.
    """
    at = np.median(intervals, axis=0)
    to = np.empty_like(at)
    for h in range(scores.shape[1]):
        known = scores[np.isfinite(scores[:, h]), h]
        levels = np.minimum(COVERAGES * (1 + 1 / max(len(known), 1)), 1.0)
        to[h] = np.quantile(known, levels) if len(known) else at[h]
    # Few rows may have the same quantile for two coverages; intervals are nested all the same.
    floor = 1e-3 * at[:, :1] * np.arange(1, len(COVERAGES) + 1)
    return at, np.maximum.accumulate(to, axis=1) + floor
