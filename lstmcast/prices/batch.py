"""Fetching many symbols: one after the other, politely, and none in the way of the next.

A source on the network is never asked for two symbols at once: users are refused for less. Files of
this machine are read by several processes where they are many.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lstmcast.errors import (
    DataError,
    LstmcastError,
    NetworkTroubleError,
    NoSuchDataError,
    PartialFailureError,
    SourceError,
    StoreError,
    UsageError,
)
from lstmcast.parallel import as_completed
from lstmcast.prices.sources.base import Source
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbol_lists import decoded, symbols_in
from lstmcast.prices.symbols import Reference
from lstmcast.prices.update import Rules, Update, update
from lstmcast.reading import CONFIG_BYTES, read_file

PACE = 0.5
"""Seconds between two symbols of a source on the network; users are refused for less patience."""

FILES = "csv"
"""The source that reads files of this machine."""

MIN_FILES_FOR_PROCESSES = 50
"""Below this, starting worker processes takes longer than they save."""

LATELY = 6
"""Hours within which a fetch that was broken goes on where it stopped."""


@dataclass(frozen=True)
class Outcome:
    """What came of one symbol: an update, or the error that stopped it."""

    wanted: Reference
    update: Update | None = None
    error: LstmcastError | None = None


def fetch_each(
    store: PriceStore,
    sources: Mapping[str, Source],
    wanted: Iterable[Reference],
    rules: Rules,
    jobs: int = 1,
) -> Iterator[Outcome]:
    """Fetch the symbols; one that fails does not stop the others.

    A source that could not be reached at all for one symbol is not asked for the next: each of them
    would wait as long for the same answer.

    Args:
        store: where prices are kept.
        sources: by their names.
        wanted: the symbols.
        rules: what was asked of the fetch.
        jobs: worker processes that read files, where they are many; 0 takes one for each core.

    Yields:
        What came of each symbol: in turn, those that workers read as they are done.
    """
    in_turn = list(wanted)
    if jobs != 1:
        shared = set(_files_of_their_own(sources, in_turn))
        if len(shared) >= MIN_FILES_FOR_PROCESSES:
            common = (store, {FILES: sources[FILES]}, rules)
            yield from (
                outcome for _, outcome in as_completed(_fetch, common, sorted(shared), jobs=jobs)
            )
            in_turn = [reference for reference in in_turn if reference not in shared]
    unreachable: dict[str, str] = {}
    for number, reference in enumerate(in_turn):
        if reference.source in unreachable:
            yield Outcome(reference, error=_not_tried(unreachable[reference.source]))
            continue
        if number and sources[reference.source].incremental:
            time.sleep(PACE * (1 + random.random() / 2))  # noqa: S311  # pacing, not secrets
        outcome = _fetch((store, sources, rules), reference)
        if isinstance(outcome.error, NetworkTroubleError) and not outcome.error.reached:
            unreachable[reference.source] = reference.symbol
        yield outcome


def _fetch(common: tuple[PriceStore, Mapping[str, Source], Rules], reference: Reference) -> Outcome:
    """Fetch one symbol."""
    store, sources, rules = common
    try:
        source = sources[reference.source]
        return Outcome(reference, update=update(store, source, reference.symbol, rules))
    except LstmcastError as error:
        return Outcome(reference, error=error)


def _files_of_their_own(
    sources: Mapping[str, Source], wanted: Sequence[Reference]
) -> list[Reference]:
    """The symbols that are read from files; none where one file holds them all, read once here."""
    path = getattr(sources.get(FILES), "path", None)
    if path is not None and path.is_file():
        return []
    return [reference for reference in wanted if reference.source == FILES]


def fetched_lately(
    store: PriceStore, wanted: Iterable[Reference], now: datetime
) -> list[Reference]:
    """Return the histories among those wanted that were fetched in the last `LATELY` hours.

    Damaged ones are none of them: they are to be fetched again.

    Raises:
        StoreError: the store cannot be read.
    """
    earliest = now - timedelta(hours=LATELY)
    fresh = {
        (entry.source, entry.symbol)
        for entry in store.entries()
        if entry.problem is None and _moment(entry.fetched_at) >= earliest
    }
    return [reference for reference in wanted if reference in fresh]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _not_tried(symbol: str) -> NetworkTroubleError:
    return NetworkTroubleError(
        f"not tried: its source could not be reached for {symbol}", reached=False
    )


def failure(outcomes: Sequence[Outcome], before: int = 0) -> LstmcastError | None:
    """Return the error that some outcomes end with, or None if all symbols were fetched.

    That of a single symbol is its own. Where none of several was fetched, it is of their kind; of
    several kinds it is the source's, since another try may help there.

    Args:
        outcomes: of this fetch.
        before: symbols that were fetched before, and left out for that.
    """
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    count = len(outcomes) + before
    if count == 1 or not errors:
        return errors[0] if errors else None
    names = ", ".join(outcome.wanted.symbol for outcome in outcomes if outcome.error is not None)
    message = f"{len(errors)} of {count} symbols failed: {names}"
    if len(errors) < count:
        return PartialFailureError(message)
    kinds = (SourceError, StoreError, NoSuchDataError, DataError, UsageError)
    found = (kind for kind in kinds if any(isinstance(error, kind) for error in errors))
    return next(found, PartialFailureError)(message)


def read_symbols(
    given: Iterable[str], file: Path | None = None, source: str = "yahoo"
) -> list[Reference]:
    """Return the symbols that were given and those in a file, each once, in order.

    A symbol may name its source (`fred:DGS10`); the others belong to `source`. The file holds
    symbols separated by white space or commas, or a table with a column `Symbol` or `Ticker`; `#`
    begins a comment.

    Raises:
        UsageError: a symbol that cannot be one, a file that cannot be read, or none at all.
    """
    words = list(given)
    if file is not None:
        try:
            words += symbols_in(decoded(read_file(file, CONFIG_BYTES, pipe=True)))
        except UnicodeDecodeError as error:
            raise UsageError(
                f"`--symbols-file` {str(file)!r} is not text in UTF-8",
                hint="write one symbol in each line of a text file",
            ) from error
        except OSError as error:
            why = error.strerror or error
            raise UsageError(f"`--symbols-file` {str(file)!r} cannot be read: {why}") from error
    wanted = list(dict.fromkeys(Reference.parse(word, source) for word in words))
    if not wanted:
        raise UsageError("`SYMBOL` is missing", hint="such as `lstmcast fetch AAPL MSFT`")
    return wanted
