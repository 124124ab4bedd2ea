"""The sources that lstmcast knows, by name.

A built-in source is one file here and one line in `BUILT_IN`; its module is imported when it is
asked for, so that reading a CSV file does not load yfinance. Sources of other packages come from
the entry point group `lstmcast.sources`; a built-in name cannot be taken over.
"""

from importlib import import_module
from typing import cast

from lstmcast.errors import UsageError
from lstmcast.plugins import announced, load
from lstmcast.prices.sources.base import Source, SourceOptions

__all__ = ["BUILT_IN", "Source", "SourceOptions", "get_source", "source_names"]

ENTRY_POINTS = "lstmcast.sources"

BUILT_IN = {
    "akshare": "lstmcast.prices.sources.akshare:AkshareSource",
    "csv": "lstmcast.prices.sources.files:FileSource",
    "fred": "lstmcast.prices.sources.fred:FredSource",
    "sample": "lstmcast.prices.sources.sample:SampleSource",
    "tushare": "lstmcast.prices.sources.tushare:TushareSource",
    "yahoo": "lstmcast.prices.sources.yahoo.source:YahooSource",
}


def source_names() -> list[str]:
    """Return the names that `get_source` takes, in alphabetical order."""
    return sorted({*BUILT_IN, *announced(ENTRY_POINTS)})


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
