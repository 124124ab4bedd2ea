"""An ONNX graph that grows node by node."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
"""Versions of the operators and of the file, old enough for every onnxruntime from 1.14 on."""

INPUTS = {
    "features": (TensorProto.FLOAT, ("sequences", "steps", "columns")),
    "scale": (TensorProto.FLOAT, ("sequences", "steps")),
    "symbols": (TensorProto.INT64, ("sequences",)),
    "horizons": (TensorProto.FLOAT, ("horizons",)),
}


class Nodes:
    """Nodes and constants of a graph; each value is known by its name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, values: Any, kind: type = np.float32) -> str:
        """A constant."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def __call__(self, operator: str, *inputs: str | float, **attributes: Any) -> str:
        """A node with one output; a number among its inputs is a constant."""
        name = f"v{len(self._nodes)}"
        read = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operator, read, [name], **attributes))
        return name

    def part(self, value: str, start: int, stop: int) -> str:
        """Entries `start` to `stop` of the last axis."""
        ends = (self.constant([end], np.int64) for end in (start, stop, -1))
        return self("Slice", value, *ends)

    def entry(self, value: str, number: int) -> str:
        """Entry `number` of the last axis, which stays with length 1."""
        return self.part(value, number, number + 1)

    def with_axis(self, value: str, axis: int = -1) -> str:
        """The value with a further axis of length 1."""
        return self("Unsqueeze", value, self.constant([axis], np.int64))

    def without_axis(self, value: str, axis: int) -> str:
        """The value without an axis of length 1."""
        return self("Squeeze", value, self.constant([axis], np.int64))

    def row_of_symbol(self, table: np.ndarray) -> str:
        """The row of a table for each sequence's symbol; its last row is for unknown ones."""
        last = self.constant([len(table) - 1], np.int64)
        return self("Gather", self.constant(table), self("Min", "symbols", last), axis=0)

    def graph(self, outputs: Sequence[tuple[str, str, int]], about: Mapping[str, str]) -> bytes:
        """The file.

        Args:
            outputs: the names of values, what they are called outside, and how many axes they have.
            about: metadata.
        """
        for value, name, _ in outputs:
            self._nodes.append(helper.make_node("Identity", [value], [name]))
        model = helper.make_model(
            helper.make_graph(
                self._nodes,
                "networks",
                [helper.make_tensor_value_info(n, *what) for n, what in INPUTS.items()],
                [
                    helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * axes)
                    for _, name, axes in outputs
                ],
                self._constants,
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="lstmcast",
        )
        helper.set_model_props(model, dict(about))
        content: bytes = model.SerializeToString(deterministic=True)
        return content
