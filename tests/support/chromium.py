"""A real browser for pages: headless Chromium, driven by its own debugging protocol.

Everything that the page asks the network for, says on its console or fails at is kept.
"""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser's program, if it is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Browser:
    """One page of the browser.

    Args:
        socket: to the page's debugger.
        requests: addresses that were asked for, but for the page's own.
        errors: what went wrong in it: exceptions, console errors, what its policy refused.
    """

    socket: websocket.WebSocket
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    number: int = 0

    def call(self, method: str, **parameters: Any) -> Any:
        """Ask the debugger for something and wait for its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        kind, told = event.get("method"), event.get("params", {})
        if kind == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif kind == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(told["exceptionDetails"]))
        elif kind == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning", "assert"}:
            self.errors.append(json.dumps(told["args"]))
        elif kind == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(told["entry"]["text"])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = 60.0) -> Any:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"still not so: {expression}"
            time.sleep(0.05)
        return value

    def open(self, path: Path, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Show a page of its own in a window of a size and theme, and wait for its charts."""
        self.requests.clear()
        self.errors.clear()
        self.emulate(width=width, height=height, dark=dark)
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.until("document.documentElement?.dataset.ready === 'true'")
        self.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        self.requests = [url for url in self.requests if url != path.resolve().as_uri()]

    def emulate(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Give the window a size and a theme."""
        phone = width < 640
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=phone,
        )  # fmt: skip
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Move, press or release the mouse at a place of the window."""
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, **more)

    def key(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        """Write what is shown as a PNG."""
        picture = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in a folder; ended with the context."""
    program = chromium()
    assert program is not None
    process = subprocess.Popen(
        [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--no-first-run", "--disable-extensions",
            "--remote-debugging-port=0", "--remote-allow-origins=*",
            f"--user-data-dir={folder}", "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = _port(folder / "DevToolsActivePort", process)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
            pages = [page for page in json.load(answer) if page["type"] == "page"]
        socket = websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=90)
        try:
            page = Browser(socket)
            for domain in ("Page", "Runtime", "Network", "Log"):
                page.call(f"{domain}.enable")
            yield page
        finally:
            socket.close()
    finally:
        process.terminate()
        process.wait(30)


def _port(file: Path, process: "subprocess.Popen[bytes]") -> int:
    """Where the browser listens, once it has written that down."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the browser ended"
        if file.is_file() and (words := file.read_text().split()):
            return int(words[0])
        time.sleep(0.05)
    raise AssertionError("the browser did not begin to listen")
