"""A forecaster as a safetensors file: weights and scaling, no code, so safe to open."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lstmcast.config import Experiment, groups_of
from lstmcast.errors import RunError
from lstmcast.nn import Network, present_names
from lstmcast.seals import Owner
from lstmcast.tensors import dump_tensors, load_tensors
from lstmcast.training.forecaster import ExternalMember, Forecaster
from lstmcast.training.group import Group, new_network
from lstmcast.training.saved import (
    GROUPS,
    METADATA,
    POOL_WEIGHTS,
    SCALER,
    pool_weights_of,
    prefix_of,
    scaling_of,
)

_MEMBER = "member"
_REFITTED = "refitted"

_MIXTURE = 4
"""Outputs that the head `mixture` of an earlier version had beyond those of `student_t`."""


def dump_forecaster(forecaster: Forecaster, owner: Owner | None = None) -> bytes:
    """Every member's weights and every scaler's statistics, as the bytes of a safetensors file.

    Keys are `member.K.NAME` for weights, `refitted.K.NAME` for those of networks that were trained
    again with the validation part, and `scaler.SYMBOL.offset|factor` (float64) for scaling,
    those of variant N with `variant.N.` before; `pool.weights` (float64) where they are learned.
    The metadata hold, under the same prefixes, the names of the input columns, the symbols and the
    number of members, and what the file belongs to, where nothing else says so.
    """
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, Any] = {GROUPS: [group.number for group in forecaster.groups]}
    for group in forecaster.groups:
        prefix = prefix_of(group.number)
        for kind, networks in ((_MEMBER, group.networks), (_REFITTED, group.refitted)):
            for k, network in enumerate(networks):
                for name, weight in network.state_dict().items():
                    tensors[f"{prefix}{kind}.{k}.{name}"] = weight.detach().cpu().contiguous()
        scaling = group.scaling
        for symbol, scaler in scaling.scalers.items():
            key = f"{prefix}{SCALER}.{symbol}"
            tensors[f"{key}.offset"] = torch.from_numpy(scaler.offset.copy())
            tensors[f"{key}.factor"] = torch.from_numpy(scaler.factor.copy())
        metadata[f"{prefix}columns"] = list(scaling.columns)
        metadata[f"{prefix}symbols"] = list(scaling.scalers)
        metadata[f"{prefix}members"] = len(group.networks)
        metadata[f"{prefix}refitted"] = len(group.refitted)
    if forecaster.weights is not None:
        tensors[POOL_WEIGHTS] = torch.from_numpy(forecaster.weights.copy())
    return dump_tensors(tensors, METADATA, metadata, owner)


def load_forecaster(
    path: Path,
    experiment: Experiment,
    device: torch.device | str = "cpu",
    external_members: Sequence[ExternalMember] = (),
    owner: Owner | None = None,
) -> Forecaster:
    """Rebuild a forecaster from a file and the experiment it belongs to.

    Args:
        path: the safetensors file.
        experiment: resolved, as the run keeps it.
        device: where the networks go.
        external_members: the baselines that `model.pool.baselines` names, in its order.
        owner: what the file should belong to, where it says so.

    Raises:
        RunError: if the file is missing, damaged, belongs to something else, or does not fit the
            experiment.
    """
    hint = "train the run again with `lstmcast train --config`"
    try:
        metadata, tensors = load_tensors(path, METADATA, owner)
        _require_numbers(tensors)
        groups = [
            _group(tensors, metadata, experiment, int(number), device)
            for number in metadata[GROUPS]
        ]
        members = sum(len(group.networks) for group in groups) + len(external_members)
        arrays = {n: t.numpy() for n, t in tensors.items() if n == POOL_WEIGHTS}
        weights = pool_weights_of(arrays, (members, experiment.target.horizon))
    except FileNotFoundError as error:
        raise RunError(f"`{path.name}` is missing from the run {path.parent}", hint) from error
    except (LookupError, TypeError, ValueError, ArithmeticError, RuntimeError, OSError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"`{path.name}` of the run {path.parent} cannot be used: {problem}", hint
        ) from error
    return Forecaster(experiment, groups, external_members, weights)


def _require_numbers(tensors: Mapping[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} holds values that are not numbers")


def _group(
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, Any],
    experiment: Experiment,
    number: int,
    device: torch.device | str,
) -> Group:
    """One group of networks, with its part of the experiment."""
    prefix = prefix_of(number)
    experiment = groups_of(experiment)[number]
    columns = tuple(metadata[f"{prefix}columns"])
    symbols = list(metadata[f"{prefix}symbols"])
    own = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    if any(name.endswith(".embedding.weight") for name in own):
        raise ValueError("its networks have a symbol embedding, which lstmcast no longer has")
    arrays = {n: t.numpy() for n, t in own.items() if n.startswith(f"{SCALER}.")}
    scaling = scaling_of(arrays, columns, symbols, experiment)

    # A fold of a backtest may lack symbols that join later: the tables are of those it had.
    data = experiment.data.model_copy(update={"symbols": tuple(symbols)})
    trained = experiment.model_copy(update={"data": data})

    def network(start: str) -> Network:
        new = new_network(trained, len(columns), seed=0)
        weights = {n.removeprefix(start): t for n, t in own.items() if n.startswith(start)}
        if "head.bias" in weights and len(weights["head.bias"]) == len(new.head.bias) + _MIXTURE:
            raise ValueError("its networks have the head `mixture`, which lstmcast no longer has")
        new.load_state_dict(present_names(weights))
        return new.eval().to(device)

    members, refitted = (int(metadata[prefix + name]) for name in ("members", "refitted"))
    if members < 1 or refitted not in (0, members):
        raise ValueError(f"it holds {members} networks and {refitted} refitted ones")
    return Group(
        experiment,
        scaling,
        [network(f"{_MEMBER}.{k}.") for k in range(members)],
        [network(f"{_REFITTED}.{k}.") for k in range(refitted)],
        number,
    )
