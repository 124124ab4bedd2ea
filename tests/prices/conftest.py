"""Fixtures of the price tests: a loopback internet with Yahoo on it, and the command line."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.fake_yahoo import FakeYahoo, listing
from support.loopback import Authority, Loopback
from typer.testing import CliRunner

from lstmcast.prices import batch
from lstmcast.prices.sources import http, retry
from lstmcast.prices.sources.yahoo import client
from lstmcast.prices.store import PriceStore


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def loopback(authority: Authority) -> Iterator[Loopback]:
    with Loopback(authority) as internet:
        yield internet


@pytest.fixture
def fresh_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Return a function that makes yfinance forget everything, in memory and on disk."""
    count = 0

    def forget() -> None:
        from yfinance import base, cache
        from yfinance.data import SingletonMeta, YfData

        nonlocal count
        count += 1
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache{count}"))
        client.load_yfinance.cache_clear()
        client.cache_folder.cache_clear()
        SingletonMeta._instances.clear()
        YfData.cache_get.cache_clear()
        cache._TzDBManager.close_db()
        cache._CookieDBManager.close_db()
        cache._TzCacheManager._tz_cache = None
        cache._CookieCacheManager._Cookie_cache = None
        base._tz_info_fetch_ctr = 0

    return forget


@pytest.fixture
def yahoo(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch, fresh_client: Callable[[], None]
) -> FakeYahoo:
    """Yahoo with one listing, AAPL: 120 sessions to 2026-06-30; waits are shortened."""
    monkeypatch.setattr(retry, "PAUSE", 0.01)
    monkeypatch.setattr(batch, "PACE", 0.0)
    monkeypatch.setattr(http, "PER_REQUEST", 0.5)
    monkeypatch.setattr(http, "PREAMBLE", 0.5)
    fresh_client()
    fake = FakeYahoo()
    fake.add(listing())
    loopback.handlers["yahoo.com"] = fake
    return fake


@dataclass
class Ran:
    """One run of the program inside this process."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass
class Program:
    """The command line, on a store of its own and the loopback internet."""

    store: PriceStore
    loopback: Loopback

    def run(self, *arguments: str) -> Ran:
        from lstmcast.cli.app import app

        started = time.perf_counter()
        result = CliRunner().invoke(
            app, list(arguments), env={"LSTMCAST_DATA_DIR": str(self.store.root)}
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        seconds = time.perf_counter() - started
        return Ran(result.exit_code, result.stdout, result.stderr, seconds)

    def fetch(self, *arguments: str) -> Ran:
        bundle = str(self.loopback.authority.bundle)
        return self.run(
            "fetch", "--proxy", self.loopback.url, "--ca-bundle", bundle, "--json", *arguments
        )


@pytest.fixture
def program(tmp_path: Path, loopback: Loopback) -> Program:
    return Program(PriceStore(tmp_path / "data"), loopback)
