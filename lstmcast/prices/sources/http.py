"""One HTTP session for every source on the network: bounded in time and size, and with a memory.

Two lacks of the clients make it necessary. Time-outs add up: yfinance's cookie and consent steps
use 30 s each whatever `timeout=` says, 130 s in all where a firewall swallows packets. And status
codes get lost: yfinance reports a refusal and a fault of the server alike as "possibly delisted".
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curl_cffi.curl import CURL_WRITEFUNC_ERROR
from curl_cffi.requests import Session
from curl_cffi.requests import exceptions as curl

from lstmcast.errors import (
    BadResponseError,
    BlockedError,
    LstmcastError,
    NetworkTroubleError,
    RateLimitedError,
    ServerTroubleError,
)
from lstmcast.reading import size

PER_REQUEST = 15.0
"""Seconds for one request that answers the question."""
PREAMBLE = 5.0
"""Seconds for one request for a cookie, a consent or a crumb."""
ANSWER_BYTES = 8 * 2**20
"""Most of an answer when it is unpacked: a century of daily bars is three million bytes. Read as
JSON it may take twenty times as much."""
PREAMBLE_BYTES = 2**20
"""Most of a page with a cookie, a consent or a crumb."""
OTHER_SOURCES = "or use another source: `--source csv`, `tushare` or `akshare`"


class OutOfTimeError(Exception):
    """The time budget is spent. Not an OSError on purpose: yfinance carries on after those."""


class FloodError(BadResponseError):
    """An answer without end, or one that unpacks to far more than bars; asking again is no help."""


class _Body:
    """Takes in an answer as it comes, unpacked, up to a limit."""

    def __init__(self, most: int) -> None:
        self.most, self.size, self.flooded = most, 0, False
        self.pieces: list[bytes] = []

    def __call__(self, piece: bytes) -> int:
        self.size += len(piece)
        if self.size > self.most:
            self.flooded = True
            self.pieces.clear()
            return CURL_WRITEFUNC_ERROR  # which ends the connection
        self.pieces.append(piece)
        return len(piece)

    def whole(self) -> bytes:
        return b"".join(self.pieces)


class TooMuchError(curl.RequestException):
    """What a session raises for an answer above the limit."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {size(most)}")


class UntrustedError(NetworkTroubleError):
    """A certificate that is not trusted here; asking again will not help."""


@dataclass(frozen=True)
class Exchange:
    """One request and what came of it: an answer, or a failure to get one."""

    host: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    status: int | None = None
    retry_after: str | None = None
    body: bytes = b""
    failure: Exception | None = None


