"""A forecaster as a safetensors file: weights and scaling, no code, so safe to open."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lstmcast.config import Experiment
from lstmcast.dataset import Scaler, Scaling
from lstmcast.errors import RunError
from lstmcast.training.forecaster import Forecaster, new_network

_MEMBER = "member"
_SCALER = "scaler"


def dump_forecaster(forecaster: Forecaster) -> bytes:
    """Every member's weights and every scaler's statistics, as the bytes of a safetensors file.

    Keys are `member.K.NAME` for weights and `scaler.SYMBOL.offset|factor` (float64) for scaling;
    the metadata hold the names of the input columns.
    """
    tensors: dict[str, Tensor] = {}
    for k, network in enumerate(forecaster.networks):
        for name, weight in network.state_dict().items():
            tensors[f"{_MEMBER}.{k}.{name}"] = weight.detach().cpu().contiguous()
    scaling = forecaster.scaling
    for symbol, scaler in scaling.scalers.items():
        tensors[f"{_SCALER}.{symbol}.offset"] = torch.from_numpy(scaler.offset.copy())
        tensors[f"{_SCALER}.{symbol}.factor"] = torch.from_numpy(scaler.factor.copy())
    metadata = {
        "columns": json.dumps(scaling.columns),
        "symbols": json.dumps(list(scaling.scalers)),
        "members": str(len(forecaster.networks)),
    }
    content: bytes = save(tensors, metadata)
    return content


def load_forecaster(
    path: Path, experiment: Experiment, device: torch.device | str = "cpu"
) -> Forecaster:
    """Rebuild a forecaster from a file and the experiment it belongs to.

    Raises:
        RunError: if the file is missing, damaged, or does not fit the experiment.
    """
    hint = "train the run again with `lstmcast train --config`"
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        columns = tuple(json.loads(metadata["columns"]))
        symbols = json.loads(metadata["symbols"])
        scaling = _scaling(tensors, columns, symbols, experiment)
        networks = []
        for k in range(_members(metadata)):
            network = new_network(experiment, len(columns), seed=0)
            prefix = f"{_MEMBER}.{k}."
            network.load_state_dict(
                {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
            )
            networks.append(network.eval().to(device))
    except FileNotFoundError as error:
        raise RunError(f"`{path.name}` is missing from the run {path.parent}", hint) from error
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"`{path.name}` of the run {path.parent} cannot be used: {problem}", hint
        ) from error
    return Forecaster(experiment, scaling, networks)


def _members(metadata: Mapping[str, str]) -> int:
    members = int(metadata["members"])
    if members < 1:
        raise ValueError(f"it holds {members} networks")
    return members


def _scaling(
    tensors: Mapping[str, Tensor],
    columns: tuple[str, ...],
    symbols: list[str],
    experiment: Experiment,
) -> Scaling:
    if not symbols:
        raise ValueError("it holds no scaler")
    scalers = {}
    for symbol in symbols:
        statistics = [
            tensors[f"{_SCALER}.{symbol}.{part}"].numpy().astype(np.float64)
            for part in ("offset", "factor")
        ]
        if any(values.shape != (len(columns),) for values in statistics):
            raise ValueError(f"the scaler of {symbol} does not fit its {len(columns)} columns")
        scalers[symbol] = Scaler(*statistics)
    return Scaling(columns, scalers, experiment.target.kind)
