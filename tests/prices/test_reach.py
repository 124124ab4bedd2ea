"""Which sources answer: all are asked at once, on the loopback internet, and none for long."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from support.fake_yahoo import FakeYahoo, listing
from support.loopback import Loopback, Reply, Request

from lstmcast.doctor import ask_sources
from lstmcast.doctor.reach import Reached
from lstmcast.prices.sources import http

SECRET = "told-to-nobody"  # noqa: S105 - it opens nothing


@pytest.fixture
def ask(loopback: Loopback, yahoo: FakeYahoo, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(http, "PER_REQUEST", 5.0)
    monkeypatch.delenv("TUSHARE_TOKEN", raising=False)

    def call(timeout: float = 5.0, **options: Any) -> dict[str, Reached]:
        # akshare takes seconds to load, and has tests of its own.
        monkeypatch.setattr(
            "lstmcast.doctor.reach.source_names", lambda: ["csv", "fred", "tushare", "yahoo"]
        )
        bundle = loopback.authority.bundle
        found = ask_sources(timeout, proxy=loopback.url, ca_bundle=bundle, **options)
        return {source.name: source for source in found}

    return call


def test_sources_that_answer_and_that_do_not(
    ask: Any, yahoo: FakeYahoo, loopback: Loopback
) -> None:
    yahoo.add(listing(last=datetime.now(UTC).date()))
    loopback.handlers["fred.stlouisfed.org"] = lambda _: Reply(503, b"down")
    found = ask()
    assert found["yahoo"].state == "answers"
    assert "AAPL up to " in found["yahoo"].message
    assert 0 < (found["yahoo"].seconds or 0) < 5
    assert found["fred"].state == "failed"
    assert "503" in found["fred"].message
    assert found["csv"].state == "local"
    assert found["tushare"].state == "not asked"
    assert "`TUSHARE_TOKEN` is not set" in found["tushare"].message


def test_a_symbol_without_bars_is_an_answer(ask: Any, yahoo: FakeYahoo) -> None:
    """The listing of the fixture ended long ago."""
    assert ask()["yahoo"].state == "answers"


def test_a_token_is_told_to_nobody(
    ask: Any, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSHARE_TOKEN", SECRET)
    loopback.handlers["tushare.pro"] = lambda request: Reply.of(
        {"code": 40203, "msg": f"token {request.json()['token']} has no right", "data": None}
    )
    told = ask()["tushare"]
    assert told.state == "failed"
    assert SECRET not in repr(told)
    assert "***" in told.message


def test_a_silent_source_keeps_nobody(ask: Any, loopback: Loopback, monkeypatch: Any) -> None:
    monkeypatch.setattr("lstmcast.doctor.reach.GRACE", 0.0)

    def silent(_: Request) -> Reply:
        return Reply(200, b"", delay=30)

    loopback.handlers["fred.stlouisfed.org"] = silent
    began = time.monotonic()
    found = ask(0.6)
    assert time.monotonic() - began < 3
    assert found["fred"].state == "failed"
    assert found["csv"].state == "local"


def test_a_library_that_raises_anything_is_told(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(*_: object) -> None:
        raise ZeroDivisionError("at the\nbottom")

    monkeypatch.setattr("lstmcast.prices.sources.get_source", odd)
    assert ask()["fred"].message == "ZeroDivisionError: at the"


def test_offline_asks_nobody(ask: Any, loopback: Loopback) -> None:
    found = ask(offline=True)
    assert {source.state for source in found.values()} == {"local", "not asked"}
    assert loopback.requests == []
