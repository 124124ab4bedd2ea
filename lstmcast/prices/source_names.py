"""The names of the sources, for whoever needs no more than those: nothing else is loaded."""

from lstmcast.plugins import announced

ENTRY_POINTS = "lstmcast.sources"
"""The group in which other packages announce theirs."""

BUILT_IN = {
    "akshare": "lstmcast.prices.sources.akshare:AkshareSource",
    "csv": "lstmcast.prices.sources.files:FileSource",
    "fred": "lstmcast.prices.sources.fred:FredSource",
    "sample": "lstmcast.prices.sources.sample:SampleSource",
    "tushare": "lstmcast.prices.sources.tushare:TushareSource",
    "yahoo": "lstmcast.prices.sources.yahoo.source:YahooSource",
}


def source_names() -> list[str]:
    """Return the names of all sources, in alphabetical order."""
    return sorted({*BUILT_IN, *announced(ENTRY_POINTS)})
