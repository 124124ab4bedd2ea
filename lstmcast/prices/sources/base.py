"""What a source of prices is: one method, and a record of the options that sources share.

A source from elsewhere needs nothing else: a class whose instances have `fetch`, made from
`SourceOptions`, and an entry point in the group `lstmcast.sources` (`docs/sources.md`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.prices.sources.files.memory import Remembered
    from lstmcast.prices.sources.files.options import ReadOptions


@dataclass(frozen=True)
class SourceOptions:
    """What a user can say to every source; each takes what concerns it.

    Args:
        path: a file or folder, for sources that read files.
        timeout: seconds that all requests for one symbol may take together.
        proxy: URL of an HTTP or SOCKS proxy; None leaves it to the environment.
        ca_bundle: file of certificates to trust; None leaves it to the environment.
        repair: let yfinance repair what it takes for faults.
        accept_suspect: drop impossible rows instead of refusing the whole history.
        reading: how to read a file, for sources that read files.
        remembered: by symbol, the file it was read from before, and how.
    """

    path: Path | None = None
    timeout: float = 60.0
    proxy: str | None = None
    ca_bundle: Path | None = None
    repair: bool = False
    accept_suspect: bool = False
    reading: "ReadOptions | None" = None
    remembered: "Mapping[str, Remembered]" = field(default_factory=dict)


class Source(Protocol):
    """Where price histories come from.

    Attributes:
        name: the name under which histories are stored.
        incremental: whether asking for a few recent sessions is cheaper than asking for all.
    """

    name: ClassVar[str]
    incremental: ClassVar[bool]

    def __init__(self, options: SourceOptions) -> None: ...

    def fetch(
        self, symbol: str, start: date | None = None, end: date | None = None
    ) -> PriceHistory:
        """Return the bars from `start` to `end`, both included; None is the first and the newest.

        Raises:
            NoSuchDataError: the source has nothing for this request.
            SourceError: the source could not be reached or understood.
            DataError: what it sent cannot be a price history.
        """
        ...
