"""Training: data on the device, the loop, early stopping, members side by side, forecasting."""

from lstmcast.training.experiment import Trained, predict, train_experiment
from lstmcast.training.forecaster import Forecaster
from lstmcast.training.loop import EpochRecord, Observer

__all__ = ["EpochRecord", "Forecaster", "Observer", "Trained", "predict", "train_experiment"]
