"""Training: from an experiment and price histories to networks that forecast.

The loop first, then outwards from it:

    loop            an epoch, early stopping, the refit of one network
    steps           an optimiser step: AdamW, clipping, warm-up, EMA; `replay` records it on CUDA
    device_panel    the data, on the device or apart (`panel_home`), and the batches (`batch`) of it
    objective       what is minimised
    builder         what a member begins as, and how its head is fitted (`head_fit`, `warm_start`)
    member          one member: trained, restarted where it diverges, refitted
    ensemble        members side by side
    fitting         groups of members, one after the other
    experiment      all of it in order: prepare, fit, pool, predict

What comes of it:

    group           networks of one kind; `decode` turns their outputs into distributions
    forecaster      groups and external members, pooled (`pooling`) and calibrated
    prediction      their table of forecasts
    checkpoint      a forecaster as a file
    zero_shot       the pretrained networks without any training
    linear          the same without an LSTM, a baseline
    movement        how far training moved the forecasts

Around it: `resolve` (choices left open), `prepare` (the data), `observers` (hooks), `device` and
`accelerator` (where it runs), `full_memory` (what to lower there).

Modules are loaded when a name of theirs is asked for: forecasts by a graph load no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmcast.training.experiment import Trained, train_experiment, validation_loss
    from lstmcast.training.forecaster import Forecaster
    from lstmcast.training.kept import Keeper
    from lstmcast.training.observers import EpochRecord, Observer, SilentObserver
    from lstmcast.training.pooling import PoolReport
    from lstmcast.training.prediction import predict
    from lstmcast.training.resolve import resolve_experiment

__all__ = [
    "EpochRecord",
    "Forecaster",
    "Keeper",
    "Observer",
    "PoolReport",
    "SilentObserver",
    "Trained",
    "predict",
    "resolve_experiment",
    "train_experiment",
    "validation_loss",
]

_HOMES = {
    "EpochRecord": "observers",
    "Forecaster": "forecaster",
    "Keeper": "kept",
    "Observer": "observers",
    "SilentObserver": "observers",
    "PoolReport": "pooling",
    "Trained": "experiment",
    "predict": "prediction",
    "resolve_experiment": "resolve",
    "train_experiment": "experiment",
    "validation_loss": "experiment",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
