"""What a run's networks consist of: layers and parameters, read off the header of their file.

The header of a safetensors file lists every tensor's name and shape, so that neither PyTorch nor
the weights themselves are loaded.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lstmcast.errors import RunError
from lstmcast.reading import parse_json

HEADER_BYTES = 16 * 2**20
"""Most of a header; that of five networks has three thousand."""

_WEIGHT = re.compile(r"(?:variant\.(\d+)\.)?member\.(\d+)\.(?:(.+)\.)?([^.]+)")


@dataclass(frozen=True)
class Layer:
    """A part of a network that has weights of its own.

    Args:
        name: its path in the network, such as `head`.
        shapes: of each of its tensors, by name.
        parameters: how many numbers they hold.
    """

    name: str
    shapes: Mapping[str, tuple[int, ...]]
    parameters: int


@dataclass(frozen=True)
class NetworkSummary:
    """The networks of one group, which are all alike.

    Args:
        group: number of the group; 0 where all networks of a run are alike.
        networks: how many there are.
        layers: of one of them.
    """

    group: int
    networks: int
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Of one network."""
        return sum(layer.parameters for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "parameters": self.parameters}


def read_summary(path: Path) -> list[NetworkSummary]:
    """The networks in a file of weights, group by group.

    Raises:
        RunError: if the file is not one.
    """
    try:
        shapes = _shapes(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"`{path.name}` of the run {path.parent} cannot be read",
            "train the run again with `lstmcast train --config`",
        ) from error
    members: dict[int, dict[int, dict[str, dict[str, tuple[int, ...]]]]] = {}
    for name, shape in shapes.items():
        if (parts := _WEIGHT.fullmatch(name)) is None:
            continue
        group, member = int(parts[1] or 0), int(parts[2])
        layers = members.setdefault(group, {}).setdefault(member, {})
        layers.setdefault(parts[3] or "network", {})[parts[4]] = shape
    return [
        NetworkSummary(
            group, len(found), tuple(_layer(*item) for item in found[min(found)].items())
        )
        for group, found in sorted(members.items())
    ]


def _layer(name: str, shapes: Mapping[str, tuple[int, ...]]) -> Layer:
    return Layer(name, shapes, sum(math.prod(shape) for shape in shapes.values()))


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor, in the order in which they lie in the file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > HEADER_BYTES:
            raise ValueError(f"a header of {length} bytes")
        header = parse_json(file.read(length))
    tensors = {name: about for name, about in header.items() if name != "__metadata__"}
    order = sorted(tensors, key=lambda name: tensors[name]["data_offsets"][0])
    return {name: tuple(int(size) for size in tensors[name]["shape"]) for name in order}
