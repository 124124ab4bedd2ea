"""The run directory: everything about one training run, readable without lstmcast.

    config.yaml          the resolved experiment, which trains the same run again
    run.json             schema, versions, device, seeds, threads, status, timings, data
    model.safetensors    every member's weights and the scaling
    networks.onnx        the networks as a graph, and refitted.onnx; see `training.run_graphs`
    history.csv          a row per member and epoch
    predictions.parquet  the forecasts of the test part
    metrics.json         what `evaluate --json` prints
    charts/

A run is written into a hidden folder and renamed when it is whole, so a run that can be seen is
complete. There is no pickle in it: opening a stranger's run executes nothing. Reading one loads
torch only when the forecaster itself is asked for.

Modules are loaded when a name of theirs is asked for: what opens a run needs nothing of what writes
one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmcast.run.creation import create_run, ensure_writable
    from lstmcast.run.directory import Run, RunSymbol
    from lstmcast.run.fitted import FittedRun
    from lstmcast.run.folders import SCHEMA
    from lstmcast.run.listing import find_runs, list_runs
    from lstmcast.run.locks import in_use
    from lstmcast.run.resuming import done, interrupted_training, training_identity

__all__ = [
    "SCHEMA", "FittedRun", "Run", "RunSymbol", "create_run", "done", "ensure_writable", "find_runs",
    "in_use", "interrupted_training", "list_runs", "training_identity",
]  # fmt: skip

_HOMES = {
    "FittedRun": "fitted",
    "Run": "directory",
    "RunSymbol": "directory",
    "SCHEMA": "folders",
    "create_run": "creation",
    "done": "resuming",
    "ensure_writable": "creation",
    "find_runs": "listing",
    "in_use": "locks",
    "interrupted_training": "resuming",
    "list_runs": "listing",
    "training_identity": "resuming",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
