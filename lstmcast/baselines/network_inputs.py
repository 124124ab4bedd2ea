"""Baseline inputs in the form that networks read them, for `linear` and `pretrained`."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast.baselines.base import BaselineInputs
from lstmcast.distributions import FloatArray
from lstmcast.features import Bars

if TYPE_CHECKING:
    from lstmcast.training.symbol_inputs import SymbolInputs


def network_inputs(inputs: BaselineInputs, features: FloatArray | None) -> "SymbolInputs":
    """What may be known of a symbol at each close, with the volatility that networks scale by."""
    from lstmcast.training.symbol_inputs import SymbolInputs

    return SymbolInputs(
        inputs.symbol,
        pd.DatetimeIndex(inputs.bars.index),
        np.asarray(features, dtype=np.float64),
        Bars(inputs.bars).scale.to_numpy(dtype=np.float64),
        inputs.bars["close"].to_numpy(dtype=np.float64),
    )


def feature_gap(inputs: BaselineInputs, features: FloatArray) -> str:
    """Why there are too few features, or nothing: they must go on once they have begun."""
    known = np.asarray(np.isfinite(features).all(axis=1))
    begins = int(known.argmax()) if known.any() else len(known)
    if inputs.origins.min() < begins or not known[begins:].all():
        return "has sessions without features in the test period"
    return ""
