"""yfinance's own habits: its caches on disk and in memory, its warnings, its repairs."""

import sqlite3
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fake_yahoo import FakeYahoo, Fault, asks_for_range, edited, listing
from support.loopback import Reply

from lstmcast.prices.sources.yahoo import client

NO_SHARED_FOLDER = "lstmcast-yfinance-"


def test_cookies_and_zones_are_kept_in_a_folder_of_our_own(yahoo: FakeYahoo, program: Any) -> None:
    assert program.fetch("AAPL").exit_code == 0
    folder = client.cache_folder()
    assert folder.parts[-2:] == ("lstmcast", "yfinance")
    assert {"cookies.db", "tkr-tz.db"} <= {file.name for file in folder.iterdir()}
    assert folder.stat().st_mode & 0o077 == 0


def test_a_damaged_cache_is_made_anew(
    yahoo: FakeYahoo, program: Any, fresh_client: Callable[[], None]
) -> None:
    folder = client.cache_folder()
    for name in ("cookies.db", "tkr-tz.db"):
        (folder / name).write_bytes(b"no database at all" * 500)
    client.cache_folder.cache_clear()
    ran = program.fetch("AAPL")
    assert ran.exit_code == 0, ran.stderr
    with sqlite3.connect(folder / "tkr-tz.db") as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


def test_a_locked_cache_is_gone_around(yahoo: FakeYahoo, program: Any) -> None:
    folder = client.cache_folder()
    client.cache_folder.cache_clear()
    other = sqlite3.connect(folder / "tkr-tz.db", isolation_level=None)
    other.execute("CREATE TABLE mine (x)")
    other.execute("BEGIN EXCLUSIVE")
    try:
        ran = program.fetch("AAPL")
        assert ran.exit_code == 0, ran.stderr
        assert client.cache_folder().name.startswith(NO_SHARED_FOLDER)
    finally:
        other.close()


def test_a_folder_that_cannot_be_made_is_gone_around(
    yahoo: FakeYahoo, program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    ran = program.fetch("AAPL")
    assert ran.exit_code == 0, ran.stderr
    assert client.cache_folder().name.startswith(NO_SHARED_FOLDER)


def test_a_bad_answer_is_not_remembered(yahoo: FakeYahoo, program: Any) -> None:
    yahoo.faults = [Fault("chart", Reply(500, b"{}"), times=8)]
    failed = program.fetch("AAPL")
    assert failed.exit_code == 6
    yahoo.faults.clear()
    assert program.fetch("AAPL").exit_code == 0


def test_no_warning_of_yfinance_gets_out(yahoo: FakeYahoo, program: Any) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert program.fetch("NOPE").exit_code == 5
        assert program.fetch("AAPL").exit_code == 0
    assert [str(item.message) for item in seen if "yfinance" in str(item.filename)] == []


@pytest.mark.slow  # the repair imports scikit-learn
def test_repair_is_passed_on(yahoo: FakeYahoo, program: Any) -> None:
    def in_pence(chart: dict[str, Any]) -> None:
        quote = chart["indicators"]["quote"][0]
        adjusted = chart["indicators"]["adjclose"][0]
        for column in (
            *(quote[name] for name in ("open", "high", "low", "close")),
            *adjusted.values(),
        ):
            column[40] *= 100

    whole = listing()
    yahoo.faults = [Fault("chart", edited(in_pence), None, asks_for_range)]
    refused = program.fetch("AAPL", "--end", "2026-06-30")
    assert refused.exit_code == 4
    ran = program.fetch("AAPL", "--end", "2026-06-30", "--repair")
    assert ran.exit_code == 0, ran.stderr
    history = program.store.load("AAPL", "yahoo")
    assert history.details["repaired"] == "yes"
    np.testing.assert_allclose(history.bars["close"], whole.bars["close"], rtol=1e-6)


def test_every_row_before_the_newest_session_is_asked_for(yahoo: FakeYahoo, program: Any) -> None:
    yahoo.add(replace(listing("OLD", sessions=300), meta={"currency": "GBp"}))
    (outcome,) = program.fetch("OLD").json
    assert outcome["rows"] == 300
    assert outcome["currency"] == "GBp"
