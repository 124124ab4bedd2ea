"""A graph, loaded and run by onnxruntime: what its networks forecast, without PyTorch."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmcast.errors import RunError
from lstmcast.seals import check_seal

Float32Array = NDArray[np.float32]

ABOUT = "lstmcast"
"""The metadata's key, and the name under which all of them are one JSON text."""

_QUIET = 4
"""onnxruntime's number for: say nothing but what ends the process. Errors are raised as well."""

_NO_REPORTS = "ORT_DISABLE_TELEMETRY"

_NO_MEMORY = "allocat"
"""Part of what onnxruntime says where it gets no memory."""


class GraphError(RunError):
    """Why a graph cannot be run here; whatever it holds can then be run by PyTorch."""


class GraphNetworks:
    """Networks of one kind in a graph.

    Args:
        content: of the ONNX file.

    Raises:
        GraphError: if onnxruntime is not installed, or the file is damaged or something else.
    """

    def __init__(self, content: bytes) -> None:
        # Read when it is loaded: newer versions make an identifier of this machine, keep it and a
        # log of events in the user's cache folder, and are built to report to their makers.
        os.environ.setdefault(_NO_REPORTS, "1")
        try:
            import onnxruntime
        except ImportError as error:
            raise GraphError("onnxruntime is not installed") from error
        options = onnxruntime.SessionOptions()
        # One sequence of a small network has nothing to share out among threads.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _QUIET
        self._options = onnxruntime.RunOptions()
        self._options.log_severity_level = _QUIET
        try:
            check_seal(content)
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            self.about = json.loads(self._session.get_modelmeta().custom_metadata_map[ABOUT])
            self.members = int(self.about["members"])
            self.parameters = [str(name) for name in self.about["parameters"]]
            self._inputs = {item.name for item in self._session.get_inputs()}
        except Exception as error:  # its errors have no common class
            raise _unusable(error) from error

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

        Raises:
            GraphError: if it fails, or answers with something else.
        """
        values: Mapping[str, Any] = {
            "features": features,
            "scale": scale,
            "symbols": np.asarray(symbols, dtype=np.int64),
            "horizons": np.arange(1, horizon + 1, dtype=np.float32),
        }
        names = [f"{name}.{k}" for k in range(self.members) for name in self.parameters]
        try:
            read = {name: values[name] for name in self._inputs}
            found = self._session.run(names, read, self._options)
            self._check(found, (*features.shape[:2], horizon))
        except Exception as error:
            raise _unusable(error) from error
        width = len(self.parameters)
        return [
            dict(zip(self.parameters, found[k * width : (k + 1) * width], strict=True))
            for k in range(self.members)
        ]

    def _check(self, found: Sequence[Any], shape: tuple[int, ...]) -> None:
        """Fail where an answer is not finite, or not of each sequence, step and horizon."""
        for name, values in zip(self.parameters * self.members, found, strict=True):
            if not isinstance(values, np.ndarray) or values.shape[:3] != shape:
                raise ValueError(f"`{name}` has the shape {np.shape(values)} instead of {shape}")
            if values.dtype != np.float32 or not np.isfinite(values).all():
                raise ValueError(f"`{name}` holds values that are not numbers")


def _unusable(error: Exception) -> Exception:
    """What onnxruntime says, in one line and without what only its authors know."""
    problem = (str(error).splitlines() or [""])[0] or type(error).__name__
    if isinstance(error, MemoryError) or _NO_MEMORY in problem.lower():
        return MemoryError(problem)
    return GraphError(
        f"the graph cannot be used: {problem}",
        "remove the file of the graph: PyTorch then runs the networks",
    )
