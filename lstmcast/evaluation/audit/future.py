"""Does anything at a session change when the bars after it do?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.audit.altered import altered_after, altered_at, cut_after
from lstmcast.evaluation.audit.result import Check
from lstmcast.features import FeatureMatrix, build_features
from lstmcast.features.registry import WARM_UP
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Forecaster

MOMENTS = 4
"""Sessions of each symbol at which the future is taken away."""

FURTHEST = 5
"""Sessions ahead that are tried when a leak is traced to its bar."""

_ORIGINS = 20
_TARGET = 0.99
_ROUNDING = 1e-4
_LEVELS = (0.1, 0.5, 0.9)


def check_features(
    histories: Sequence[PriceHistory], groups: Sequence[str], generator: np.random.Generator
) -> Check:
    """Cut later bars off and alter them: no feature of an earlier session may change a bit."""
    for history in histories:
        whole = build_features(history, groups)
        for row in _moments(len(history), generator):
            for other in (cut_after(history, row), altered_after(history, row, generator)):
                changed = _changed_columns(whole, build_features(other, groups), row - WARM_UP)
                if changed:
                    words = _explain(history, groups, whole, changed[0], generator)
                    names = ", ".join(f"`{name}`" for name in changed[:5])
                    return Check(
                        "features",
                        passed=False,
                        detail=f"{names} of {history.symbol} on "
                        f"{history.bars.index[row]:%Y-%m-%d} change when later bars do: {words}",
                    )
    return Check(
        "features",
        passed=True,
        detail=f"{len(histories) * MOMENTS} times without and with other later bars: "
        "not a bit changed",
    )


def check_forecasts(
    forecaster: "Forecaster", histories: Sequence[PriceHistory], generator: np.random.Generator
) -> Check:
    """Alter and cut later bars: no earlier forecast may change.

    Altered bars must leave earlier forecasts equal to the bit; over fewer rows the sums of a matrix
    product are taken in another order, so a cut may differ by rounding.
    """
    settings = forecaster.experiment.training
    needed = 0 if settings.supervision == "every" else settings.lookback - 1
    for history in histories:
        without = len(history) - len(forecaster.inputs([history]).dates[0])
        for row in _moments(len(history), generator):
            last = row - without
            origins = np.arange(max(needed, last - _ORIGINS), last + 1)
            if not len(origins):
                continue
            ours = _forecast(forecaster, history, origins)
            theirs = _forecast(forecaster, altered_after(history, row, generator), origins)
            cut = _forecast(forecaster, cut_after(history, row), origins)
            spread = np.nanmax(np.abs(ours))
            if not np.array_equal(ours, theirs, equal_nan=True):
                return _leaks(history, row, "are altered")
            if not np.allclose(ours, cut, rtol=_ROUNDING, atol=_ROUNDING * spread, equal_nan=True):
                return _leaks(history, row, "are cut off")
    return Check(
        "forecasts",
        passed=True,
        detail=f"{len(histories) * MOMENTS} times: forecasts stay the same whatever comes later",
    )


def _leaks(history: PriceHistory, row: int, how: str) -> Check:
    return Check(
        "forecasts",
        passed=False,
        detail=f"forecasts of {history.symbol} up to {history.bars.index[row]:%Y-%m-%d} change "
        f"when later bars {how}",
    )


def _forecast(
    forecaster: "Forecaster", history: PriceHistory, origins: NDArray[np.intp]
) -> FloatArray:
    inputs = forecaster.inputs([history])
    distribution = forecaster.forecast(inputs, {history.symbol: origins})[history.symbol]
    stated = [distribution.mean()[..., None], distribution.quantiles(_LEVELS)]
    return np.concatenate(stated, axis=-1)


def _moments(rows: int, generator: np.random.Generator) -> list[int]:
    """Rows in the second half of a history, the last but a few among them."""
    chosen = generator.choice(np.arange(rows // 2, rows - 6), size=MOMENTS - 1, replace=False)
    return [*sorted(chosen.tolist()), rows - 6]


def _changed_columns(whole: FeatureMatrix, other: FeatureMatrix, last: int) -> list[str]:
    """Columns that differ in any of the rows up to `last`; the scale and closes count as well."""
    rows = slice(0, last + 1)
    ours, theirs = whole.table.iloc[rows], other.table.iloc[rows]
    changed = [
        str(name)
        for name in whole.table.columns
        if not np.array_equal(ours[name].to_numpy(), theirs[name].to_numpy())
    ]
    if not np.array_equal(whole.scale.iloc[rows].to_numpy(), other.scale.iloc[rows].to_numpy()):
        changed.append("scale")
    return changed


def _explain(
    history: PriceHistory,
    groups: Sequence[str],
    whole: FeatureMatrix,
    column: str,
    generator: np.random.Generator,
) -> str:
    """Say whether a column is the target itself, and how far ahead it reads."""
    values = whole.table[column] if column in whole.table.columns else whole.scale
    log_close = np.log(whole.closes.to_numpy(dtype=np.float64))
    coming = pd.Series(np.append(np.diff(log_close), np.nan), index=whole.table.index)
    if abs(float(values.corr(coming, method="spearman"))) > _TARGET:
        return f"`{column}` is the target itself, the return of the coming session"
    row = len(history) - FURTHEST - 2
    reads = []
    for ahead in range(1, FURTHEST + 1):
        altered = altered_at(history, np.array([row + ahead]), generator)
        changed = _changed_columns(whole, build_features(altered, groups), row - WARM_UP)
        if column in changed:
            reads.append(ahead)
    if not reads:
        return f"`{column}` depends on all rows at once, such as a statistic of the whole history"
    sessions = "session" if max(reads) == 1 else "sessions"
    return f"`{column}` reads bars up to {max(reads)} {sessions} ahead"
