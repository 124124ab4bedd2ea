"""Checks that the forecasts a run keeps, which are the ones scored, are those of its networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.baselines.table import RETURN_TOLERANCE
from lstmcast.distributions import FloatArray
from lstmcast.evaluation.audit.result import Check
from lstmcast.predictions import QUANTILES
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Forecaster

NAME = "predictions"

_KEY = ["symbol", "origin", "horizon"]
_TRUTH = ["return_actual"]
_ROUNDING = 0.01
"""Difference that another device or processor may make, in widths of the 80 % range for quantiles
and in log density."""


def check_predictions(
    forecaster: "Forecaster", histories: Sequence[PriceHistory], stored: pd.DataFrame
) -> Check:
    """Forecast the test part again and compare: the same rows, outcomes, ranges and densities.

    Args:
        forecaster: the run's.
        histories: its prices.
        stored: its prediction table.
    """
    from lstmcast.training import predict
    from lstmcast.training.prepare import prepare

    prepared = prepare(forecaster.experiment, histories)
    origins = {symbol: parts.test for symbol, parts in prepared.parts.items()}
    inputs = forecaster.inputs(histories)
    again = predict(forecaster, inputs, origins, prepared.boundaries.test_end).set_index(_KEY)
    kept = stored.set_index(_KEY)
    for one, other, words in (
        (again, kept, "is missing from the run's table"),
        (kept, again, "is in the run's table and not in its test part"),
    ):
        absent = one.index.difference(other.index)
        if len(absent):
            return _failed(absent, words)
    if kept.index.has_duplicates:
        return _failed(kept.index[kept.index.duplicated()], "is in the run's table twice")
    kept = kept.loc[again.index]
    moved = _numbers(kept, _TRUTH) - _numbers(again, _TRUTH)
    wrong = np.abs(moved[:, 0]) > RETURN_TOLERANCE
    if wrong.any():
        return _failed(again.index[wrong], "has an outcome that differs from the stored prices")
    wrong = _differ(kept, again)
    if wrong.any():
        return _failed(again.index[wrong], "differs from what the run's networks forecast")
    return Check(
        NAME,
        passed=True,
        detail=f"the {len(again):,} scored forecasts are those of the run's networks",
    )


def _differ(kept: pd.DataFrame, again: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows of which a quantile or the density is not the same, rounding aside."""
    quantiles = [_numbers(table, list(QUANTILES)) for table in (kept, again)]
    width = _numbers(again, ["q90"]) - _numbers(again, ["q10"])
    # Single numbers have no width: then the outcomes say how much is little.
    usual = np.where(np.isnan(width), np.nanstd(_numbers(again, _TRUTH)), width)
    densities = [_numbers(table, ["log_density"]) for table in (kept, again)]
    return _apart(*(q / usual for q in quantiles)) | _apart(*densities)


def _apart(ours: FloatArray, theirs: FloatArray) -> NDArray[np.bool_]:
    same = np.isclose(ours, theirs, rtol=0, atol=_ROUNDING, equal_nan=True)
    apart: NDArray[np.bool_] = np.any(~same, axis=1)
    return apart


def _numbers(table: pd.DataFrame, columns: list[str]) -> FloatArray:
    return table[columns].to_numpy(dtype=np.float64)


def _failed(rows: pd.Index, words: str) -> Check:
    symbol, origin, horizon = rows[0]
    ahead = "1 session" if horizon == 1 else f"{horizon} sessions"
    first = f"that of {symbol} from {origin:%Y-%m-%d}, {ahead} ahead, {words}"
    if len(rows) == 1:
        return Check(NAME, passed=False, detail=f"a forecast is wrong: {first}")
    return Check(NAME, passed=False, detail=f"{len(rows):,} forecasts are wrong: {first}")
