"""What a run keeps of its networks beside their weights, read without PyTorch."""

from collections.abc import Mapping, Sequence

import numpy as np

from lstmcast.config import Experiment
from lstmcast.dataset import Scaler, Scaling
from lstmcast.distributions import FloatArray

SCALER, POOL_WEIGHTS = "scaler", "pool.weights"
GROUPS, METADATA = "groups", "lstmcast"


def prefix_of(number: int) -> str:
    """What the names of a group's tensors begin with."""
    return f"variant.{number}." if number else ""


def scaling_of(
    arrays: Mapping[str, np.ndarray],
    columns: tuple[str, ...],
    symbols: Sequence[str],
    experiment: Experiment,
) -> Scaling:
    """A group's scaling.

    Args:
        arrays: by name, without the group's prefix.
        columns: of the inputs.
        symbols: those that were trained on.
        experiment: the group's.

    Raises:
        KeyError, ValueError: if something is missing or does not fit.
    """
    if not symbols:
        raise ValueError("it holds no scaler")
    scalers = {}
    for symbol in symbols:
        statistics = [
            arrays[f"{SCALER}.{symbol}.{part}"].astype(np.float64) for part in ("offset", "factor")
        ]
        if any(values.shape != (len(columns),) for values in statistics):
            raise ValueError(f"the scaler of {symbol} does not fit its {len(columns)} columns")
        scalers[symbol] = Scaler(*statistics)
    return Scaling(columns, scalers, experiment.target.kind)


def pool_weights_of(arrays: Mapping[str, np.ndarray], shape: tuple[int, int]) -> FloatArray | None:
    """The pool's weights, `(members, horizons)`, where they were learned.

    Raises:
        ValueError: if they do not fit.
    """
    if POOL_WEIGHTS not in arrays:
        return None
    weights = arrays[POOL_WEIGHTS].astype(np.float64)
    if weights.shape != shape or not np.allclose(weights.sum(axis=0), 1) or (weights <= 0).any():
        raise ValueError(f"its pool weights do not fit {shape[0]} members, {shape[1]} horizons")
    return weights
