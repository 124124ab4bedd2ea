"""Training: data on the device, the loop, early stopping, members side by side, forecasting.

Modules are loaded when a name of theirs is asked for: forecasts by a graph load no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmcast.training.experiment import Trained, predict, train_experiment, validation_loss
    from lstmcast.training.forecaster import Forecaster
    from lstmcast.training.observers import EpochRecord, Observer, SilentObserver
    from lstmcast.training.pooling import PoolReport

__all__ = [
    "EpochRecord",
    "Forecaster",
    "Observer",
    "PoolReport",
    "SilentObserver",
    "Trained",
    "predict",
    "train_experiment",
    "validation_loss",
]

_HOMES = {
    "EpochRecord": "observers",
    "Forecaster": "forecaster",
    "Observer": "observers",
    "SilentObserver": "observers",
    "PoolReport": "pooling",
    "Trained": "experiment",
    "predict": "experiment",
    "train_experiment": "experiment",
    "validation_loss": "experiment",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
