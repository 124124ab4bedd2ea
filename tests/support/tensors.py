"""Files of tensors as versions before seals wrote them, so that a test can alter what they hold."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lstmcast.tensors import values_of


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors of a file, and its values without the seal."""
    with safe_open(path, framework="pt") as file:
        (text,) = file.metadata().values()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    return tensors, values_of(text)


def write_unsealed(
    path: Path,
    tensors: Mapping[str, torch.Tensor],
    values: Mapping[str, Any],
    key: str = "lstmcast",
) -> None:
    """Write a file without a seal."""
    save_file(dict(tensors), path, {key: json.dumps(values)})
