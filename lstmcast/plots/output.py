"""Writing a chart to a file: whole or not at all, and the same bytes for the same chart."""

import io
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from lstmcast.errors import OutputError
from lstmcast.files import write_atomically
from lstmcast.plots.style import house_style

# Without these, matplotlib writes the time of day and its own version into the file.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": "lstmcast"},
    "svg": {"Creator": "lstmcast", "Date": None},
    "pdf": {"Creator": "lstmcast", "Producer": "lstmcast", "CreationDate": None},
}

FORMATS: tuple[str, ...] = tuple(_METADATA)
"""The formats that `save_figure` knows, as suffixes without the dot."""


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a chart as PNG, SVG or PDF, by the path's suffix, and return the path.

    The picture is made in memory, written to a file beside the target, flushed to the disk and
    then put in the target's place: a reader sees the old chart or the new one, never half of one.

    Raises:
        OutputError: if the suffix is another one or the target cannot be written.
    """
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in _METADATA:
        found = f"the suffix `{path.suffix}`" if path.suffix else "no suffix"
        raise OutputError(
            f"`{path}` has {found}, which is not a format of charts",
            f"end the name with one of {', '.join('.' + name for name in FORMATS)}",
        )
    hint = "choose a place that you may write to, with `--output`"
    write_atomically(path, _render(figure, suffix), hint)
    return path


def _render(figure: Figure, suffix: str) -> bytes:
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format=suffix, metadata=_METADATA[suffix])
    return buffer.getvalue()
