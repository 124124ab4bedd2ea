"""`run.json`: what it must hold, and the hashes by which damage to a run is found.

`files` has a hash of every other file that training wrote, and `sha256` one of all the rest of
`run.json`. Runs of earlier versions have neither and are read as they are.
"""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lstmcast.reading import parse_json
from lstmcast.seals import NAME, BrokenSealError, hash_of, sealed_values

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[date, Field(strict=False)]
Text = Annotated[str, StringConstraints(max_length=1000)]

FILES = "files"


class _Part(BaseModel):
    """A part of `run.json`; what a later version adds is passed over."""

    model_config = ConfigDict(strict=True, frozen=True)


class _Symbol(_Part):
    symbol: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    source: Text
    rows: int = Field(ge=1)
    first: Day
    last: Day
    sha256: str
    currency: Text | None
    exchange: Text | None


class _Split(_Part):
    train_end: Day
    validation_end: Day
    test_end: Day


class _Record(_Part):
    created: Text
    status: Literal["complete", "interrupted"]
    seed: int
    split: _Split
    symbols: list[_Symbol]
    member_seeds: list[int] = []
    diverged_members: list[int] = []
    files: dict[str, Sha256] = {}


def seal(record: Mapping[str, Any], hashes: Mapping[str, str]) -> dict[str, Any]:
    """A record with the hashes of a run's other files, by name, and with its own."""
    return sealed_values({**record, FILES: dict(hashes)})


def sha256(content: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(content).hexdigest()


def parse_record(content: bytes) -> dict[str, Any]:
    """The values of a `run.json` of any version.

    Raises:
        ValueError: it is no JSON object.
    """
    record = parse_json(content.decode("utf-8"))
    if not isinstance(record, dict):
        raise ValueError("it holds no object")  # noqa: TRY004 - told as any other damage
    return record


def check_record(record: Mapping[str, Any]) -> None:
    """Make sure that a record holds what the program reads of it.

    Raises:
        ValueError: a value is of another kind, or the record was altered.
    """
    try:
        parsed = _Record.model_validate(dict(record))
        datetime.fromisoformat(parsed.created)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"`{place[:80]}` cannot be that") from error
    if NAME in record:
        rest = {name: value for name, value in record.items() if name != NAME}
        if record[NAME] != hash_of(rest):
            raise BrokenSealError
