"""A proxy on 127.0.0.1 that plays the internet: it ends TLS itself and answers for every host.

A client needs two settings to be led here, a proxy and a certificate authority to trust, and is the
real client otherwise: its own requests, headers, TLS and retries. Nothing leaves the machine; hosts
without a handler get 404 and stand in `requests` for the test to see.
"""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import trustme

HOSTS = (
    "*.yahoo.com",
    "*.finance.yahoo.com",
    "api.tushare.pro",
    "fred.stlouisfed.org",
    "*.eastmoney.com",
    "*.gtimg.cn",
)


@dataclass(frozen=True)
class Request:
    """One request as the server saw it."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]
    at: float = field(default_factory=time.monotonic)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What to send, and the ways in which the network may spoil it.

    `delay`: seconds before the answer. `drop`: close the connection instead. `cut`: promise the
    whole body and send this many bytes. `trickle`: seconds between single bytes. `endless`: send
    the body again and again until the client hangs up.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain;charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    drop: bool = False
    cut: int | None = None
    trickle: float = 0.0
    endless: bool = False

    @classmethod
    def of(cls, data: Any, status: int = 200) -> "Reply":
        return cls(status, json.dumps(data).encode(), "application/json;charset=utf-8")

    @classmethod
    def html(cls, text: str, status: int = 200) -> "Reply":
        return cls(status, text.encode(), "text/html")


Handler = Callable[[Request], Reply]


class Authority:
    """A certificate authority made for the tests, and a server certificate for `HOSTS`."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.bundle = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.bundle))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*HOSTS).configure_cert(self.context)


class Loopback:
    """The proxy; use it in a `with` statement.

    Handlers are found by the end of the host's name: `loopback.handlers["yahoo.com"] = handler`.
    """

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.handlers: dict[str, Handler] = {}
        self.requests: list[tuple[Request, int]] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self) -> dict[str, str]:
        """Return the variables that lead a subprocess here, and nowhere else."""
        bundle = str(self.authority.bundle)
        return {
            "HTTPS_PROXY": self.url,
            "https_proxy": self.url,
            "REQUESTS_CA_BUNDLE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
        }

    def answer(self, request: Request) -> Reply:
        for ending, handler in self.handlers.items():
            if request.host.endswith(ending):
                reply = handler(request)
                break
        else:
            reply = Reply(404, b"no such host on the loopback internet")
        with self._lock:
            self.requests.append((request, reply.status))
        return reply

    def __enter__(self) -> Self:
        serve = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        serve.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, loopback: Loopback) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.loopback = loopback

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are sent apart: the second would wait 40 ms for the first to be acknowledged.
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Keep the test output clean."""

    def do_CONNECT(self) -> None:
        self.send_response(200, "Connection established")
        self.end_headers()
        try:
            tunnel = self.server.loopback.authority.context.wrap_socket(
                self.connection, server_side=True
            )
        except OSError:  # the client does not trust the certificate
            self.close_connection = True
            return
        self.connection = tunnel
        self.rfile = tunnel.makefile("rb", -1)
        self.wfile = tunnel.makefile("wb", 0)  # type: ignore[assignment]  # as the base class does
        self.close_connection = False
        while not self.close_connection:
            self.handle_one_request()
        self.close_connection = True
        with contextlib.suppress(OSError):
            tunnel.close()

    def do_GET(self) -> None:
        loopback = self.server.loopback
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        reply = loopback.answer(
            Request(
                method=self.command,
                host=(parts.hostname or self.headers.get("Host") or "").partition(":")[0],
                path=parts.path,
                query={name: values[-1] for name, values in parse_qs(parts.query).items()},
                body=body,
                headers=dict(self.headers),
            )
        )
        if reply.delay:
            loopback.closing.wait(reply.delay)
        if reply.drop:
            self.close_connection = True
            return
        with contextlib.suppress(OSError):  # the client may have given up
            self._send(reply)

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.endless:
            self.send_header("Connection", "close")
            self.end_headers()
            while not self.server.loopback.closing.is_set():
                self.wfile.write(reply.body)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        for piece in _pieces(reply):
            self.wfile.write(piece)
            if reply.trickle and self.server.loopback.closing.wait(reply.trickle):
                break
        if reply.cut is not None:
            self.close_connection = True


def _pieces(reply: Reply) -> Iterator[bytes]:
    sent = reply.body if reply.cut is None else reply.body[: reply.cut]
    if reply.trickle:
        for at in range(len(sent)):
            yield sent[at : at + 1]
    else:
        yield sent
