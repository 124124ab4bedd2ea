"""Networks to a graph, gate by gate and formula by formula."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstmcast.graphs.heads import parameters
from lstmcast.graphs.layers import NotExportableError, array, encoded, linear
from lstmcast.graphs.nodes import Nodes
from lstmcast.graphs.session import ABOUT, Float32Array
from lstmcast.nn import Network
from lstmcast.seals import BLANK, NAME, sealed

__all__ = ["NotExportableError", "difference", "export"]


def export(networks: Sequence[Network], about: Mapping[str, Any]) -> bytes:
    """A graph of networks of one kind, as the bytes of an ONNX file.

    Args:
        networks: in evaluation mode, with the same encoder, head and horizons.
        about: plain values that are kept with it.

    Raises:
        NotExportableError: if a part of them has no form in ONNX here.
    """
    nodes = Nodes()
    outputs = []
    for number, network in enumerate(networks):
        for name, value in _answers(nodes, network).items():
            outputs.append((value, f"{name}.{number}", 4 if name == "values" else 3))
    told = {**about, "members": len(networks), "parameters": list(networks[0].head.names)}
    if networks[0].head.name == "quantile":
        told["parameters"] = ["values"]  # the unit is for the loss alone
    told[NAME] = BLANK
    return sealed(nodes.graph(outputs, {ABOUT: json.dumps(told, allow_nan=False)}))


def _answers(nodes: Nodes, network: Network) -> dict[str, str]:
    """One network: its head's parameters by name."""
    units = encoded(nodes, network.encoder, "features")
    if network.skip_connection:
        units = nodes("Concat", units, "features", axis=-1)
    head = network.head
    raw = linear(nodes, units, head.weight, head.bias)
    if head.offsets is not None:
        own = nodes.with_axis(nodes.row_of_symbol(array(head.offsets)), 1)
        raw = nodes("Add", raw, own)
    return parameters(nodes, head, raw)


def difference(
    found: Sequence[Mapping[str, Float32Array]], expected: Sequence[Mapping[str, Float32Array]]
) -> float:
    """How far parameters are from those expected, as a share of each one's largest value.

    Args:
        found: what a graph answers for each network, by parameter.
        expected: what PyTorch does.
    """
    return max(
        float(np.abs(ours[name] - theirs[name]).max() / max(np.abs(theirs[name]).max(), 1e-30))
        for ours, theirs in zip(found, expected, strict=True)
        for name in ours
    )
