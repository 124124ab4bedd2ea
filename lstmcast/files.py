"""Writing files so that a crash leaves the old one or the new one, never a half."""

import contextlib
import os
import tempfile
from pathlib import Path

from lstmcast.errors import OutputError


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`: into a temporary file beside it, to the disk, then renamed.

    Raises:
        OutputError: if the folder is missing or cannot be written, or the disk is full.
    """
    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}",
            "choose another folder, or free space on the disk",
        ) from error
