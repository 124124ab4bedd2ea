"""A graph, loaded and run by onnxruntime: what its networks forecast, without PyTorch."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]

ABOUT = "lstmcast"
"""The metadata's key, and the name under which all of them are one JSON text."""

_QUIET = 3
"""onnxruntime's number for: say errors alone."""


class GraphError(Exception):
    """Why a graph cannot be run here; whatever it holds can then be run by PyTorch."""


class GraphNetworks:
    """Networks of one kind in a graph.

    Args:
        content: of the ONNX file.

    Raises:
        GraphError: if onnxruntime is not installed, or the file is damaged or something else.
    """

    def __init__(self, content: bytes) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise GraphError("onnxruntime is not installed") from error
        options = onnxruntime.SessionOptions()
        # One sequence of a small network has nothing to share out among threads.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            self.about = json.loads(self._session.get_modelmeta().custom_metadata_map[ABOUT])
            self.members = int(self.about["members"])
            self.parameters = [str(name) for name in self.about["parameters"]]
            self._inputs = {item.name for item in self._session.get_inputs()}
        except Exception as error:  # its errors have no common class
            problem = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise GraphError(f"the graph cannot be used: {problem}") from error

    def __len__(self) -> int:
        return self.members

    def run(
        self, features: Float32Array, scale: Float32Array, symbols: Sequence[int], horizon: int
    ) -> list[dict[str, Float32Array]]:
        """The parameters of each network's head at every step.

        Args:
            features: `(sequences, steps, columns)`, scaled.
            scale: `(sequences, steps)`.
            symbols: each sequence's number.
            horizon: sessions ahead, from 1 to so many.

        Returns:
            For each network its parameters by name, `(sequences, steps, horizons, ...)`.
        """
        values: Mapping[str, Any] = {
            "features": features,
            "scale": scale,
            "symbols": np.asarray(symbols, dtype=np.int64),
            "horizons": np.arange(1, horizon + 1, dtype=np.float32),
        }
        names = [f"{name}.{k}" for k in range(self.members) for name in self.parameters]
        found = self._session.run(names, {name: values[name] for name in self._inputs})
        width = len(self.parameters)
        return [
            dict(zip(self.parameters, found[k * width : (k + 1) * width], strict=True))
            for k in range(self.members)
        ]
