"""The sources that lstmcast knows, by name.

A built-in source is one file here and one line in `BUILT_IN` (`prices/source_names.py`); its module
is imported when it is asked for, so that reading a CSV file does not load yfinance. Sources of
other packages come from the entry point group `lstmcast.sources`; a built-in name cannot be taken
over.
"""

from importlib import import_module
from typing import cast

from lstmcast.errors import UsageError
from lstmcast.plugins import announced, load
from lstmcast.prices.source_names import BUILT_IN, ENTRY_POINTS, source_names
from lstmcast.prices.sources.base import Source, SourceOptions

__all__ = ["BUILT_IN", "Source", "SourceOptions", "get_source", "source_names"]


def get_source(name: str, options: SourceOptions | None = None) -> Source:
    """Return the source registered as `name`.

    Raises:
        UsageError: there is none, or the package that provides it cannot be loaded.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        cls = getattr(import_module(module), attribute)
    else:
        point = announced(ENTRY_POINTS).get(name)
        if point is None:
            raise UsageError(
                f"`--source` is {name!r}, which is not a source",
                hint=f"sources are {', '.join(source_names())}",
            )
        cls = cast("type[Source]", load(point, "--source", UsageError))
    source: Source = cls(options or SourceOptions())
    return source
