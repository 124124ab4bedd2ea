"""Where the networks that come with lstmcast are."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from lstmcast.reading import RUN_BYTES, hash_file

_WEIGHTS = "weights.safetensors"


def shipped_file() -> Path:
    """The file of their weights."""
    return Path(str(files("lstmcast.pretraining") / _WEIGHTS))


@lru_cache(maxsize=1)
def shipped_hash() -> str:
    """Hex SHA-256 of that file."""
    return hash_file(shipped_file(), RUN_BYTES)
