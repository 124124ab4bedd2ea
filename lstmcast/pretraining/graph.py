"""The networks that come with lstmcast as a graph, which forecasts without PyTorch.

The graph reads all columns that the networks were trained on, flags among them. A symbol may lack
some: those are zero, as they were in training for markets that lack them, and the flags say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray
from lstmcast.graphs.session import Float32Array, GraphError, GraphNetworks
from lstmcast.pretraining.files import FLAG, shipped_graph_file, shipped_hash
from lstmcast.reading import RUN_BYTES, read_file

AGAIN = "`python scripts/export_onnx.py` writes it"


@dataclass(frozen=True)
class PretrainedGraph:
    """Networks trained on simulated markets, as a graph.

    Args:
        networks: all of them.
        columns: what they read, flags last.
        offset, factor: `(columns,)`; a column x is read as (x - offset) / factor.
    """

    networks: GraphNetworks
    columns: tuple[str, ...]
    offset: FloatArray
    factor: FloatArray

    @classmethod
    def parse(cls, content: bytes, weights: str) -> "PretrainedGraph":
        """Load a file that `about` described.

        Args:
            content: of the ONNX file.
            weights: hex SHA-256 of the file of the weights.

        Raises:
            GraphError: if it cannot be run, or is not made from these weights.
        """
        networks = GraphNetworks(content)
        told = networks.about
        try:
            columns = tuple(str(name) for name in told["columns"])
            offset, factor = (np.asarray(told[k], dtype=np.float64) for k in ("offset", "factor"))
            made_from = told["weights"]
        except (KeyError, TypeError, ValueError) as error:
            raise GraphError(f"the graph cannot be used: {error}") from error
        if made_from != weights:
            raise GraphError("the graph was made from other weights than there are")
        if not offset.shape == factor.shape == (len(columns),):
            raise GraphError("the graph cannot be used: its scaling does not fit its columns")
        return cls(networks, columns, offset, factor)

    def scaling(self, columns: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Offset and factor of some columns, NaN for those that the networks do not read."""
        place = self._places(columns)
        known = place >= 0
        return tuple(  # type: ignore[return-value]  # mypy sees no length
            np.where(known, values[place], np.nan) for values in (self.offset, self.factor)
        )

    def runner(self, columns: Sequence[str], groups: Sequence[str]) -> "_Runner":
        """What runs the networks on some columns, scaled by `scaling`.

        Args:
            columns: in their order; those that the networks do not read are passed over.
            groups: feature groups that they belong to.
        """
        flags = [
            float(name.startswith(FLAG) and name.removeprefix(FLAG) in groups)
            for name in self.columns
        ]
        place = self._places(columns)
        read = np.flatnonzero(place >= 0)
        return _Runner(self.networks, read, place[read], np.asarray(flags, dtype=np.float32))

    def _places(self, columns: Sequence[str]) -> NDArray[np.intp]:
        """Where each column stands among those that the networks read; -1 where it does not."""
        known = {name: k for k, name in enumerate(self.columns) if not name.startswith(FLAG)}
        return np.array([known.get(str(name), -1) for name in columns], dtype=np.intp)


@dataclass(frozen=True)
class _Runner:
    """Runs the networks on a part of their columns: see `lstmcast.training.group.Runner`."""

    networks: GraphNetworks
    read: NDArray[np.intp]
    place: NDArray[np.intp]
    flags: Float32Array

    def run(
        self, features: Float32Array, scale: Float32Array, symbols: Sequence[int], horizon: int
    ) -> list[dict[str, Float32Array]]:
        """The parameters of each network's head at every step."""
        whole = np.tile(self.flags, (*features.shape[:2], 1))
        whole[..., self.place] = features[..., self.read]
        return self.networks.run(whole, scale, symbols, horizon)


def about(
    weights: str, columns: Sequence[str], offset: FloatArray, factor: FloatArray
) -> Mapping[str, Any]:
    """What a file says of itself."""
    return {
        "weights": weights,
        "columns": list(columns),
        "offset": offset.tolist(),
        "factor": factor.tolist(),
    }


@lru_cache(maxsize=1)
def shipped_graph() -> PretrainedGraph:
    """The networks that come with lstmcast.

    Raises:
        GraphError: if they cannot be run as a graph here.
    """
    try:
        content = read_file(shipped_graph_file(), RUN_BYTES)
    except OSError as error:
        raise GraphError(f"their graph is missing; {AGAIN}") from error
    return PretrainedGraph.parse(content, shipped_hash())
