"""Graphs that forecast as PyTorch does: others are not kept."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lstmcast.graphs.export import NotExportableError, difference, export
from lstmcast.graphs.session import GraphError, GraphNetworks
from lstmcast.nn import Network

TOLERANCE = 1e-5
"""Largest difference from PyTorch, as a share of a parameter's largest value."""

STEPS, SEQUENCES = 200, 2
"""Random sequences that both are compared on; of the second the symbol is unknown."""


def checked_graph(networks: Sequence[Network], about: Mapping[str, Any]) -> tuple[bytes, float]:
    """A graph of networks of one kind, and how far it is from PyTorch.

    Args:
        networks: in evaluation mode, on the CPU or elsewhere, with the same head and horizons.
        about: plain values that are kept with it.

    Returns:
        The bytes of an ONNX file, and the largest difference as a share of a parameter's largest
        value.

    Raises:
        NotExportableError: if a part of them has no form in ONNX, they are too far apart, or
            onnxruntime cannot run the graph.
    """
    content = export(networks, about)
    horizons = networks[0].head.horizons
    columns = networks[0].encoder.input_size
    random = np.random.default_rng(0)
    features = random.standard_normal((SEQUENCES, STEPS, columns)).astype(np.float32)
    scale = random.uniform(0.5, 3.0, (SEQUENCES, STEPS)).astype(np.float32)
    offsets = networks[0].head.offsets
    symbols = [0, 0 if offsets is None else len(offsets) - 1]
    try:
        found = GraphNetworks(content).run(features, scale, symbols, max(horizons))
    except GraphError as error:
        raise NotExportableError(str(error)) from error
    chosen = np.asarray(horizons) - 1
    apart = difference(
        [{name: values[:, :, chosen] for name, values in answer.items()} for answer in found],
        [_by_pytorch(network, features, scale, symbols) for network in networks],
    )
    if not apart <= TOLERANCE:
        raise NotExportableError(f"the graph is {apart:.1e} away from PyTorch")
    return content, apart


def _by_pytorch(
    network: Network, features: np.ndarray, scale: np.ndarray, symbols: Sequence[int]
) -> dict[str, np.ndarray]:
    device = next(network.parameters()).device
    with torch.inference_mode():
        params, _ = network(
            torch.from_numpy(features).to(device),
            torch.from_numpy(scale).to(device),
            symbols=torch.tensor(list(symbols), device=device),
        )
    return {name: value.cpu().numpy() for name, value in params._asdict().items()}
