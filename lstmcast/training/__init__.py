"""Training: data on the device, the loop, early stopping, members side by side, forecasting."""

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