class GuardedSession(Session):  # type: ignore[type-arg]  # generic only in the response class
    """A curl_cffi session whose requests share one time budget, and which remembers them.

    Cookies live as long as the session, so one serves many symbols; `allow` opens a new budget for
    each.

    Args:
        answers_at: the beginning of the paths whose answers are kept; others get less time each.
        proxy: URL of a proxy; None leaves it to the environment.
        ca_bundle: file of certificates to trust; None leaves it to the environment.
    """

    def __init__(
        self,
        answers_at: str = "/",
        proxy: str | None = None,
        ca_bundle: Path | None = None,
    ) -> None:
        options: dict[str, Any] = {"impersonate": "chrome"}
        if proxy is not None:
            options["proxy"] = proxy
        if ca_bundle is not None:
            options["verify"] = str(ca_bundle)
        super().__init__(**options)
        self.answers_at = answers_at
        self.allow(0.0)

    def allow(self, seconds: float) -> None:
        """Let the requests from now on take `seconds` together, and forget the earlier ones."""
        self.budget = seconds
        self.deadline = time.monotonic() + seconds
        self.exchanges: list[Exchange] = []

    def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
        """Send a request within what is left of the budget, and remember the outcome.

        Raises:
            OutOfTimeError: nothing is left.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise OutOfTimeError(f"no answer within {self.budget:g} s")
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path
        wanted = path.startswith(self.answers_at)
        asked, params = kwargs.get("timeout"), kwargs.get("params") or {}
        limits = [left, PER_REQUEST if wanted else PREAMBLE]
        limits += [asked] if isinstance(asked, (int, float)) else []
        body = _Body(ANSWER_BYTES if wanted else PREAMBLE_BYTES)
        options = {**kwargs, "timeout": min(limits), "content_callback": body}
        try:
            response = super().request(method, url, *args, **options)
        except curl.RequestException as failure:
            error = TooMuchError(body.most) if body.flooded else failure
            self.exchanges.append(Exchange(host, path, params, failure=error))
            raise error from failure
        response.content = body.whole()
        self.exchanges.append(
            Exchange(
                host,
                path,
                params,
                response.status_code,
                response.headers.get("Retry-After"),
                response.content if wanted else b"",
            )
        )
        return response

    def read(self, name: str, method: str, url: str, **options: Any) -> Exchange:
        """Send one request for the source called `name` and return its answer of 200 or 4xx.

        Raises:
            SourceError: no answer, or a refusal.
        """
        host = urlsplit(url).hostname or name
        try:
            self.request(method, url, **options)
        except (OutOfTimeError, curl.RequestException) as error:
            raise self.told(network_trouble(error, host, self.budget)) from error
        answer = self.exchanges[-1]
        refused = refusal(name, answer)
        if refused is not None:
            raise refused
        return answer

    def told(self, error: LstmcastError) -> LstmcastError:
        """Return the error, knowing whether any host answered since the budget was opened."""
        if isinstance(error, NetworkTroubleError):
            error.reached = any(item.status is not None for item in self.exchanges)
        return error

    @property
    def last_answer(self) -> Exchange | None:
        """The newest exchange at one of the paths that matter; else the newest failure, or None."""
        wanted = [item for item in self.exchanges if item.path.startswith(self.answers_at)]
        if wanted:
            return wanted[-1]
        failures = [item for item in self.exchanges if item.failure is not None]
        return failures[-1] if failures else None


def network_trouble(failure: Exception, host: str, budget: float) -> LstmcastError:
    """Return what a failed connection means to a user.

    Args:
        failure: what curl_cffi or the session raised.
        host: the host that was asked.
        budget: the seconds that were allowed.
    """
    if isinstance(failure, OutOfTimeError | curl.Timeout):
        return NetworkTroubleError(
            f"{host} did not answer within {budget:g} s",
            hint="check the connection, allow more with `--timeout`, or go through `--proxy URL`",
        )
    if isinstance(failure, TooMuchError):
        return FloodError(
            f"{host} sent an unusable answer: {failure}",
            hint="the network's login page may be the cause; try again later, or another source",
        )
    if isinstance(failure, curl.SSLError):
        return UntrustedError(
            f"the certificate of {host} is not trusted here: {plain(failure)}",
            hint="behind a corporate proxy, give its certificate with `--ca-bundle FILE`",
        )
    if isinstance(failure, curl.ProxyError):
        return NetworkTroubleError(
            f"the proxy failed: {plain(failure)}", hint="check `--proxy` or HTTPS_PROXY"
        )
    if isinstance(failure, curl.DNSError):
        return NetworkTroubleError(
            f"{host} could not be found: {plain(failure)}",
            hint="check the connection; without one, `--source csv --path FILE` reads files",
        )
    return NetworkTroubleError(
        f"the connection to {host} failed: {plain(failure)}", hint="check it and try again"
    )


def refusal(name: str, answer: Exchange) -> LstmcastError | None:
    """Return what a status code says of the source called `name`, or None if it is no refusal."""
    status = answer.status or 0
    if status == 429:
        return rate_limited(name, answer.retry_after)
    if status in (401, 403, 451):
        return BlockedError(
            f"{name} refuses this client or region (HTTP {status})",
            hint=f"go through `--proxy URL`, {OTHER_SOURCES}",
        )
    if status >= 500:
        return ServerTroubleError(
            f"{name} reports a server error (HTTP {status})",
            hint=f"try again in some minutes, {OTHER_SOURCES}",
        )
    return None


def rate_limited(name: str, retry_after: str | None) -> RateLimitedError:
    """Return the error for a source that limits requests, with how long if it said so."""
    wait = (
        f"{retry_after} s"
        if retry_after and re.fullmatch(r"[0-9]{1,6}", retry_after)
        else "15 minutes or more"
    )
    return RateLimitedError(
        f"{name} is rate-limiting this address (HTTP 429)",
        hint=f"wait {wait}, try another network, {OTHER_SOURCES}",
    )


def plain(failure: BaseException) -> str:
    """Return an exception's text as one short line, without curl's pointer to its manual."""
    text = " ".join(str(failure).split()).partition(" See https://curl.se")[0]
    text = text.removeprefix("Failed to perform, ").rstrip(". ")
    return text[:160] or type(failure).__name__
