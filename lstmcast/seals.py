"""Hashes within the files themselves, by which damage is found when they are read.

A JSON object has the hash of all its other values as a further one. Files of other kinds that hold
some text of their writer's choice, such as Parquet's and safetensors' metadata, hold `BLANK` there
while they are made; `sealed` puts the hash of every byte of such a file in its place, which is as
long. What has no seal was written by an earlier version, and is read as it is.

A whole file in the place of another of its kind has a seal that fits. So each file also says, under
`OWNER` and within what is sealed, what it belongs to: such as the walk and the fold. Who reads it
knows the same and compares. What does not say is of an earlier version, and is read as it is, but
where nothing is lost by making it anew.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lstmcast.reading import parse_json

NAME = "sha256"
"""The key of a seal."""

OWNER = "belongs_to"
"""The key of what a file belongs to."""

BLANK = "0" * 64
"""What a seal is before it is known."""

Owner = Mapping[str, str | int]
"""What a file belongs to, from the whole to the part; hashes stand for what has no name."""

_HASH = re.compile("[0-9a-f]{64}")
_KEY = b'"sha256'
_SEAL = re.compile(_KEY + rb'\\?": ?\\?"([0-9a-f]{64})\\?"')


class BrokenSealError(ValueError):
    """A file that is not what was written."""

    def __init__(self) -> None:
        super().__init__("it is not what was written")


class ForeignFileError(ValueError):
    """A whole file that belongs to something else.

    Args:
        told: what it says that it belongs to, as it stands in the file.
        owner: what it should belong to.
    """

    def __init__(self, told: object, owner: Owner) -> None:
        super().__init__(_difference(told, owner))


def _difference(told: object, owner: Owner) -> str:
    if told is None:
        return "it does not say what it belongs to"
    if isinstance(told, Mapping) and told.keys() == owner.keys():
        for kind, value in owner.items():
            if told[kind] == value:
                continue
            if isinstance(value, str) and _HASH.fullmatch(value):
                return f"it belongs to another {kind}"
            return f"it belongs to {kind} {str(told[kind])[:40]}, not to {kind} {value}"
    return "it belongs to something else"


def check_owner(told: object, owner: Owner | None, *, must: bool = False) -> None:
    """Compare what a file says that it belongs to with what it should.

    Args:
        told: as it stands in the file; None where it does not say.
        owner: what it should belong to; None where that is not known.
        must: whether it must say.

    Raises:
        ForeignFileError: it belongs to something else.
    """
    if owner is None or (told is None and not must):
        return
    if told != owner:
        raise ForeignFileError(told, owner)


def sealed_values(values: Mapping[str, Any], owner: Owner | None = None) -> dict[str, Any]:
    """A JSON object with what it belongs to, if anything, and its seal as the last value."""
    rest = {name: value for name, value in values.items() if name != NAME}
    if owner is not None:
        rest[OWNER] = dict(owner)
    return {**rest, NAME: hash_of(rest)}


def hash_of(values: Mapping[str, Any]) -> str:
    """Hex SHA-256 of a JSON object, whatever the order of its keys."""
    return _hash(json.dumps(values, sort_keys=True, allow_nan=False).encode())


def parse_sealed(
    content: bytes | str, owner: Owner | None = None, *, must: bool = False
) -> dict[str, Any]:
    """The values of a JSON object, without its seal and what it belongs to.

    Args:
        content: its text.
        owner: what it should belong to; None where that is not known.
        must: whether it must have a seal and say what it belongs to; else it may be of a version
            that wrote neither.

    Raises:
        ValueError: it is none, its seal is broken, or it belongs to something else.
    """
    values = parse_json(content)
    if not isinstance(values, dict):
        raise ValueError("it holds no object")  # noqa: TRY004 - told as any other damage
    if NAME in values or must:
        seal = values.pop(NAME, None)
        if seal != hash_of(values):
            raise BrokenSealError
    check_owner(values.pop(OWNER, None), owner, must=must)
    return values


def sealed(content: bytes) -> bytes:
    """The bytes of a file with the hash of them all in the place of `BLANK`.

    Raises:
        ValueError: it has no place for one.
    """
    places = [found.span(1) for found in _seals(content) if found[1] == BLANK.encode()]
    if not places:
        raise ValueError("there is no place for a seal")
    begin, end = places[-1]
    return content[:begin] + _hash(content).encode() + content[end:]


def check_seal(content: bytes) -> None:
    """Compare a file with its seal, if it has one.

    Raises:
        BrokenSealError: it is not what was written.
    """
    for found in _seals(content):
        begin, end = found.span(1)
        whole = memoryview(content)  # slices of a large file are no copies of it
        if _hash(whole[:begin], BLANK.encode(), whole[end:]).encode() == found[1]:
            return
        if found[1] != BLANK.encode():
            raise BrokenSealError


def _seals(content: bytes) -> Iterator[re.Match[bytes]]:
    """Whatever looks like a seal, in order: its key is looked for first, by the C library."""
    place = content.find(_KEY)
    while place >= 0:
        if found := _SEAL.match(content, place):
            yield found
        place = content.find(_KEY, place + 1)


def _hash(*parts: bytes | memoryview) -> str:
    """Hex SHA-256 of the parts one after the other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()
