"""Which sources answer: each is asked for a few days of a symbol that it certainly has."""

import os
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lstmcast.errors import LstmcastError, NoSuchDataError, UsageError
from lstmcast.prices.source_names import BUILT_IN, source_names

ASKED = {"yahoo": "AAPL", "fred": "DGS10", "tushare": "600036.SS", "akshare": "600036.SS"}
"""What each source on the network is asked for."""

TOKENS = ("TUSHARE_TOKEN",)
"""Variables that hold a secret: whether they are set is told, and what they hold is not."""

LOCAL = ("csv", "sample")
"""Sources that read files of this machine."""

DAYS = 14
"""Days that are asked for: some of them have a session."""

GRACE = 1.0
"""Seconds beyond the time budget after which a source is left alone."""


@dataclass(frozen=True)
class Reached:
    """What came of asking a source.

    Args:
        name: of the source.
        state: `answers`, `local` for one that reads files, `failed`, or `not asked`, which is so
            under `--offline` and where it needs to be set up first.
        message: in a line.
        hint: the next step.
        seconds: until the answer.
    """

    name: str
    state: Literal["answers", "local", "failed", "not asked"]
    message: str
    hint: str | None = None
    seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def ask_sources(timeout: float, *, offline: bool = False, **options: Any) -> list[Reached]:
    """Ask every source, all of them at once.

    Args:
        timeout: seconds that each has.
        offline: ask none that is on the network.
        options: further `SourceOptions`, such as a proxy.
    """
    found = {name: _not_asked(name, offline=offline) for name in source_names()}
    asking = [name for name, known in found.items() if known is None]
    # Daemons: one that hangs in a library must not keep the program from ending.
    threads = [
        threading.Thread(target=_ask, args=(name, timeout, options, found), daemon=True)
        for name in asking
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + timeout + GRACE
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    words = f"no answer within {timeout:g} s"
    return [known or Reached(name, "failed", words) for name, known in list(found.items())]


def _not_asked(name: str, *, offline: bool) -> Reached | None:
    """What is known of a source without asking it; None for one that is to be asked."""
    if name in LOCAL:
        return Reached(name, "local", "reads files of this machine")
    if offline:
        return Reached(name, "not asked", "`--offline`")
    if name not in BUILT_IN:
        return Reached(name, "not asked", "a source of another package")
    return None


def _ask(
    name: str, timeout: float, options: dict[str, Any], found: dict[str, Reached | None]
) -> None:
    """Ask one source, and put down what came of it."""
    from lstmcast.prices.sources import SourceOptions, get_source

    today, began = datetime.now(UTC).date(), time.monotonic()
    try:
        source = get_source(name, SourceOptions(timeout=timeout, **options))
        history = source.fetch(ASKED[name], today - timedelta(days=DAYS), None)
        said = f"{ASKED[name]} up to {history.last:%Y-%m-%d}"
    except NoSuchDataError as error:  # an answer all the same
        said = error.message
    except UsageError as error:  # a token or a package is missing
        found[name] = Reached(name, "not asked", error.message, error.hint)
        return
    except LstmcastError as error:
        found[name] = Reached(name, "failed", _without_secrets(error.message), error.hint)
        return
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the others go on
        line = (str(error).strip().splitlines() or [""])[0]
        words = f"{type(error).__name__}: {line}".rstrip(": ")
        found[name] = Reached(name, "failed", _without_secrets(words))
        return
    found[name] = Reached(name, "answers", said, seconds=round(time.monotonic() - began, 3))


def _without_secrets(text: str) -> str:
    """A message in which no token is quoted, whatever a library or a server says."""
    for name in TOKENS:
        if secret := os.environ.get(name, "").strip():
            text = text.replace(secret, "***")
    return text
