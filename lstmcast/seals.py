"""Hashes within the files themselves, by which damage is found when they are read.

A JSON object has the hash of all its other values as a further one. Files of other kinds that hold
some text of their writer's choice, such as Parquet's and safetensors' metadata, hold `BLANK` there
while they are made; `sealed` puts the hash of every byte of such a file in its place, which is as
long. What has no seal was written by an earlier version, and is read as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from lstmcast.reading import parse_json

NAME = "sha256"
"""The key of a seal."""

BLANK = "0" * 64
"""What a seal is before it is known."""

_SEAL = re.compile(rb'\\?"sha256\\?": ?\\?"([0-9a-f]{64})\\?"')


class BrokenSealError(ValueError):
    """A file that is not what was written."""

    def __init__(self) -> None:
        super().__init__("it is not what was written")


def sealed_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with its seal as the last value."""
    rest = {name: value for name, value in values.items() if name != NAME}
    return {**rest, NAME: hash_of(rest)}


def hash_of(values: Mapping[str, Any]) -> str:
    """Hex SHA-256 of a JSON object, whatever the order of its keys."""
    return _hash(json.dumps(values, sort_keys=True, allow_nan=False).encode())


def parse_sealed(content: bytes | str, *, must: bool = False) -> dict[str, Any]:
    """The values of a JSON object, without its seal.

    Args:
        content: its text.
        must: whether it must have a seal; else it may be of a version that wrote none.

    Raises:
        ValueError: it is none, or its seal is broken.
    """
    values = parse_json(content)
    if not isinstance(values, dict):
        raise ValueError("it holds no object")  # noqa: TRY004 - told as any other damage
    if NAME not in values and not must:
        return values
    seal = values.pop(NAME, None)
    if seal != hash_of(values):
        raise BrokenSealError
    return values


def sealed(content: bytes) -> bytes:
    """The bytes of a file with the hash of them all in the place of `BLANK`.

    Raises:
        ValueError: it has no place for one.
    """
    places = [found.span(1) for found in _SEAL.finditer(content) if found[1] == BLANK.encode()]
    if not places:
        raise ValueError("there is no place for a seal")
    begin, end = places[-1]
    return content[:begin] + _hash(content).encode() + content[end:]


def check_seal(content: bytes) -> None:
    """Compare a file with its seal, if it has one.

    Raises:
        BrokenSealError: it is not what was written.
    """
    for found in _SEAL.finditer(content):
        begin, end = found.span(1)
        blank = content[:begin] + BLANK.encode() + content[end:]
        if _hash(blank).encode() == found[1]:
            return
        if found[1] != BLANK.encode():
            raise BrokenSealError


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
