"""Files of tensors: safetensors with values as one JSON text and a seal, so safe to open.

One text, since safetensors writes several in any order, and the same tensors should give the same
file.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstmcast.reading import RUN_BYTES, read_file
from lstmcast.seals import BLANK, NAME, OWNER, Owner, check_owner, check_seal, sealed


def dump_tensors(
    tensors: Mapping[str, Any], key: str, values: Mapping[str, Any], owner: Owner | None = None
) -> bytes:
    """The bytes of a file of tensors.

    Args:
        tensors: PyTorch's, by name, on the CPU and contiguous.
        key: under which the metadata hold the values and the seal.
        values: JSON.
        owner: what the file belongs to.
    """
    from safetensors.torch import save

    told = {} if owner is None else {OWNER: dict(owner)}
    return sealed(save(dict(tensors), {key: json.dumps({**values, **told, NAME: BLANK})}))


def load_tensors(
    path: Path, key: str, owner: Owner | None = None, *, must: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values and the tensors of a file, as PyTorch's and by name.

    Args:
        path: of the file.
        key: as of `dump_tensors`.
        owner: what it should belong to; None where that is not known.
        must: whether it must say so; else it may be of a version that did not.

    Raises:
        ValueError: it is none, not what was written, or belongs to something else.
        KeyError: it has no values.
        OSError: it cannot be read, or is too large.
    """
    from safetensors import SafetensorError, safe_open

    check_seal(read_file(path, RUN_BYTES))
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {})[key]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    values = values_of(text)
    check_owner(values.pop(OWNER, None), owner, must=must)
    return values, tensors


def values_of(text: str) -> dict[str, Any]:
    """The values in the metadata of a file of tensors, without its seal.

    Raises:
        ValueError: they are no JSON object.
    """
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None
    if not isinstance(values, dict):
        raise ValueError("its metadata are not those of lstmcast")  # noqa: TRY004 - told as any other damage
    values.pop(NAME, None)
    return values
