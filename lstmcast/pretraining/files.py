"""Where the networks that come with lstmcast are, and what is fixed of all such networks."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from lstmcast.reading import RUN_BYTES, hash_file

FLAG = "has_"
"""Begins the name of the column that says whether a market has a feature group."""

HEAD = "student_t"
"""The networks' head."""

_WEIGHTS, _GRAPH = "weights.safetensors", "networks.onnx"


def shipped_file() -> Path:
    """The file of their weights."""
    return Path(str(files("lstmcast.pretraining") / _WEIGHTS))


def shipped_graph_file() -> Path:
    """The file of their graph, made from the weights by `scripts/export_onnx.py`."""
    return Path(str(files("lstmcast.pretraining") / _GRAPH))


@lru_cache(maxsize=1)
def shipped_hash() -> str:
    """Hex SHA-256 of that file."""
    return hash_file(shipped_file(), RUN_BYTES)
