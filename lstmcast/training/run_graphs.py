"""A forecaster whose networks are graphs: how a run keeps them, and how they forecast again.

    networks.onnx             of the model
    refitted.onnx             the same networks trained again with the validation part
    variant-N.networks.onnx   of variant N, and so on

Scaling and pool weights are those in the file of the weights, which is read as it lies.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lstmcast.config import Experiment, groups_of
from lstmcast.dataset import Scaling
from lstmcast.graphs.session import GraphError, GraphNetworks
from lstmcast.tensors import values_of
from lstmcast.training.decode import DECODERS
from lstmcast.training.device import one_thread_each
from lstmcast.training.forecaster import ExternalMember, Forecaster
from lstmcast.training.group import Graphs, Group
from lstmcast.training.saved import (
    GROUPS,
    METADATA,
    POOL_WEIGHTS,
    SCALER,
    pool_weights_of,
    prefix_of,
    scaling_of,
)

_NETWORKS, _REFITTED = "networks.onnx", "refitted.onnx"


def dump_graphs(forecaster: Forecaster, weights: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files of a forecaster's graphs, by name, and what `run.json` tells of them.

    Networks that cannot be exported, or not here, have none: they forecast by PyTorch.

    Args:
        forecaster: with networks.
        weights: hex SHA-256 of the file of their weights.
    """
    try:
        from lstmcast.graphs.checked import checked_graph
        from lstmcast.graphs.export import NotExportableError
    except ImportError as error:
        return {}, {"exported": False, "why": f"{error.name} is not installed"}
    files, furthest = {}, 0.0
    try:
        for group in forecaster.groups:
            kinds = ((_NETWORKS, group.networks), (_REFITTED, group.refitted))
            for name, networks in kinds:
                if networks:
                    with one_thread_each():
                        content, apart = checked_graph(networks, {"weights": weights})
                    files[_file(group.number, name)] = content
                    furthest = max(furthest, apart)
    except NotExportableError as error:
        return {}, {"exported": False, "why": str(error)}
    return files, {"exported": True, "difference": furthest}


def _file(number: int, name: str) -> str:
    return f"variant-{number}.{name}" if number else name


def load_with_graphs(
    path: Path,
    experiment: Experiment,
    graph: Callable[[str], bytes],
    external_members: Sequence[ExternalMember] = (),
) -> Forecaster:
    """A forecaster whose networks are run as graphs.

    Args:
        path: the safetensors file of the weights.
        experiment: resolved, as the run keeps it.
        graph: gives the file of a graph by its name, or raises GraphError.
        external_members: the baselines that `model.pool.baselines` names, in its order.

    Raises:
        GraphError: if a graph cannot be run, or the file of the weights cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            metadata = values_of((file.metadata() or {})[METADATA])
            arrays = {
                name: file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118 - not a dict
                if f"{SCALER}." in name or name == POOL_WEIGHTS
            }
        groups = [
            _group(arrays, metadata, experiment, int(number), graph) for number in metadata[GROUPS]
        ]
        members = sum(group.members for group in groups) + len(external_members)
        weights = pool_weights_of(arrays, (members, experiment.target.horizon))
    except (SafetensorError, LookupError, TypeError, ValueError, ArithmeticError, OSError) as error:
        raise GraphError(f"`{path.name}` cannot be read: {error}") from error
    return Forecaster(experiment, groups, external_members, weights)


def _group(
    arrays: dict[str, np.ndarray],
    metadata: dict[str, Any],
    experiment: Experiment,
    number: int,
    graph: Callable[[str], bytes],
) -> Group:
    prefix = prefix_of(number)
    experiment = groups_of(experiment)[number]
    columns = tuple(str(name) for name in metadata[f"{prefix}columns"])
    own = {name.removeprefix(prefix): values for name, values in arrays.items()}
    if not all(np.isfinite(values).all() for values in own.values()):
        raise ValueError("it holds values that are not numbers")
    scaling = scaling_of(own, columns, metadata[f"{prefix}symbols"], experiment)
    members = int(metadata[f"{prefix}members"])
    kinds = (_NETWORKS, _REFITTED) if int(metadata[f"{prefix}refitted"]) else (_NETWORKS,)
    runners = [GraphNetworks(graph(_file(number, name))) for name in kinds]
    if any("weight" in runner.parameters for runner in runners):
        raise GraphError("it is of the head `mixture`, which lstmcast no longer has")
    if any(len(runner) != members for runner in runners):
        raise GraphError(f"the graph holds other than {members} networks")
    for runner in runners:
        _try_out(runner, scaling, experiment)
    graphs = Graphs(members, runners[0], runners[1] if len(runners) > 1 else None)
    return Group(experiment, scaling, [], number=number, graphs=graphs)


def _try_out(runner: GraphNetworks, scaling: Scaling, experiment: Experiment) -> None:
    """Forecast from made-up bars: what does not fit the run fails while PyTorch can take over."""
    bars = np.ones((2, 3, len(scaling.columns)), dtype=np.float32)
    symbols = list(scaling.scalers)
    answers = runner.run(bars, bars[:, :, 0], [0, len(symbols)], experiment.target.horizon)
    decode, target = DECODERS[experiment.model.head], scaling.target(symbols[0])
    for answer in answers:
        last = {name: values[:, -1].astype(np.float64) for name, values in answer.items()}
        decode(last, target, np.ones(len(bars))).mean()
