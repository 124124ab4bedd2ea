"""Results of forecasting, kept on the disk: the same forecast is shown again in half the time.

    CACHE/forecasts/KEY.json    a SHA-256, a line break, then the result as JSON

CACHE is that of calendars (`lstmcast.prices.calendar_cache`). KEY is a hash of everything that a
result depends on: the bars, the weights, what was asked for, the program's own files and the
packages that compute. The SHA-256 is of KEY and the result, so that no file stands for another.
Whatever is missing or damaged is computed anew, and nothing is kept where that cannot be. When
results take more than `MOST_BYTES`, the oldest go.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lstmcast import __version__
from lstmcast.errors import LstmcastError
from lstmcast.files import make_folder, replace_file
from lstmcast.left_overs import sweep
from lstmcast.prices.calendar_cache import cache_folder
from lstmcast.prices.history import PriceHistory
from lstmcast.reading import RECORD_BYTES, parse_json, read_file

MOST_BYTES = 32 * 2**20
"""Room for some thousand forecasts of ten sessions."""

_SCHEMA = 1
"""Raised when the form of results changes."""

_COMPUTING = ("numpy", "pandas", "scipy", "onnxruntime", "exchange_calendars")
_PACKAGE = Path(__file__).parents[1]
_DIGEST = 64


def key_of(kind: str, **parts: Any) -> str | None:
    """The key of a result; None where it cannot be told what the program is.

    Args:
        kind: what sort of result.
        parts: plain values, everything that the result depends on but the program.
    """
    program = _program()
    if program is None:
        return None
    text = json.dumps([_SCHEMA, kind, program, parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def identity_of(history: PriceHistory) -> list[Any]:
    """Everything of a history without context that a forecast can depend on, as plain values."""
    return [
        history.symbol,
        history.source,
        history.sha256,
        list(history.missing),
        history.currency,
        history.exchange,
        history.timezone,
        history.kind,
    ]


def recall(key: str | None) -> Any | None:
    """The result that is kept under a key; None where there is none that can be trusted."""
    if key is None:
        return None
    with contextlib.suppress(OSError, ValueError):
        content = read_file(_path(key), RECORD_BYTES)
        digest, body = content[:_DIGEST], content[_DIGEST + 1 :]
        if _hash(key, body) == digest:
            return parse_json(body)
    return None


def keep(key: str | None, result: Any) -> None:
    """Keep a result of plain values; where that cannot be, it only costs time."""
    if key is None:
        return
    path = _path(key)
    with contextlib.suppress(OSError, LstmcastError):
        body = json.dumps(result, allow_nan=False, separators=(",", ":")).encode()
        content = _hash(key, body) + b"\n" + body
        if len(content) > RECORD_BYTES:  # more than would be read again
            return
        make_folder(path.parent, "")
        _make_room(path.parent)
        replace_file(path, content, durable=False)


def _hash(key: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{key}\n".encode() + body).hexdigest().encode()


def _path(key: str) -> Path:
    return cache_folder() / "forecasts" / f"{key}.json"


@cache
def _make_room(folder: Path) -> None:
    """Remove the oldest results of a folder that is full; once a process, for it takes time."""
    sweep(folder)
    with os.scandir(folder) as entries:
        found = [(entry.stat(), entry.path) for entry in entries if entry.name.endswith(".json")]
    if sum(about.st_size for about, _ in found) <= MOST_BYTES:
        return
    found.sort(key=lambda one: one[0].st_mtime_ns)
    left = sum(about.st_size for about, _ in found)
    for about, path in found:
        if left <= MOST_BYTES // 2:
            return
        Path(path).unlink(missing_ok=True)
        left -= about.st_size


@cache
def _program() -> list[Any] | None:
    """What computes: this program, by its files as they are now, and the packages that it uses."""
    try:
        files = hashlib.sha256(json.dumps(sorted(_files(_PACKAGE))).encode())
        return [__version__, files.hexdigest(), {name: version(name) for name in _COMPUTING}]
    except (OSError, PackageNotFoundError):
        return None


def _files(folder: Path, above: str = "") -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every module below a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                about = entry.stat()
                yield above + entry.name, about.st_size, about.st_mtime_ns
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _files(Path(entry.path), f"{above}{entry.name}/")
