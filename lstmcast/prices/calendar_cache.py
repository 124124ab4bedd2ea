"""Sessions of exchanges, kept on the disk: to build decades of them takes longer than a forecast.

    CACHE/calendars/NAME-FIRST-LAST-VERSION.days    a SHA-256, then days since 1970 as int32

The hash is of the file's name and the days, so that no file stands for another.

CACHE is LSTMCAST_CACHE_DIR, or the platform's folder for such files. Whatever is missing, damaged,
or of another version of `exchange_calendars` is built anew, and nothing is kept where that cannot
be.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from lstmcast.errors import LstmcastError
from lstmcast.files import make_folder, replace_file
from lstmcast.prices.bars import INDEX_DTYPE
from lstmcast.reading import RECORD_BYTES, read_file

ENVIRONMENT = "LSTMCAST_CACHE_DIR"

_DIGEST = 32
_FEWEST = 2
"""Numbers that a file has at least: from when to when the sessions are known."""


class Years(NamedTuple):
    """Sessions of some years, and from when to when they are known."""

    days: pd.DatetimeIndex
    known_from: pd.Timestamp
    known_until: pd.Timestamp


def cache_folder() -> Path:
    """The folder for what can be made anew."""
    given = os.environ.get(ENVIRONMENT)
    if given:
        return Path(given)
    from platformdirs import user_cache_path

    return user_cache_path("lstmcast", appauthor=False)


def kept(name: str, first: int, last: int, build: Callable[[], Years]) -> Years:
    """The sessions of a calendar from one year to another: those kept, else built and kept.

    Args:
        name: of the calendar.
        first: year.
        last: year.
        build: makes them.
    """
    path = cache_folder() / "calendars" / f"{name}-{first}-{last}-{_version()}.days"
    with contextlib.suppress(OSError, ValueError):
        return _read(path)
    made = build()
    with contextlib.suppress(OSError, LstmcastError):
        make_folder(path.parent, "")
        replace_file(path, _written(path.name, made), durable=False)
    return made


def _version() -> str:
    return version("exchange_calendars")


def _written(name: str, years: Years) -> bytes:
    ends = [_day(years.known_from), _day(years.known_until)]
    days = years.days.to_numpy().astype("datetime64[D]").astype("<i4")
    body = np.concatenate([np.asarray(ends, dtype="<i4"), days]).tobytes()
    return _hash(name, body) + body


def _hash(name: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + body).digest()


def _day(stamp: pd.Timestamp) -> int:
    return int(stamp.to_datetime64().astype("datetime64[D]").astype("int64"))


def _read(path: Path) -> Years:
    """What a file holds.

    Raises:
        OSError, ValueError: if it is not there, or not what was written.
    """
    content = read_file(path, RECORD_BYTES)
    body = content[_DIGEST:]
    if _hash(path.name, body) != content[:_DIGEST] or len(body) < 4 * _FEWEST:
        raise ValueError("it is damaged")
    days = np.frombuffer(body, dtype="<i4").astype("datetime64[D]").astype(INDEX_DTYPE)
    return Years(
        pd.DatetimeIndex(days[_FEWEST:], name="date"), pd.Timestamp(days[0]), pd.Timestamp(days[1])
    )
